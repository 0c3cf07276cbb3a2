import * as glue from "gecko-profiler-demangle/index_bg.js";
import type { ElfAudit, Sample } from "./audit.ts";

const isMangled = (name: string): boolean => /^_+[ZR]/.test(name);

/** Makes a compiler's spelling of a name into the programmer's; other names stay as they are. */
export type Demangle = (name: string) => string;

/**
 * A demangler for C++ (Itanium C++ ABI, chapter 5.1) and Rust names. Return types of templates are left out.
 * To be made once in a thread: the package keeps one module.
 * @param wasm the demangler's module, `index_bg.wasm` of gecko-profiler-demangle
 */
export async function createDemangler(wasm: Uint8Array): Promise<Demangle> {
  const { instance } = await WebAssembly.instantiate(wasm, { "./index_bg.js": { ...glue } });
  glue.__wbg_set_wasm(instance.exports);
  const start = instance.exports["__wbindgen_start"];
  if (typeof start === "function") start();
  return (name) => {
    if (!isMangled(name)) return name;
    const text = glue.demangle_any(name);
    // Of a name that it can't read it gives back the rest behind the first underscore.
    return name.endsWith(text) ? name : text;
  };
}

/** An audit with the names of its samples demangled. @param demangler is asked for where there is a name for it */
export async function withNames(audit: ElfAudit, demangler: () => Promise<Demangle>): Promise<ElfAudit> {
  const all = [...audit.samples, ...audit.unattributed.samples];
  if (!all.some(({ symbol }) => symbol !== null && isMangled(symbol))) return audit;
  const demangle = await demangler();
  const named = (sample: Sample): Sample => {
    const { symbol } = sample;
    const text = symbol === null ? null : demangle(symbol);
    return symbol === null || text === symbol ? sample : { ...sample, symbol: text, mangled: symbol };
  };
  const { unattributed } = audit;
  return {
    ...audit,
    samples: audit.samples.map(named),
    unattributed: { ...unattributed, samples: unattributed.samples.map(named) },
  };
}

import * as glue from "gecko-profiler-demangle/index_bg.js";

/** Makes a compiler's spelling of a name into the programmer's; other names stay as they are. */
export type Demangle = (name: string) => string;

/**
 * A demangler for C++ (Itanium C++ ABI, chapter 5.1) and Rust names. Return types of templates are left out.
 * @param wasm the demangler's module, `index_bg.wasm` of gecko-profiler-demangle
 */
export async function createDemangler(wasm: Uint8Array): Promise<Demangle> {
  const { instance } = await WebAssembly.instantiate(wasm, { "./index_bg.js": { ...glue } });
  glue.__wbg_set_wasm(instance.exports);
  const start = instance.exports["__wbindgen_start"];
  if (typeof start === "function") start();
  return (name) => {
    if (!/^_+[ZR]/.test(name)) return name;
    const text = glue.demangle_any(name);
    // Of a name that it can't read it gives back the rest behind the first underscore.
    return name.endsWith(text) ? name : text;
  };
}

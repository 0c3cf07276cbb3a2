declare module "gecko-profiler-demangle/index_bg.js" {
  export function __wbg_set_wasm(exports: Record<string, unknown>): void;
  export function demangle_any(name: string): string;
}

/** The part of the language's WebAssembly that is used; the types of Node have none. */
declare namespace WebAssembly {
  function instantiate(
    module: Uint8Array,
    imports: Record<string, Record<string, unknown>>,
  ): Promise<{ instance: { exports: Record<string, unknown> } }>;
}

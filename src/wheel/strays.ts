/** Packages that the answers of a run are computed and judged with, and modules that Python imports by itself. */
const OTHERS = new Set(["torch", "torchgen", "functorch", "numpy", "sitecustomize", "usercustomize"]);
/** Distributions that own some of them. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  torch: ["torch", "torchgen", "functorch"],
  numpy: ["numpy"],
};
/** Where files of NAME.data/ go. Source: binary distribution format, "The .data directory"; sysconfig's schemes. */
const SCHEMES = new Set(["purelib", "platlib", "headers", "scripts", "data"]);
/** Programs of an environment that a wheel's script would take the place of. */
const PROGRAMS = /^(python|pip|uv|activate)[\w.-]*$/i;

/**
 * Files of a wheel that would run by themselves or take another package's place. A `.pth` file runs at every start of
 * the interpreter (Python, site module); a folder `torch` would change what the wheel is compared with.
 * @param distribution normalised name of the wheel's distribution
 * @param names paths in the archive
 */
export function strayFiles(distribution: string, names: readonly string[]): string[] {
  const own = new Set(OWNERS[distribution] ?? []);
  return names.filter((name) => {
    const [, scheme, inside = ""] = /^[^/]+\.data\/([^/]*)\/?(.*)$/.exec(name) ?? [];
    if (scheme !== undefined && !SCHEMES.has(scheme)) return true;
    if (scheme === "scripts") return PROGRAMS.test(inside);
    if (scheme === "headers") return false;
    // Files of data/ go below the environment's root, so into its programs and packages as well.
    if (scheme === "data")
      return /^(bin|pyvenv\.cfg)(\/|$)|(^|\/)(site|dist)-packages(\/|$)|^lib\/python[^/]*\//i.test(inside);
    const installed = scheme === undefined ? name : inside;
    const top = (installed.split("/")[0] ?? "").replace(/\.(py|pyc|so|[\w-]+\.so)$/, "");
    return /^[^/]+\.pth$/i.test(installed) || (OTHERS.has(top) && !own.has(top));
  });
}

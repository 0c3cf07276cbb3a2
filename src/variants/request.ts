import { wheelsError } from "../errors/wheels-error.ts";

const PYTHON = /^3\.(\d+)$/;

/**
 * Python versions from one (`3.11`), a list (`3.11,3.12`) or a range (`3.10-3.13`); empty for the default.
 * @returns minor versions in the order given, without duplicates
 * @throws E_OPTION_VALUE
 */
export function parsePythonVersions(text: string): string[] {
  const bad = (): never => {
    throw wheelsError("E_OPTION_VALUE", {
      option: "--python-version",
      value: text,
      expected: "a version (3.11), a list (3.11,3.12) or a range (3.10-3.13)",
    });
  };
  const minor = (version: string): number => Number(PYTHON.exec(version)?.[1] ?? bad());
  const versions = text.split(",").flatMap((part) => {
    const [from = "", to, ...rest] = part.trim().split("-");
    if (rest.length > 0) return bad();
    if (to === undefined) return [minor(from)];
    const [first, last] = [minor(from), minor(to)];
    if (first > last) return bad();
    return Array.from({ length: last - first + 1 }, (_unused, index) => first + index);
  });
  return [...new Set(versions)].map((version) => `3.${version}`);
}

import { wheelsError } from "../errors/wheels-error.ts";

/** A request for wheels, as the planner takes it. */
export interface WheelRequest {
  /** Names of variants, or all. */
  variant: string;
  /** Releases, without duplicates; with a source, what it must be of. */
  versions: string[];
  source: string | null;
  recipe: string | null;
  architecture: "own" | "x86_64" | "aarch64" | "any";
  allowDirty: boolean;
  /** Minor versions; empty for the Python on PATH. */
  pythons: string[];
  versionSuffix: string | null;
  manifest: string | null;
}

/** Which of the planned wheels are wanted; null for no wish. */
export interface WheelChoice {
  only: string | null;
  skip: string | null;
  skipExisting: string | null;
  runner: string | null;
  /** The label of the machines that compile; null for the labels that all variants share. */
  buildRunner: string | null;
}

/** The number after the point of a Python version; 0 for the Python on PATH. */
export const minorOf = (python: string | null): number => Number(python?.split(".")[1] ?? 0);

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

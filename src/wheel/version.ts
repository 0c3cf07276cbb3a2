import pep440 from "@renovatebot/pep440";
import { wheelsError } from "../errors/wheels-error.ts";

/** A version without its local part: 2.13.0+cpu → 2.13.0 (PEP 440, "Local version identifiers"). */
export function withoutLocal(version: string): string {
  return version.split("+")[0] ?? version;
}

/** True for a version that PEP 440 knows. */
export function isVersion(version: string): boolean {
  return pep440.valid(version) !== null;
}

/** Compares two versions by PEP 440; negative where `a` is older. */
export function compareVersions(a: string, b: string): number {
  return pep440.compare(a, b);
}

/**
 * A version with a suffix, before its local part: 0.1.0+cpu and .post1 → 0.1.0.post1+cpu.
 * @throws E_OPTION_VALUE where the suffix is not .postN or .devN, or the version already has such a part
 */
export function withSuffix(version: string, suffix: string): string {
  const [release = version, local] = version.split("+");
  const bad = (expected: string): never => {
    throw wheelsError("E_OPTION_VALUE", { option: "--version-suffix", value: suffix, expected });
  };
  if (!/^\.(post|dev)\d+$/.test(suffix)) bad(".postN or .devN");
  const joined = `${release}${suffix}${local === undefined ? "" : `+${local}`}`;
  if (!isVersion(joined)) bad(`a suffix that ${version} does not have yet`);
  return joined;
}

/** True for the version of a CPU-only build of torch. */
export const isCpuVersion = (version: string): boolean => version.endsWith("+cpu");

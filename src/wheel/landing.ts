/**
 * Where an installer puts a file of an archive: beside the packages, among the environment's programs or its headers,
 * elsewhere in the environment, or nobody knows where.
 */
export interface Landing {
  place: "packages" | "programs" | "headers" | "environment" | "unknown";
  /** Below that place. */
  path: string;
  /** The folder of NAME.data/ that it lies in; null for what lies outside of that. */
  by: string | null;
}

/** Folders of an environment that other schemes have for their own. Source: sysconfig, scheme `posix_prefix`. */
const WITHIN: readonly [RegExp, Landing["place"]][] = [
  [/^lib(?:64)?\/python[^/]*\/(?:site|dist)-packages\//, "packages"],
  [/^bin\//, "programs"],
];

/**
 * Says where a file lands. purelib and platlib are one folder in every environment of today; what data/ puts below the
 * environment's own site-packages or bin lands there.
 * Source: binary distribution format, "The .data directory".
 * @param name path in the archive
 */
export function landingOf(name: string): Landing {
  const [, by, path = ""] = /^[^/]+\.data\/([^/]*)(?:\/(.*))?$/s.exec(name) ?? [];
  switch (by) {
    case undefined:
      return { place: "packages", path: name, by: null };
    case "purelib":
    case "platlib":
      return { place: "packages", path, by };
    case "scripts":
      return { place: "programs", path, by };
    case "headers":
      return { place: "headers", path, by };
    case "data": {
      const [pattern, place] = WITHIN.find(([one]) => one.test(path)) ?? [];
      return pattern && place
        ? { place, path: path.replace(pattern, ""), by }
        : { place: "environment", path, by };
    }
    default:
      return { place: "unknown", path: `${by}/${path}`, by };
  }
}

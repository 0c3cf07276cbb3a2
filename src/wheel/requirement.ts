import { FormatError } from "./format-error.ts";
import { normalizeName } from "./names.ts";

/** A dependency. Source: PEP 508. */
export interface Requirement {
  name: string;
  extras: string[];
  /** Version specifiers such as `>=2,<3`, without blanks; empty for none. */
  specifier: string;
  url: string | null;
  /** The marker's text; empty for none. */
  marker: string;
}

const PATTERN =
  /^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*(?:@\s*(\S+)|\(?\s*((?:(?:===|[<>=!~]=|[<>])[^;(),]+,?\s*)*)\)?)\s*(?:;\s*(.+))?$/;

/** @throws FormatError */
export function parseRequirement(line: string): Requirement {
  const match = PATTERN.exec(line);
  const [, name, extras, url, specifier, marker] = match ?? [];
  if (!name) throw new FormatError("requirement", line);
  return {
    name,
    extras:
      extras
        ?.split(",")
        .map((extra) => extra.trim())
        .filter((extra) => extra !== "") ?? [],
    specifier: specifier?.replace(/\s+/g, "") ?? "",
    url: url ?? null,
    marker: marker?.trim() ?? "",
  };
}

export function formatRequirement({ name, extras, specifier, url, marker }: Requirement): string {
  const base = `${name}${extras.length > 0 ? `[${extras.join(",")}]` : ""}${url ? ` @ ${url}` : specifier}`;
  return marker ? `${base}${url ? " " : ""}; ${marker}` : base;
}

/** True where the requirement is on this distribution, in any spelling. */
export function isFor(requirement: Requirement, name: string): boolean {
  return normalizeName(requirement.name) === normalizeName(name);
}

/** The version of a sole `==` specifier without wild card, or null. */
export function pinnedVersion({ specifier }: Requirement): string | null {
  return /^===?([^,*]+)$/.exec(specifier)?.[1] ?? null;
}

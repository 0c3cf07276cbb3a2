import { TORCH_FAMILY } from "../../wheel/companions.ts";
import { FormatError } from "../../wheel/format-error.ts";
import { CPU_TORCH_INDEX } from "../../wheel/install-commands.ts";
import { linuxEnvironment, markerHolds } from "../../wheel/marker.ts";
import { allOf, type Headers } from "../../wheel/metadata.ts";
import { architectureOf, normalizeName, parseWheelFileName } from "../../wheel/names.ts";
import { parseRequirement } from "../../wheel/requirement.ts";
import { satisfies } from "../../wheel/specifier.ts";

/** Markers on these packages ask for the machine; any Python that such wheels are for will do. */
const PYTHON = "3.12";

/**
 * Where a user of an index finds the CPU-only torch of one of its wheels. `linked`: on this index, or the wheel needs
 * none. `local`: on this index, by addresses of the machine that made it. `elsewhere`: only on PyTorch's CPU index.
 */
export type TorchPlace = "linked" | "local" | "elsewhere";

/** A file of a page that links torch. */
interface Linked {
  filename: string;
  url: string;
}

const servedFor = (fileName: string): string => architectureOf(fileName) ?? "x86_64";

/** What a wheel requires of torch's family on Linux, as `name specifier`; the specifier is without local parts. */
export function torchNeeds(document: Headers, fileName: string): string[] {
  const environment = linuxEnvironment(servedFor(fileName), PYTHON);
  return allOf(document, "Requires-Dist").flatMap((line) => {
    try {
      const { name, specifier, marker } = parseRequirement(line);
      const package_ = normalizeName(name);
      if (!TORCH_FAMILY.includes(package_) || !markerHolds(marker, environment)) return [];
      // torch==X and torch==X+cpu mean the same file on a page that has CPU builds alone.
      return [`${package_} ${specifier.replace(/\+[a-z0-9.]+/gi, "")}`.trim()];
    } catch (thrown) {
      if (thrown instanceof FormatError) return [];
      throw thrown;
    }
  });
}

/**
 * Where the torch of a wheel is found. Half a fix is worse than none, so one package that is missing counts for all.
 * @param needs as {@link torchNeeds} tells them; undefined where a page of an older version does not
 * @param linked files by package, of the pages that link torch
 */
export function torchPlace(
  fileName: string,
  needs: readonly string[] | undefined,
  linked: ReadonlyMap<string, readonly Linked[]>,
): TorchPlace {
  if (needs === undefined) return "elsewhere";
  const places = needs.map((need): TorchPlace => {
    const [name = "", specifier = ""] = need.split(" ");
    const fitting = (linked.get(name) ?? []).filter(({ filename }) => {
      const { version, platform } = parseWheelFileName(filename);
      const fits = platform === "any" || platform.endsWith(`_${servedFor(fileName)}`);
      return fits && version.endsWith("+cpu") && satisfies(version, specifier);
    });
    if (fitting.length === 0) return "elsewhere";
    return fitting.some(({ url }) => /^https?:/i.test(url)) ? "linked" : "local";
  });
  return places.find((one) => one === "elsewhere") ?? places.find((one) => one === "local") ?? "linked";
}

/**
 * A pip command for a wheel of an index.
 * @param indexes addresses of further indexes that have the wheel
 * @param place where its torch is; PyTorch's CPU index is named unless it is among `indexes`
 */
export function pipCommand(
  project: string,
  version: string,
  indexes: readonly string[],
  place: TorchPlace,
): string {
  const all = [...indexes, ...(place === "elsewhere" ? [CPU_TORCH_INDEX] : [])];
  return ["pip install", `${project}==${version}`, ...all.map((one) => `--extra-index-url ${one}`)].join(" ");
}

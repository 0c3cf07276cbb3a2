import { attempt } from "../../wheel/format-error.ts";
import { linuxEnvironment, type MarkerEnvironment, parseMarker } from "../../wheel/marker.ts";
import { normalizeName } from "../../wheel/names.ts";
import { isFor, parseRequirement, pinnedVersion, type Requirement } from "../../wheel/requirement.ts";
import { hasArbitrary } from "../../wheel/specifier.ts";
import { isVersion } from "../../wheel/version.ts";
import type { TorchRequirement } from "../facts/facts.ts";

/** Minor versions of Python 3 that a tag such as py3 or abi3 is asked for. */
const [OLDEST_MINOR, NEWEST_MINOR] = [8, 20];
/** Patch releases that a marker on python_full_version is asked for. */
const PATCHES = 30;

/** Environments that the wheel's tags let it be installed in: CPython on Linux, by architecture and minor version. */
function environmentsOf(tags: readonly string[]): MarkerEnvironment[] {
  const minors = new Set<number>();
  const architectures = new Set<string>();
  for (const tag of tags) {
    const [, minor, abi] = /^cp3(\d+)-([^-]+)-/.exec(tag) ?? [];
    const first = minor === undefined ? OLDEST_MINOR : Number(minor);
    const last = minor === undefined || abi === "abi3" ? Math.max(first, NEWEST_MINOR) : first;
    for (let one = first; one <= last; one++) minors.add(one);
    architectures.add(/_(x86_64|aarch64|ppc64le|s390x|riscv64)$/.exec(tag)?.[1] ?? "x86_64");
  }
  return [...architectures].flatMap((architecture) =>
    [...minors].map((minor) => linuxEnvironment(architecture, `3.${minor}`)),
  );
}

/** Characters of a line that is told of. */
const TOLD = 500;

/** Comparisons that are made for one wheel's markers, in characters; some thousands for real wheels. */
const MOST_WORK = 20_000_000;

/**
 * Asks markers. One that can't be read counts as holding, so that none hides a requirement; and so does every one that is
 * asked after all work that a wheel is worth has been done.
 */
function asker(environments: readonly MarkerEnvironment[]): (marker: string) => boolean {
  const known = new Map<string, boolean>();
  let left = MOST_WORK;
  const ask = (text: string): boolean => {
    // Whatever is asked of the machine's own system may hold somewhere.
    if (/platform[_.](release|version)/.test(text)) return true;
    const patches = /python_full_version/.test(text) ? PATCHES : 0;
    const holds = parseMarker(text);
    return environments.some((one) => {
      for (let patch = 0; patch <= patches; patch++) {
        left -= text.length;
        if (left < 0) return true;
        if (holds({ ...one, python_full_version: `${one.python_version}.${patch}` })) return true;
      }
      return false;
    });
  };
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const answer = left < 0 || (attempt(() => ask(text)) ?? true);
    known.set(text, answer);
    return answer;
  };
}

/**
 * GPU libraries and builds by distribution name, normalised. `vllm` itself is the CUDA build; plain `triton` is none,
 * since vLLM's own dependencies bring it.
 */
const GPU_NAME =
  /^(nvidia|cuda|cupy|rocm|amd-hip)(-|$)|^(pytorch-)?triton-(rocm|xpu)|^pytorch-cuda|-cu(da)?\d{2,}[a-z]?$|^vllm$|^(flashinfer|xformers|tensorrt|onnxruntime-gpu)/;

function torchOf(line: string, requirement: Requirement): TorchRequirement {
  const pinned = pinnedVersion(requirement);
  const isLocal = requirement.specifier.includes("+");
  return {
    line,
    pinned: pinned !== null && isVersion(pinned) ? pinned : null,
    isLocal,
    isDirect: requirement.url !== null,
  };
}

const harm = ({ isDirect, isLocal, pinned }: TorchRequirement): number =>
  isDirect ? 3 : isLocal ? 2 : pinned === null ? 1 : 0;

/** What a wheel's Requires-Dist lines ask of whoever installs it without extras. */
export interface RequirementFacts {
  /** Of the requirements on torch that hold somewhere the wheel goes, the one that harms most. */
  torch: TorchRequirement | null;
  /** Lines that bring GPU libraries. */
  gpuRequirements: string[];
  /** Lines that not every installer can read. */
  unreadableRequirements: string[];
}

/**
 * Reads Requires-Dist lines as an installer would, in every environment that the wheel's tags allow.
 * @param lines values of Requires-Dist
 * @param tags the wheel's tags, expanded
 */
export function requirementFacts(lines: readonly string[], tags: readonly string[]): RequirementFacts {
  const mayHold = asker(environmentsOf(tags));
  const read = lines.map((line) => ({ line, requirement: attempt(() => parseRequirement(line)) }));
  const held = read.flatMap(({ line, requirement }) =>
    requirement && mayHold(requirement.marker) ? [{ line, requirement }] : [],
  );
  return {
    torch:
      held
        .filter(({ requirement }) => isFor(requirement, "torch"))
        .map(({ line, requirement }) => torchOf(line, requirement))
        .sort((a, b) => harm(b) - harm(a))[0] ?? null,
    gpuRequirements: held
      .filter(({ requirement }) => GPU_NAME.test(normalizeName(requirement.name)))
      .map(({ line }) => line),
    unreadableRequirements: read.flatMap(({ line, requirement }) =>
      requirement && !hasArbitrary(requirement.specifier) && attempt(() => parseMarker(requirement.marker))
        ? []
        : [line.slice(0, TOLD)],
    ),
  };
}

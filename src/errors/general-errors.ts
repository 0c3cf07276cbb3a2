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
      remedy: `Give ${p.option} a value it takes; --help lists them.`,
    }),
  ),
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
  E_DISK_FULL: entry(EXIT.machineCannot, "Disk full", (p: { where: string }) => ({
    what: `No space is left for ${p.where}.`,
    why: "The file system is full (ENOSPC) or a quota is reached (EDQUOT).",
    remedy: "Free space, or point --cache-dir, --output-dir and TMPDIR at a larger disk.",
  })),
} as const;

import { EXIT, entry } from "./entry.ts";

/** Errors of starting and running other programs, and of the folders that they work in. */
export const PROGRAM = {
  E_TOOL_MISSING: entry(EXIT.machineCannot, "Program missing", (p: { command: string }) => ({
    what: `The program ${p.command} was not found.`,
    why: p.command.includes("/") ? "There is no such file." : "It is not on PATH.",
    remedy: p.command.includes("/")
      ? `Install it, or name one that exists in the place of ${p.command}.`
      : `Install ${p.command}, or add its folder to PATH.`,
  })),
  E_TOOL_NOT_ALLOWED: entry(
    EXIT.machineCannot,
    "Program may not be started",
    (p: { path: string; detail: string; remedy: string }) => ({
      what: `${p.path} is there, but this user may not start it.`,
      why: p.detail,
      remedy: p.remedy,
    }),
  ),
  E_TOOL_ARCHITECTURE: entry(
    EXIT.machineCannot,
    "Program of another architecture",
    (p: { path: string; made: string; has: string }) => ({
      what: `${p.path} is made for ${p.made}, and this machine is ${p.has}.`,
      why: "The kernel can't run a program of another architecture without an emulator.",
      remedy: `Install the ${p.has} build of it, or put that one's folder first on PATH.`,
    }),
  ),
  E_TOOL_BROKEN: entry(
    EXIT.machineCannot,
    "Program does not work",
    (p: { path: string; detail: string }) => ({
      what: `${p.path} is there, but it does not work.`,
      why: p.detail,
      remedy: "Install it anew, or take it off PATH so that another one is found.",
    }),
  ),
  E_TOOL_LIMIT: entry(
    EXIT.machineCannot,
    "The machine starts no more programs",
    (p: { command: string; detail: string }) => ({
      what: `${p.command} could not be started, because a limit of this machine is reached.`,
      why: p.detail,
      remedy:
        "Raise the limit (ulimit -u for processes, ulimit -n for open files, the container's memory and pids limits), or run less at a time.",
    }),
  ),
  E_TOOL_KILLED: entry(
    EXIT.machineCannot,
    "Program killed",
    (p: { command: string; signal: string; memory: boolean; detail: string }) => ({
      what: `${p.command} was ended by ${p.signal}${p.memory ? ": the kernel was out of memory" : ""}.`,
      why: p.detail || "It said nothing before.",
      remedy:
        p.memory || p.signal === "SIGKILL"
          ? "Give the machine or the container more memory, or run less at a time; then run the same command again."
          : "Run the same command again; if it comes back, install the program anew (the fault is in it or in this machine).",
    }),
  ),
  E_TOOL_FAILED: entry(
    EXIT.toolFailed,
    "Program failed",
    (p: { tool: string; doing: string; detail: string; remedy: string }) => ({
      what: `${p.tool} failed while ${p.doing}.`,
      why: p.detail || "It said nothing.",
      remedy: p.remedy,
    }),
  ),
  E_TOOL_SETTINGS: entry(
    EXIT.badInput,
    "Settings file unreadable",
    (p: { tool: string; file: string; detail: string }) => ({
      what: `The settings of ${p.tool} can't be read: ${p.file}.`,
      why: p.detail,
      remedy: `Mend that file. Which of its settings count here is in docs/settings.md.`,
    }),
  ),
  E_FOLDER_UNFIT: entry(
    EXIT.machineCannot,
    "Folder that can't be worked in",
    (p: { use: string; folder: string; problem: string; remedy: string }) => ({
      what: `${p.folder} can't hold ${p.use}: ${p.problem}.`,
      why: "Programs are installed, started and compiled there; on such a folder they fail later, and what they say then looks like the wheel's fault.",
      remedy: p.remedy,
    }),
  ),
} as const;

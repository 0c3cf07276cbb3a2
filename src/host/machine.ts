import { cpus } from "node:os";
import { readTextIfAny } from "./files.ts";
import type { Host } from "./host.ts";

interface Report {
  header?: { glibcVersionRuntime?: string };
}

/** Version of this machine's glibc, such as 2.36; empty on another C library. */
export function glibcVersion(): string {
  return (process.report.getReport() as Report).header?.glibcVersionRuntime ?? "";
}

/** Clock ticks a second in /proc; Linux has 100 on every architecture that users see (USER_HZ, proc(5)). */
const TICKS = 100;

/** CPU seconds of all programs that this process has waited for, with all that they waited for. */
export async function childCpuSeconds(): Promise<number> {
  const stat = (await readTextIfAny("/proc/self/stat")) ?? "";
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Fields 16 and 17 of proc(5) stat, cutime and cstime; the first two are cut off above.
  return (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) / TICKS;
}

/** What this machine is called where its proofs are told: its CPU, and the runner's name where it is one. */
export function machineName({ env }: Pick<Host, "env">): string {
  const cpu = cpus()[0]?.model.trim().replaceAll(/\s+/g, " ") || "unknown CPU";
  const runner = env["RUNNER_NAME"];
  return runner ? `${cpu}, runner ${runner}` : cpu;
}

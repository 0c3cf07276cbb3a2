import { join } from "node:path";
import { readTextIfAny } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { listFiles } from "../../host/source-copy.ts";

/** One step of a build, in milliseconds since the run of ninja began. */
export interface NinjaStep {
  output: string;
  from: number;
  to: number;
}

/**
 * The steps of the last run that a `.ninja_log` tells of. A run adds a line at the end of each step, so that where the ends
 * go back, another run has begun; several outputs of one step are one.
 * Source: ninja 1.13, "The Ninja log"; src/build_log.cc (version 5 and on: start, end, mtime, output, hash of the command).
 */
export function ninjaSteps(log: string): NinjaStep[] {
  let steps: NinjaStep[] = [];
  let last = { to: 0, from: -1, hash: "" };
  for (const line of log.split("\n")) {
    const [from, to, , output, hash = ""] = line.split("\t");
    if (!/^\d+$/.test(from ?? "") || !/^\d+$/.test(to ?? "") || output === undefined) continue;
    const step = { output, from: Number(from), to: Number(to) };
    if (step.to < last.to) steps = [];
    else if (step.from === last.from && step.to === last.to && hash === last.hash) continue;
    steps.push(step);
    last = { ...step, hash };
  }
  return steps;
}

/**
 * Puts the steps of a compile that has just ended into the trace; without ninja there are none.
 * @param project folder whose build folder is looked into
 */
export async function traceNinja(host: Host, project: string): Promise<void> {
  const ended = host.monotonic();
  const build = join(project, "build");
  for (const name of await listFiles(build, () => true)) {
    if (!/(^|\/)\.ninja_log$/.test(name)) continue;
    const steps = ninjaSteps((await readTextIfAny(join(build, name))) ?? "");
    const end = steps.reduce((latest, { to }) => Math.max(latest, to), 0);
    for (const { output, from, to } of steps)
      host.trace.add({ name: output, kind: "compile step", from: ended - end + from, to: ended - end + to });
  }
}

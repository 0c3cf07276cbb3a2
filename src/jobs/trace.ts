import { join } from "node:path";
import { messageOf } from "../errors/thrown.ts";
import { makeDir, writeFileAtomic } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { chromeTrace, slowestStages } from "../host/trace.ts";

const SLOWEST = 5;

/** Where the time of a run went. */
export interface TraceReport {
  /** A Chrome trace, which Perfetto opens. */
  path: string;
  /** The five stages that took the longest; seconds. */
  slowest: { name: string; seconds: number }[];
}

/** Writes what this run has done so far over what the last one has left. @throws E_OUTPUT_DIR, E_DISK_FULL */
async function writeTrace(host: Host): Promise<TraceReport> {
  const folder = join(host.cache, "logs");
  await makeDir(folder);
  const path = join(folder, "trace.json");
  await writeFileAtomic(path, JSON.stringify(chromeTrace(host.trace.spans)));
  return { path, slowest: slowestStages(host.trace.spans, SLOWEST) };
}

/**
 * Does work, and writes down where the time went, also where it failed.
 * @throws what work throws, E_OUTPUT_DIR, E_DISK_FULL
 */
export async function tracing<T>(
  host: Host,
  work: () => Promise<T>,
): Promise<{ value: T; trace: TraceReport }> {
  try {
    const value = await work();
    return { value, trace: await writeTrace(host) };
  } catch (thrown) {
    // What went wrong first is what the user has to hear.
    await writeTrace(host).catch((second: unknown) => host.log.debug(`no trace: ${messageOf(second)}`));
    throw thrown;
  }
}

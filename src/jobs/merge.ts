import { resolve } from "node:path";
import type { Host } from "../host/host.ts";
import { mergeFiles } from "../verify/verdict/merge-files.ts";
import type { Verdict } from "../verify/verdict/verdict.ts";

export interface MergeRequest {
  /** Verdict files, relative to the working folder. */
  files: readonly string[];
  /** Where the verdict goes; null to write nothing. */
  output: string | null;
}

export type MergeReport = Verdict;

/** Makes one verdict of several. @throws what {@link mergeFiles} throws */
export const merge = (host: Host, { files, output }: MergeRequest): Promise<MergeReport> =>
  mergeFiles(
    host,
    files.map((file) => resolve(host.cwd, file)),
    output === null ? null : resolve(host.cwd, output),
  );

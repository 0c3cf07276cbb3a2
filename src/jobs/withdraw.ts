import type { Host } from "../host/host.ts";
import { withdrawFiles } from "../publish/publish.ts";

export interface WithdrawRequest {
  target: string;
  /** File names, as the target lists them. */
  files: readonly string[];
  reason: string;
}

/** Marks published wheels as withdrawn. @throws what {@link withdrawFiles} throws */
export const withdraw = (
  host: Host,
  request: WithdrawRequest,
): Promise<{ target: string; withdrawn: string[]; reason: string }> => withdrawFiles(host, request);

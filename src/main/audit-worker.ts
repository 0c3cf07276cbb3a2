import { parentPort } from "node:worker_threads";
import { auditElf } from "../elf/audit.ts";
import { readElf } from "../elf/elf.ts";

parentPort?.on("message", (bytes: Uint8Array) => {
  try {
    parentPort?.postMessage({ ok: auditElf(bytes, readElf(bytes)) });
  } catch (thrown) {
    parentPort?.postMessage({ error: thrown instanceof Error ? thrown.message : String(thrown) });
  }
});

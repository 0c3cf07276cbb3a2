import { parentPort } from "node:worker_threads";
import { auditElf } from "../elf/audit.ts";
import { readElf } from "../elf/elf.ts";
import { auditVeiled } from "../elf/veiled.ts";

parentPort?.on("message", (bytes: Uint8Array) => {
  try {
    const elf = readElf(bytes);
    parentPort?.postMessage({ ok: { ...auditElf(bytes, elf), veiled: auditVeiled(bytes, elf) } });
  } catch (thrown) {
    parentPort?.postMessage({ error: thrown instanceof Error ? thrown.message : String(thrown) });
  }
});

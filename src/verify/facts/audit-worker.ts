import { parentPort } from "node:worker_threads";
import { createDemangler, type Demangle } from "../../elf/demangle.ts";
import { messageOf } from "../../errors/thrown.ts";
import { readBytes } from "../../host/files.ts";
import { demanglerPath } from "../../host/resources.ts";
import { answerJob, type Job } from "./entry-jobs.ts";

let loading: Promise<Demangle> | null = null;

function demangler(): Promise<Demangle> {
  loading ??= readBytes(demanglerPath()).then(createDemangler);
  return loading;
}

parentPort?.on("message", async (job: Job | null) => {
  if (job === null) {
    parentPort?.close();
    return;
  }
  try {
    parentPort?.postMessage({ ok: await answerJob(job, demangler) });
  } catch (thrown) {
    const message = messageOf(thrown);
    // The engine's own bounds: on a set, an array, the stack, memory outside of the heap.
    parentPort?.postMessage(thrown instanceof RangeError ? { overrun: message } : { error: message });
  }
});

import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { rootMessageOf } from "../../errors/thrown.ts";
import { isWheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { exists, makeDir, statPath, writing } from "../files.ts";
import { fileSha256 } from "../hash.ts";
import type { Host } from "../host.ts";
import { pause } from "./ask.ts";
import { fetchTrusted } from "./fetch.ts";
import { shownUrl } from "./urls.ts";

const IDLE_MS = 60_000;

export interface Download {
  url: string;
  /** Hexadecimal. */
  sha256: string;
  /** Bytes; null where the index does not say. */
  size: number | null;
}

/** Appends what is missing of a file; a server that knows no ranges sends all of it again (RFC 9110, section 14). */
async function fetchRest(
  host: Host,
  { url, size }: Download,
  part: string,
  onProgress: (done: number) => void,
): Promise<void> {
  const have = (await statPath(part))?.size ?? 0;
  if (size !== null && have === size) return;
  const idle = new AbortController();
  let timer = setTimeout(() => idle.abort(), IDLE_MS);
  try {
    const response = await fetchTrusted(host, url, () => ({
      headers: { "accept-encoding": "identity", ...(have > 0 ? { range: `bytes=${have}-` } : {}) },
      signal: AbortSignal.any([host.signal, idle.signal]),
    }));
    if (response.status === 416) {
      await rm(part, { force: true });
      throw new Error("the part that was kept is longer than the file");
    }
    if (!response.ok) throw new Error(`it answered with status ${response.status}`);
    const resumes = response.status === 206;
    let done = resumes ? have : 0;
    const file = await open(part, resumes ? "a" : "w");
    try {
      for await (const chunk of response.body ?? []) {
        clearTimeout(timer);
        timer = setTimeout(() => idle.abort(), IDLE_MS);
        await writing(part, () => file.writeFile(chunk));
        done += chunk.length;
        if (size !== null && done > size)
          throw new Error(`it sends more than the ${size} bytes that the index states`);
        onProgress(done);
      }
    } finally {
      await file.close();
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Fetches a file once: what is there with the right hash is kept, what broke off goes on where it ended.
 * @param to path of the file; the part that is not whole yet lies beside it
 * @throws E_DOWNLOAD after several tries, or for bytes whose hash is wrong; E_INTERRUPTED, E_DISK_FULL, and what
 *   {@link fetchTrusted} throws
 */
export async function downloadOnce(host: Host, download: Download, to: string): Promise<void> {
  if ((await exists(to)) && (await fileSha256(to)) === download.sha256) return;
  await makeDir(dirname(to));
  const part = `${to}.part`;
  const shown = shownUrl(download.url);
  const stage = host.log.stage(`Downloading ${to.split("/").at(-1)}`);
  const MIB = 1024 ** 2;
  const total = download.size === null ? 0 : Math.ceil(download.size / MIB);
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await fetchRest(host, download, part, (done) => {
          if (total > 0) stage.progress(Math.min(total, Math.floor(done / MIB)), total);
        });
        break;
      } catch (thrown) {
        if (host.signal.aborted) throw wheelsError("E_INTERRUPTED", { during: `the download of ${shown}` });
        if (isWheelsError(thrown)) throw thrown;
        const detail = rootMessageOf(thrown);
        if (!(await pause(host, attempt, null, `${shown}: ${detail}`)))
          throw wheelsError("E_DOWNLOAD", { url: shown, detail }, thrown);
      }
    }
    const found = await fileSha256(part);
    if (found !== download.sha256) {
      await rm(part, { force: true });
      throw wheelsError("E_DOWNLOAD", {
        url: shown,
        detail: `Its sha256 is ${found}; the index states ${download.sha256}.`,
      });
    }
    await rename(part, to);
    stage.done();
  } catch (thrown) {
    stage.failed();
    throw thrown;
  }
}

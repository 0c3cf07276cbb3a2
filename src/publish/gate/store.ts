import { basename, join } from "node:path";
import { messageOf } from "../../errors/thrown.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import { isMissing, makeDir, readBytes, writeFile } from "../../host/files.ts";
import { sha256Of } from "../../host/hash.ts";
import { readShared } from "../../host/regular-files.ts";
import { verdictFileName } from "../../verify/verdict/verdict.ts";
import type { Candidate } from "../plan/planner.ts";
import { attestationFileName, signatureFileName } from "../signing/check.ts";

/** What is read from beside a wheel. */
const BESIDE = [verdictFileName, signatureFileName, attestationFileName];

/**
 * Copies a wheel, and what is read from beside it, into a folder of this run alone. Everything later reads the copy, so
 * that the bytes that are judged are those that are sent, whatever becomes of the file.
 * @param folder that nobody else can write to
 * @returns path of the copy
 * @throws E_WHEEL_FILE, E_DISK_FULL
 */
export async function takeIn(path: string, folder: string): Promise<string> {
  const refused = (thrown: unknown): never => {
    const detail = isMissing(thrown) ? "There is no such file." : messageOf(thrown);
    throw wheelsError("E_WHEEL_FILE", { wheel: path, detail }, thrown);
  };
  const bytes = await readShared(path).catch(refused);
  const place = join(folder, sha256Of(bytes));
  await makeDir(place, 0o700);
  const copy = join(place, basename(path));
  await writeFile(copy, bytes, 0o400);
  for (const nameOf of BESIDE) {
    const beside = await readBytes(nameOf(path)).catch((thrown: unknown) => {
      if (isMissing(thrown)) return null;
      throw thrown;
    });
    if (beside !== null) await writeFile(nameOf(copy), beside, 0o400);
  }
  return copy;
}

/**
 * The bytes of a wheel that was judged, read for a target and compared once more.
 * @throws E_VERDICT_OTHER_BYTES
 */
export async function judgedBytes({ path, fileName, sha256: proven }: Candidate): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  const sha256 = sha256Of(bytes);
  if (sha256 !== proven) throw wheelsError("E_VERDICT_OTHER_BYTES", { wheel: fileName, sha256, proven });
  return bytes;
}

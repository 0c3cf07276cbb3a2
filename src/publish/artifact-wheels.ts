import { basename, dirname, join, resolve } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import {
  copyAtomic,
  exists,
  listDir,
  makeDir,
  readBytes,
  readText,
  statPath,
  writeFile,
} from "../host/files.ts";
import { fileSha256 } from "../host/hash.ts";
import type { Host } from "../host/host.ts";
import { isWheelOf } from "../variants/choose.ts";
import { mergeFiles } from "../verify/verdict/merge-files.ts";
import { parseVerdict } from "../verify/verdict/read-verdict.ts";
import { verdictFileName } from "../verify/verdict/verdict.ts";
import { FormatError } from "../wheel/format-error.ts";
import { escapeName } from "../wheel/names.ts";
import { readZip } from "../wheel/zip-reader.ts";
import { type Expected, parseExpected } from "./gate/expect.ts";
import { signatureFileName } from "./signing/check.ts";

const REPORT = ".whl.report.html";
const KNOWN =
  /^[A-Za-z0-9._!+-]+\.whl(\.verdict\.json|\.verdict\.sigstore\.json|\.publish\.attestation|\.report\.html)?$/;

interface Unpacked {
  wheels: string[];
  /** Verdicts without their wheel: what another job has proven of it. */
  proofs: string[];
}

/**
 * Takes wheels, verdicts and signatures out of an artifact's archive. The archive is another job's, so hostile: it is read with
 * the wheel reader's limits, and of its names only plain ones of these kinds count.
 * @throws E_ARTIFACT
 */
async function unpack(archive: string, name: string, folder: string): Promise<Unpacked> {
  const failed = (detail: string, cause?: unknown): never => {
    throw wheelsError("E_ARTIFACT", { doing: "Unpacking", name, detail }, cause);
  };
  try {
    const wheels: string[] = [];
    const verdicts: string[] = [];
    for (const entry of readZip(await readBytes(archive))) {
      if (!KNOWN.test(entry.name))
        return failed(
          `It holds ${JSON.stringify(entry.name)}, which is neither a wheel nor its verdict or signature.`,
        );
      // For people who look at the run.
      if (entry.name.endsWith(REPORT)) continue;
      const path = join(folder, entry.name);
      if (await exists(path)) return failed(`It holds ${entry.name} twice.`);
      await writeFile(path, entry.read());
      if (entry.name.endsWith(".whl")) wheels.push(path);
      if (entry.name.endsWith(".verdict.json")) verdicts.push(path);
    }
    const beside = new Set(wheels.map(verdictFileName));
    return { wheels, proofs: verdicts.filter((path) => !beside.has(path)) };
  } catch (thrown) {
    return thrown instanceof FormatError ? failed(thrown.message, thrown) : Promise.reject(thrown);
  }
}

/** @throws E_VERDICT_INVALID, E_VERDICT_OLDER */
async function resultsIn(path: string): Promise<Map<string, string>> {
  const verdict = parseVerdict(path, await readText(path));
  if (verdict instanceof Error) throw verdict;
  return new Map(verdict.predicate.checks.map(({ id, result }) => [id, result]));
}

/**
 * Joins what other jobs have proven of a wheel to its verdict. One that was signed stays as it is, or its signature
 * would be worth nothing; so it must say already whatever the others say.
 * @throws E_ARTIFACT where it does not, what {@link mergeFiles} throws
 */
async function joinProofs(host: Host, wheel: string, proofs: readonly string[]): Promise<void> {
  const verdict = verdictFileName(wheel);
  const signatureOf = (proof: string): string => signatureFileName(join(dirname(proof), basename(wheel)));
  let signed: string | null = null;
  for (const proof of proofs) if (await exists(signatureOf(proof))) signed ??= proof;
  const { predicate } = await mergeFiles(host, [verdict, ...proofs], signed === null ? verdict : null);
  if (signed === null) return;
  const said = await resultsIn(signed);
  const other = predicate.checks.find(({ id, result }) => said.get(id) !== result);
  if (other)
    throw wheelsError("E_ARTIFACT", {
      doing: "Joining",
      name: basename(verdict),
      detail: `What was signed says ${said.get(other.id) ?? "nothing"} of ${other.id}, and the artifacts of this run say ${other.result}.`,
    });
  await copyAtomic(signed, verdict);
  await copyAtomic(signatureOf(signed), signatureFileName(wheel));
}

/**
 * The wheels of downloaded artifacts, each with its verdict beside it, in which what other jobs have proven of the wheel
 * is joined.
 * @param archives path of each archive, by artifact name; each in a folder of its own
 * @param folder where they are unpacked, one folder an artifact
 * @param isWhole whether these are all wheels of the run, so that a proof without one is worth a warning
 * @returns paths of the wheels
 * @throws E_ARTIFACT, E_VERDICT_INVALID, E_MERGE_OTHER_WHEEL for a proof of other bytes, E_MERGE_CONTRADICTION
 */
export async function wheelsOfArtifacts(
  host: Host,
  archives: ReadonlyMap<string, string>,
  folder: string,
  isWhole: boolean,
): Promise<string[]> {
  const unpacked: Unpacked[] = [];
  for (const [name, archive] of archives) {
    const own = join(folder, basename(resolve(archive, "..")));
    await makeDir(own);
    unpacked.push(await unpack(archive, name, own));
  }
  const wheels = unpacked.flatMap((one) => one.wheels);
  const proofs = unpacked.flatMap((one) => one.proofs);
  for (const wheel of wheels) {
    const verdict = verdictFileName(wheel);
    const own = proofs.filter((path) => basename(path) === basename(verdict));
    if (own.length > 0) await joinProofs(host, wheel, own);
  }
  const names = new Set(wheels.map((wheel) => basename(verdictFileName(wheel))));
  const lone = isWhole ? proofs.filter((path) => !names.has(basename(path))) : [];
  for (const proof of lone) host.log.warn(`${basename(proof)} proves a wheel that no artifact holds`);
  return wheels;
}

/** A row of a plan's matrix. @throws E_OPTION_VALUE for another JSON */
export function plannedItem(text: string): Expected {
  const [item, ...more] = parseExpected(`{"include":[${text}]}`);
  if (item && more.length === 0) return item;
  throw wheelsError("E_OPTION_VALUE", {
    option: "The input planned",
    value: text.slice(0, 80),
    expected: "one row of the plan's output proofs, as toJSON(matrix)",
  });
}

/** Whether an artifact may hold the wheel that a row of a plan stands for, by the names that build-variant gives. */
export function mayHold({ distribution }: Expected): (artifact: string) => boolean {
  const prefix = `wheel-${escapeName(distribution)}-`;
  return (artifact) => artifact.toLowerCase().startsWith(prefix);
}

/**
 * The one wheel of these that a row of a plan stands for.
 * @param sha256 what its bytes must be; null for whatever they are
 * @throws E_PLANNED_WHEEL where no wheel or several fit, E_WHEEL_DIGEST
 */
export async function plannedWheel(
  wheels: readonly string[],
  item: Expected,
  sha256: string | null,
): Promise<string> {
  const fitting = wheels.filter((path) => isWheelOf(item, basename(path)));
  const [wheel, ...more] = fitting;
  if (wheel === undefined || more.length > 0)
    throw wheelsError("E_PLANNED_WHEEL", { id: item.id, found: fitting.map((path) => basename(path)) });
  const is = await fileSha256(wheel);
  if (sha256 !== null && is !== sha256)
    throw wheelsError("E_WHEEL_DIGEST", { wheel: basename(wheel), is, wanted: sha256 });
  return wheel;
}

/**
 * Paths of wheels; a folder stands for the wheels in it, and one that is not there for none.
 * @param paths relative to the working folder
 */
export async function wheelsAt(host: Host, paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (given) => {
      const path = resolve(host.cwd, given);
      const stat = await statPath(path);
      if (stat === null && !path.endsWith(".whl")) return [];
      if (!stat?.isDirectory) return [path];
      return (await listDir(path))
        .filter(({ name }) => name.endsWith(".whl"))
        .map(({ name }) => join(path, name));
    }),
  );
  return found.flat();
}

import { basename } from "node:path";
import { type WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { readTextIfAny } from "../../host/files.ts";
import { sha256Of } from "../../host/hash.ts";
import type { Host } from "../../host/host.ts";
import type { Variant } from "../../variants/manifest.ts";
import { wheelContents } from "../../verify/facts/contents.ts";
import { readWheelFile } from "../../verify/facts/wheel-bytes.ts";
import { parseVerdict } from "../../verify/verdict/read-verdict.ts";
import { type Verdict, verdictFileName } from "../../verify/verdict/verdict.ts";
import { wheelFormatError } from "../../wheel/format-error.ts";
import { oneOf } from "../../wheel/metadata.ts";
import { normalizeName } from "../../wheel/names.ts";
import { payloadSha256, readOrigin } from "../../wheel/origin.ts";
import { SBOM_FILE } from "../../wheel/sbom.ts";
import { distInfoText, openWheel } from "../../wheel/wheel-file.ts";
import { readZip } from "../../wheel/zip-reader.ts";
import type { Candidate } from "../plan/planner.ts";
import { type Demand, judge, otherBytes } from "./gate.ts";
import { contradictions, lookAt, type OwnLook, ownWordAlone } from "./look.ts";

/** A wheel that has been read, before any target has asked for its proof. */
export type ReadWheel = Omit<Candidate, "proof" | "signatures"> & { look: OwnLook };

export const isRefusal = (value: object): value is WheelsError => value instanceof Error;

async function verdictOf(wheel: string): Promise<Verdict | WheelsError> {
  const path = verdictFileName(wheel);
  const text = await readTextIfAny(path);
  if (text === null)
    return wheelsError("E_VERDICT_MISSING", { wheel: basename(wheel), expected: basename(path) });
  return parseVerdict(basename(path), text);
}

/**
 * Reads a wheel and the verdict beside it, and asks its bytes what they answer without being run.
 * @param path of the copy that takeIn made
 * @param variants of the publisher's manifest
 * @returns the wheel, or the refusal
 * @throws E_WHEEL_FILE
 */
export async function readWheel(
  host: Host,
  path: string,
  variants: readonly Variant[],
): Promise<ReadWheel | WheelsError> {
  const fileName = basename(path);
  const bytes = await readWheelFile(path);
  const verdict = await verdictOf(path);
  if (isRefusal(verdict)) return verdict;
  const sha256 = sha256Of(bytes);
  // Before the archive is opened: bytes that nobody has proven are not worth a look.
  const other = otherBytes({ fileName, sha256 }, verdict);
  if (other) return other;
  try {
    const wheel = openWheel(fileName, readZip(bytes));
    const { metadata } = wheel;
    const raw = wheel.entries.find(({ name }) => name === `${wheel.distInfo}/METADATA`);
    return {
      path,
      fileName,
      project: normalizeName(oneOf(metadata, "Name") ?? ""),
      version: oneOf(metadata, "Version") ?? "",
      sha256,
      size: bytes.length,
      requiresPython: oneOf(metadata, "Requires-Python"),
      // A copy: a stored entry is a view that would hold all of the wheel in memory.
      metadata: Uint8Array.from(raw?.read() ?? []),
      document: metadata,
      verdict,
      sbom: distInfoText(wheel, SBOM_FILE),
      origin: readOrigin(wheel),
      payload: payloadSha256(wheel),
      contents: wheelContents(bytes),
      look: await lookAt(host, fileName, bytes, verdict, variants),
    };
  } catch (thrown) {
    return wheelFormatError(fileName, thrown);
  }
}

/** A wheel whose signatures have been checked. */
export type SignedWheel = ReadWheel & Pick<Candidate, "signatures">;

/**
 * The wheel with its proof, or why a target that demands this refuses it: for what its verdict says, or for what its bytes say
 * themselves.
 */
export function proven(wheel: SignedWheel, demand: Demand): Candidate | WheelsError {
  const proof = judge(wheel, wheel.verdict, demand);
  if (isRefusal(proof)) return proof;
  const alone = ownWordAlone(wheel.look, demand);
  if (alone !== null) return wheelsError("E_VERDICT_FAILED", { wheel: wheel.fileName, failures: [alone] });
  const differences = contradictions(wheel.look, wheel.verdict, demand);
  return differences.length > 0
    ? wheelsError("E_VERDICT_CONTRADICTED", { wheel: wheel.fileName, differences })
    : { ...wheel, proof };
}

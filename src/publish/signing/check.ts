import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { messageOf } from "../../errors/thrown.ts";
import { type WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { readText, readTextIfAny } from "../../host/files.ts";
import { readVerdict } from "../../verify/verdict/read-verdict.ts";
import type { ReadWheel } from "../gate/candidates.ts";
import { type Identity, identityProblem, parseSignedBy, type SignedBy } from "./identity.ts";
import type { Signatures } from "./signatures.ts";
import type { Signed } from "./sigstore.ts";

/** Name of the signed verdict beside a wheel: a Sigstore bundle. */
export const signatureFileName = (wheel: string): string => `${wheel}.verdict.sigstore.json`;

/** Name of a PEP 740 attestation beside a wheel, as gh-action-pypi-publish, twine and uv have it. */
export const attestationFileName = (wheel: string): string => `${wheel}.publish.attestation`;

/** Type of a publish attestation; its host is the index's documentation. Source: PEP 740, "Attestation objects". */
const PUBLISH_PREDICATE = /^https:\/\/[\w.-]+\/attestations\/publish\/v1$/;

/** Whose signatures count, and on what grounds. */
export interface SignatureDemand {
  text: string;
  by: SignedBy;
  /** Text of the trust roots. */
  roots: string;
}

/** Source: PEP 740, "Attestation objects". */
const attestationSchema = z.object({
  version: z.literal(1),
  verification_material: z.object({
    certificate: z.string(),
    transparency_entries: z.array(z.record(z.string(), z.unknown())).min(1),
  }),
  envelope: z.object({ statement: z.string(), signature: z.string() }),
});

type Attestation = z.infer<typeof attestationSchema>;

const statementSchema = z.object({
  _type: z.literal("https://in-toto.io/Statement/v1"),
  subject: z.array(z.object({ name: z.string(), digest: z.record(z.string(), z.string()) })).length(1),
  predicateType: z.string().regex(PUBLISH_PREDICATE),
});

/**
 * Who must have signed, with the trust roots that decide it.
 * @param path file of trust roots; null where none was named
 * @throws E_OPTION_VALUE, E_SIGNATURE_ROOTS, E_TRUSTED_ROOT
 */
export async function signatureDemand(text: string, path: string | null): Promise<SignatureDemand> {
  const by = parseSignedBy(text);
  if (path === null) throw wheelsError("E_SIGNATURE_ROOTS", { by: text });
  try {
    const roots = await readText(path);
    (await import("./sigstore.ts")).assertRoots(roots);
    return { text, by, roots };
  } catch (thrown) {
    const detail = messageOf(thrown);
    throw wheelsError("E_TRUSTED_ROOT", { path, detail }, thrown);
  }
}

/** What the right workflow signed; a text where it is not so. */
async function signedBy(bundle: unknown, demand: SignatureDemand): Promise<Signed | string> {
  try {
    const signed = (await import("./sigstore.ts")).checkBundle(bundle, demand.roots);
    return identityProblem(signed.identity, demand.by) ?? signed;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Checks that a wheel's verdict is signed by whom it must be, on these very bytes and with these very answers.
 * @returns the refusal, or the bundle's text
 */
async function checkVerdictSignature(
  wheel: ReadWheel,
  demand: SignatureDemand,
): Promise<WheelsError | string> {
  const { fileName, sha256, verdict } = wheel;
  const file = signatureFileName(fileName);
  const text = await readTextIfAny(signatureFileName(wheel.path));
  if (text === null) return wheelsError("E_SIGNATURE_MISSING", { wheel: fileName, file, by: demand.text });
  const refused = (detail: string): WheelsError =>
    wheelsError("E_SIGNATURE", { wheel: fileName, file, detail });
  const found = await signedBy(jsonOf(text), demand);
  if (typeof found === "string") return refused(found);
  const signed = readVerdict(file, found.statement);
  if (signed instanceof Error) return refused(`what is signed is no verdict: ${signed.what} ${signed.why}`);
  const [subject] = signed.subject;
  if (subject?.digest.sha256 !== sha256 || subject.name !== fileName)
    return refused(`what is signed is the verdict of ${subject?.name} with sha256 ${subject?.digest.sha256}`);
  if (!isDeepStrictEqual(signed.predicate, verdict.predicate))
    return refused("the verdict beside the wheel says other things than the one that was signed");
  return text;
}

/** A PEP 740 attestation as the bundle that it is made of. Source: PEP 740; pypi-attestations, "to_bundle". */
const bundleOf = ({ verification_material: material, envelope }: Attestation): unknown => ({
  mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
  verificationMaterial: {
    certificate: { rawBytes: material.certificate },
    tlogEntries: material.transparency_entries,
  },
  dsseEnvelope: {
    payload: envelope.statement,
    payloadType: "application/vnd.in-toto+json",
    signatures: [{ sig: envelope.signature, keyid: "" }],
  },
});

/**
 * Reads the PEP 740 attestation beside a wheel; null where there is none.
 * @param demand who must have signed it; null leaves the signature to the index that takes it
 * @returns what the index tells of it (PEP 740, "Provenance objects"; null without a demand), or the refusal
 */
async function readAttestation(
  wheel: ReadWheel,
  demand: SignatureDemand | null,
): Promise<{ provenance: string | null } | WheelsError | null> {
  const { fileName, sha256 } = wheel;
  const file = attestationFileName(fileName);
  const text = await readTextIfAny(attestationFileName(wheel.path));
  if (text === null) return null;
  const refused = (detail: string): WheelsError =>
    wheelsError("E_SIGNATURE", { wheel: fileName, file, detail });
  const attestation = attestationSchema.safeParse(jsonOf(text));
  if (!attestation.success) return refused("it does not have the shape of PEP 740");
  const statement = statementSchema.safeParse(
    jsonOf(Buffer.from(attestation.data.envelope.statement, "base64").toString("utf8")),
  );
  if (!statement.success) return refused("what it signs is no publish statement");
  const [subject] = statement.data.subject;
  if (subject?.name !== fileName || subject.digest["sha256"] !== sha256)
    return refused(`it is on ${subject?.name} with sha256 ${subject?.digest["sha256"]}`);
  if (demand === null) return { provenance: null };
  const found = await signedBy(bundleOf(attestation.data), demand);
  return typeof found === "string"
    ? refused(found)
    : { provenance: provenanceText(attestation.data, found.identity) };
}

function provenanceText(attestation: Attestation, { repository, workflow }: Identity): string {
  const publisher = {
    kind: "GitHub",
    repository: repository.replace("https://github.com/", ""),
    workflow: /\/([^/@]+)@/.exec(workflow)?.[1] ?? "",
  };
  const bundles = [{ publisher, attestations: [attestation] }];
  return `${JSON.stringify({ version: 1, attestation_bundles: bundles })}\n`;
}

/**
 * The signatures beside a wheel, checked as far as asked.
 * @param demand who must have signed the verdict; null for anybody or nobody
 * @param attested true where a PEP 740 attestation must be there
 * @returns the refusal where one is missing or does not hold
 */
export async function signaturesOf(
  wheel: ReadWheel,
  demand: SignatureDemand | null,
  attested: boolean,
): Promise<Signatures | WheelsError> {
  const signature = demand === null ? null : await checkVerdictSignature(wheel, demand);
  if (signature instanceof Error) return signature;
  const attestation = await readAttestation(wheel, demand);
  if (attestation instanceof Error) return attestation;
  if (attestation === null && attested)
    return wheelsError("E_SIGNATURE_MISSING", {
      wheel: wheel.fileName,
      file: attestationFileName(wheel.fileName),
      by: "a workflow (--attestations)",
    });
  return { signature, isAttested: attestation !== null, provenance: attestation?.provenance ?? null };
}

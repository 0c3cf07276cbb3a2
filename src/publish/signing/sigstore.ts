// Loaded when a signature is to be checked, and never at start.

import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { type Signer, toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { messageOf } from "../../errors/thrown.ts";
import type { Identity } from "./identity.ts";

const PAYLOAD_TYPE = "application/vnd.in-toto+json";
/** Source: Fulcio, docs/oid-info.md. */
const SOURCE_REPOSITORY = "1.3.6.1.4.1.57264.1.12";

/** A signature that holds: who made it, and the in-toto statement that it is on. */
export interface Signed {
  identity: Identity;
  statement: unknown;
}

/** The text of a DER UTF8String. Source: ITU-T X.690, 8.1.3 and 8.23. */
function derText(der: Uint8Array): string {
  const first = der[1] ?? 0;
  const start = first < 0x80 ? 2 : 2 + (first & 0x7f);
  return der[0] === 0x0c ? Buffer.from(der.subarray(start)).toString("utf8") : "";
}

function identityOf({ identity }: Signer): Identity {
  const repository = identity?.oids?.find(({ oid }) => oid?.id.join(".") === SOURCE_REPOSITORY);
  return {
    issuer: identity?.extensions?.issuer ?? "nobody",
    workflow: identity?.subjectAlternativeName ?? "nothing",
    repository: repository ? derText(repository.value) : "no repository",
  };
}

/** Trust roots of a file: one JSON document, or one a line as `gh attestation trusted-root` prints them. */
function rootsOf(text: string): TrustedRoot[] {
  try {
    return [TrustedRoot.fromJSON(JSON.parse(text))];
  } catch {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return lines.map((line) => TrustedRoot.fromJSON(JSON.parse(line)));
  }
}

/** Throws an Error where the text holds no trust root. */
export function assertRoots(text: string): void {
  const roots = rootsOf(text);
  if (roots.length === 0 || roots.some(({ certificateAuthorities }) => certificateAuthorities.length === 0))
    throw new Error("It names no certificate authority.");
}

/**
 * Checks a signature: certificate chain at the time of signing, transparency log, and the signature itself.
 * What logs a root knows, a signature must be in; GitHub's own instance for private repositories has none.
 * @param bundle a Sigstore bundle (JSON) with a DSSE envelope on an in-toto statement
 * @param roots text of trust roots
 * @returns who signed what; throws an Error with the reason where it does not hold under any root
 */
export function checkBundle(bundle: unknown, roots: string): Signed {
  const parsed = bundleFromJSON(bundle);
  if (parsed.content.$case !== "dsseEnvelope") throw new Error("it signs a file, not a statement");
  const envelope = parsed.content.dsseEnvelope;
  if (envelope.payloadType !== PAYLOAD_TYPE)
    throw new Error(`it signs ${envelope.payloadType}, not a statement`);
  if (envelope.signatures.length !== 1)
    throw new Error(`it has ${envelope.signatures.length} signatures, not one`);
  const reasons = new Set<string>();
  for (const root of rootsOf(roots)) {
    const { tlogs, ctlogs } = root;
    const thresholds = {
      tlogThreshold: Math.min(1, tlogs.length),
      ctlogThreshold: Math.min(1, ctlogs.length),
      timestampThreshold: 1,
    };
    try {
      const signer = new Verifier(toTrustMaterial(root), thresholds).verify(toSignedEntity(parsed));
      return {
        identity: identityOf(signer),
        statement: JSON.parse(Buffer.from(envelope.payload).toString("utf8")) as unknown,
      };
    } catch (thrown) {
      reasons.add(messageOf(thrown));
    }
  }
  throw new Error([...reasons].join("; "));
}

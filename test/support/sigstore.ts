import { createHash, generateKeyPairSync, type KeyPairKeyObjectResult, sign } from "node:crypto";
import { fulcioHandler, initializeCA, initializeTLog, rekorHandler } from "@sigstore/mock";

const keys = (namedCurve: string): KeyPairKeyObjectResult => generateKeyPairSync("ec", { namedCurve });

/** Claims of a workflow's identity, as GitHub issues them. */
export interface Claims {
  repository?: string;
  workflow?: string;
  issuer?: string;
}

interface Entry {
  body: string;
  integratedTime: number;
  logID: string;
  logIndex: number;
  verification: {
    signedEntryTimestamp: string;
    inclusionProof: {
      logIndex: number;
      rootHash: string;
      treeSize: number;
      hashes: string[];
      checkpoint: string;
    };
  };
}

/** A Sigstore of its own: certificate authority, certificate log and transparency log, with real keys. */
export interface Sigstore {
  /** For --trusted-root. */
  root: string;
  /** Signs a statement as a workflow does, into a bundle (v0.3). */
  sign(statement: unknown, claims?: Claims): Promise<Bundle>;
}

export interface Bundle {
  mediaType: string;
  verificationMaterial: { certificate: { rawBytes: string }; tlogEntries: Record<string, unknown>[] };
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string; keyid: string }[] };
}

const TYPE = "application/vnd.in-toto+json";

const jwt = (claims: Record<string, string>): string =>
  ["{}", JSON.stringify(claims), ""].map((part) => Buffer.from(part).toString("base64url")).join(".");

const validFor = (): { start: string } => ({ start: "2020-01-01T00:00:00Z" });

const logOf = (publicKey: Buffer, logId: Buffer) => ({
  baseUrl: "https://log.example",
  hashAlgorithm: "SHA2_256",
  publicKey: {
    rawBytes: publicKey.toString("base64"),
    keyDetails: "PKIX_ECDSA_P256_SHA_256",
    validFor: validFor(),
  },
  logId: { keyId: logId.toString("base64") },
});

/** The first element inside a DER sequence, with its header. Source: ITU-T X.690, 8.1. */
function firstElement(der: Buffer): Buffer {
  const header = (at: number): { start: number; length: number } => {
    const first = der[at + 1] ?? 0;
    const bytes = first < 0x80 ? 0 : first & 0x7f;
    return { start: at + 2 + bytes, length: bytes === 0 ? first : der.readUIntBE(at + 2, bytes) };
  };
  const { start: at } = header(0);
  const { start, length } = header(at);
  return der.subarray(at, start + length);
}

const uint = (value: number, bytes: number): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(value));
  return buffer.subarray(8 - bytes);
};

/** A certificate transparency log that signs what it is given. Source: RFC 6962, 3.2 and 3.3. */
function certificateLog() {
  const { publicKey, privateKey } = keys("P-256");
  const der = publicKey.export({ format: "der", type: "spki" });
  const logID = createHash("sha256").update(der).digest();
  return {
    publicKey: der,
    logID,
    log(certificate: ArrayBuffer, issuerID: ArrayBuffer): Promise<ArrayBuffer> {
      const time = uint(Date.now(), 8);
      const tbs = firstElement(Buffer.from(certificate));
      const signed = [
        uint(0, 1),
        uint(0, 1),
        time,
        uint(1, 2),
        Buffer.from(issuerID),
        uint(tbs.length, 3),
        tbs,
      ];
      const signature = sign("sha256", Buffer.concat([...signed, uint(0, 2)]), privateKey);
      const head = [uint(0, 1), logID, time, uint(0, 2), uint(4, 1), uint(3, 1), uint(signature.length, 2)];
      const sct = Buffer.concat([...head, signature]);
      const listed = Buffer.concat([uint(sct.length, 2), sct]);
      return Promise.resolve(new Uint8Array(listed).buffer);
    },
  };
}

/**
 * @param logClock when the transparency log says that it took an entry; certificates are issued now
 */
export async function sigstore(logClock?: Date): Promise<Sigstore> {
  const ctlog = certificateLog();
  const ca = await initializeCA(keys("P-384"), ctlog);
  const tlog = await initializeTLog("https://log.example", keys("P-256"), logClock);
  const root = {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [logOf(tlog.publicKey, createHash("sha256").update(tlog.publicKey).digest())],
    certificateAuthorities: [
      {
        subject: { organization: "sigstore.mock", commonName: "sigstore" },
        uri: "https://ca.example",
        certChain: { certificates: [{ rawBytes: ca.rootCertificate.toString("base64") }] },
        validFor: validFor(),
      },
    ],
    ctlogs: [logOf(ctlog.publicKey, ctlog.logID)],
    timestampAuthorities: [],
  };
  const certify = fulcioHandler(ca, { subjectClaim: "job_workflow_url" });
  const log = rekorHandler(tlog);
  return {
    root: JSON.stringify(root),
    async sign(statement, claims = {}) {
      const { repository = "me/wheels", issuer = "https://token.actions.githubusercontent.com" } = claims;
      const workflow = claims.workflow ?? "me/wheels/.github/workflows/release.yml";
      const { publicKey, privateKey } = keys("P-256");
      const answer = await certify.fn(
        JSON.stringify({
          credentials: {
            oidcIdentityToken: jwt({
              iss: issuer,
              repository,
              job_workflow_url: `https://github.com/${workflow}@refs/heads/main`,
            }),
          },
          publicKeyRequest: { publicKey: { content: publicKey.export({ format: "pem", type: "spki" }) } },
        }),
      );
      if (answer.statusCode !== 201) throw new Error(String(answer.response));
      const issued = JSON.parse(String(answer.response)) as {
        signedCertificateEmbeddedSct: { chain: { certificates: string[] } };
      };
      const pem = issued.signedCertificateEmbeddedSct.chain.certificates[0] ?? "";
      const payload = Buffer.from(JSON.stringify(statement));
      const signed = Buffer.concat([
        Buffer.from(`DSSEv1 ${TYPE.length} ${TYPE} ${payload.length} `),
        payload,
      ]);
      const sig = sign("sha256", signed, privateKey).toString("base64");
      const logged = await log.fn(
        JSON.stringify({
          kind: "dsse",
          apiVersion: "0.0.1",
          spec: {
            payloadHash: { algorithm: "sha256", value: createHash("sha256").update(payload).digest("hex") },
            signatures: [{ signature: sig, verifier: Buffer.from(pem).toString("base64") }],
          },
        }),
      );
      const [entry] = Object.values(JSON.parse(String(logged.response)) as Record<string, Entry>);
      if (!entry) throw new Error(String(logged.response));
      const { inclusionProof: proof, signedEntryTimestamp } = entry.verification;
      return {
        mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        verificationMaterial: {
          certificate: { rawBytes: pem.replace(/-----[^-]+-----|\s/g, "") },
          tlogEntries: [
            {
              logIndex: String(entry.logIndex),
              logId: { keyId: Buffer.from(entry.logID, "hex").toString("base64") },
              kindVersion: { kind: "dsse", version: "0.0.1" },
              integratedTime: String(entry.integratedTime),
              inclusionPromise: { signedEntryTimestamp },
              inclusionProof: {
                logIndex: String(proof.logIndex),
                rootHash: Buffer.from(proof.rootHash, "hex").toString("base64"),
                treeSize: String(proof.treeSize),
                hashes: proof.hashes.map((hash) => Buffer.from(hash, "hex").toString("base64")),
                checkpoint: { envelope: proof.checkpoint },
              },
              canonicalizedBody: entry.body,
            },
          ],
        },
        dsseEnvelope: {
          payload: payload.toString("base64"),
          payloadType: TYPE,
          signatures: [{ sig, keyid: "" }],
        },
      };
    },
  };
}

/** The same signature as a PEP 740 attestation. */
export function attestationOf({ verificationMaterial, dsseEnvelope }: Bundle): unknown {
  return {
    version: 1,
    verification_material: {
      certificate: verificationMaterial.certificate.rawBytes,
      transparency_entries: verificationMaterial.tlogEntries,
    },
    envelope: { statement: dsseEnvelope.payload, signature: dsseEnvelope.signatures[0]?.sig },
  };
}

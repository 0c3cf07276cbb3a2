import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { messageOf } from "../../errors/thrown.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../host.ts";

type Env = Host["env"];

/** The variables by which users name their authorities: of OpenSSL and uv, of pip, requests and curl, of Node. */
const VARIABLES = [
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "PIP_CERT",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "NODE_EXTRA_CA_CERTS",
] as const;

/** Where systems keep the authorities that they trust. Source: Go's crypto/x509/root_linux.go. */
const SYSTEM_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** A folder's certificates are named by the hash of their subject. Source: openssl-rehash(1). */
const HASHED = /^[0-9a-f]{8}\.\d+$/;

/** A place of certificates, and the setting that names it. */
export interface NamedAuthorities {
  setting: string;
  path: string;
}

/** The places that the environment names; an empty variable names none, as for pip and uv. */
export function namedAuthorities(env: Env): NamedAuthorities[] {
  return VARIABLES.flatMap((setting) => {
    const value = env[setting] ?? "";
    const paths = setting === "SSL_CERT_DIR" ? value.split(":") : [value];
    return paths.filter((path) => path !== "").map((path) => ({ setting, path }));
  });
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** @throws E_CERTIFICATES where it can't be read, or is a file without a certificate */
function readNamed({ setting, path }: NamedAuthorities): string[] {
  try {
    if (statSync(path).isDirectory())
      return readdirSync(path)
        .filter((name) => HASHED.test(name))
        .flatMap((name) => readFileSync(join(path, name), "utf8").match(PEM) ?? [])
        .filter(isCertificate);
    const found = (readFileSync(path, "utf8").match(PEM) ?? []).filter(isCertificate);
    if (found.length > 0) return found;
  } catch (thrown) {
    throw wheelsError("E_CERTIFICATES", { setting, path, detail: `${messageOf(thrown)}.` }, thrown);
  }
  throw wheelsError("E_CERTIFICATES", { setting, path, detail: "It holds no certificate in PEM form." });
}

function systemBundle(): string[] {
  for (const path of SYSTEM_BUNDLES) {
    try {
      const found = readFileSync(path, "utf8").match(PEM);
      if (found) return found;
    } catch {
      // A distribution has one of them, and a minimal container none.
    }
  }
  return [];
}

/**
 * All authorities that this run trusts, in PEM form: those of Node, of the system, and what the settings name.
 * Each is added, none replaces the others: a company's file mostly holds the company's authority alone, and the variable of
 * one tool must not take from another what it could reach before.
 * @throws E_CERTIFICATES
 */
export function trustedAuthorities(named: readonly NamedAuthorities[]): string[] {
  // The system's bundle is mostly Node's: each counts once, because OpenSSL takes its time for every one.
  const once = new Map<string, string>();
  for (const pem of [...rootCertificates, ...systemBundle(), ...named.flatMap(readNamed)])
    once.set(pem.replace(/\s/g, ""), pem);
  return [...once.values()];
}

/** True for the message of a TLS error that says that nobody known has signed: of OpenSSL (Node, git, pip) and rustls (uv). */
export function isTrustTrouble(message: string): boolean {
  return /self[- ]signed certificate|unable to (get|verify) .*(issuer|certificate)|UnknownIssuer|CERTIFICATE_VERIFY_FAILED|UNABLE_TO_|unknown (ca|issuer)|CaUsedAsEndEntity/i.test(
    message,
  );
}

/** The error for a server whose certificate nobody known has signed. @param what URL, or name of a target, as it may be shown */
export function untrusted(what: string, detail: string, named: readonly NamedAuthorities[], cause?: unknown) {
  const read = named.map(({ setting, path }) => `${setting} (${path})`).join(", ");
  return wheelsError("E_UNTRUSTED", { what, detail, read }, cause);
}

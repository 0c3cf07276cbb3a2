import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { exec } from "./run.ts";
import type { Server } from "./server.ts";

/** A company's own authority, as files of the kinds that settings name. */
export interface Authority {
  /** PEM. */
  file: string;
  /** The same in binary form, which no setting takes. */
  der: string;
  /** A folder as `openssl rehash` prepares it. */
  folder: string;
}

function openssl(...args: string[]): void {
  const ran = exec("openssl", args);
  if (ran.status !== 0) throw new Error(ran.stderr);
}

/** Makes an authority, and serves on https with a certificate for localhost that it has signed. @param folder empty */
export async function serveWithin(
  folder: string,
  listener: RequestListener,
): Promise<Server & { authority: Authority }> {
  const at = (name: string): string => join(folder, name);
  const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = ["req", "-x509", ...fresh, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-days", "2"];
  openssl(...authority, "-subj", "/CN=A company's authority", "-addext", "keyUsage=critical,keyCertSign");
  openssl("req", ...fresh, "-keyout", at("leaf.key"), "-out", at("leaf.csr"), "-subj", "/CN=localhost");
  writeFileSync(at("leaf.ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
  const by = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "2"];
  openssl("x509", "-req", "-in", at("leaf.csr"), "-out", at("leaf.pem"), ...by, "-extfile", at("leaf.ext"));
  openssl("x509", "-in", at("ca.pem"), "-outform", "der", "-out", at("ca.der"));
  mkdirSync(at("hashed"));
  copyFileSync(at("ca.pem"), at("hashed/ca.pem"));
  openssl("rehash", at("hashed"));
  const server = createServer(
    { key: readFileSync(at("leaf.key")), cert: readFileSync(at("leaf.pem")) },
    listener,
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    authority: { file: at("ca.pem"), der: at("ca.der"), folder: at("hashed") },
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps, type ServerOptions } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { createSecureContext, rootCertificates } from "node:tls";
import { exec } from "./run.ts";
import { answer, standInIndexes } from "./stand-in-index.ts";

const PYTORCH = "download.pytorch.org";

export interface World {
  /** Variables that send a program's requests through this world. */
  env: Record<string, string>;
  close(): Promise<void>;
}

/** A certificate authority in a folder, and a leaf for each host that is asked for. */
function authority(folder: string): { file: string; contextFor: (host: string) => ServerOptions } {
  const openssl = (...args: string[]): void => {
    const ran = exec("openssl", args);
    if (ran.status !== 0) throw new Error(ran.stderr);
  };
  const [key, file] = [join(folder, "ca.key"), join(folder, "ca.pem")];
  const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...fresh,
    "-keyout",
    key,
    "-out",
    file,
    "-days",
    "2",
    "-subj",
    "/CN=documentation tests",
  );
  const known = new Map<string, ServerOptions>();
  const contextFor = (host: string): ServerOptions => {
    const own = known.get(host);
    if (own) return own;
    const path = join(folder, host.replace(/[^\w.-]/g, "_"));
    openssl("req", ...fresh, "-keyout", `${path}.key`, "-out", `${path}.csr`, "-subj", `/CN=${host}`);
    writeFileSync(`${path}.ext`, `subjectAltName=DNS:${host}\nbasicConstraints=CA:FALSE\n`);
    const by = ["-CA", file, "-CAkey", key, "-CAcreateserial", "-days", "2", "-extfile", `${path}.ext`];
    openssl("x509", "-req", "-in", `${path}.csr`, "-out", `${path}.pem`, ...by);
    const made = { key: readFileSync(`${path}.key`), cert: readFileSync(`${path}.pem`) };
    known.set(host, made);
    return made;
  };
  return { file, contextFor };
}

/** The certificates that this machine's own programs trust. */
function trusted(): string {
  const files = [process.env["SSL_CERT_FILE"], process.env["PIP_CERT"], "/etc/ssl/certs/ca-certificates.crt"];
  const own = files
    .filter((file) => file !== undefined && existsSync(file))
    .map((file) => readFileSync(file ?? ""));
  return [...rootCertificates, ...own].join("\n");
}

/**
 * A proxy on loopback through which programs see PyTorch's CPU index and a default index as they are, only smaller: the
 * documents' commands run as they stand there, with the addresses that they name.
 * @param folder empty, for keys
 * @param others what becomes of requests to all other hosts: `stand-in` answers them as the default index, `real`
 * lets them through
 */
export async function startWorld(folder: string, others: "stand-in" | "real"): Promise<World> {
  mkdirSync(folder, { recursive: true });
  const { file, contextFor } = authority(folder);
  const { pytorch, standard } = standInIndexes();
  const site = createHttps(
    {
      ...contextFor(PYTORCH),
      SNICallback: (host, done) => done(null, createSecureContext(contextFor(host))),
    },
    (request, response) => {
      const isPytorch = request.headers.host?.split(":")[0] === PYTORCH;
      answer(isPytorch ? pytorch : standard, isPytorch ? "/whl/cpu" : "/simple", request, response);
    },
  );
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  const proxy = createHttp((_request, response) => void response.writeHead(403).end());
  proxy.on("connect", (request, socket, head) => {
    const [host = "", port = "443"] = (request.url ?? "").split(":");
    const isHere = others === "stand-in" || host === PYTORCH;
    const upstream = isHere
      ? connect((site.address() as AddressInfo).port, "127.0.0.1")
      : connect(Number(port), host);
    upstream.once("connect", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.write(head);
      upstream.pipe(socket);
      socket.pipe(upstream);
    });
    for (const [one, other] of [
      [upstream, socket],
      [socket, upstream],
    ] as const)
      one.on("error", () => other.destroy()).on("close", () => other.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const bundle = join(folder, "bundle.pem");
  writeFileSync(bundle, `${readFileSync(file, "utf8")}\n${others === "real" ? trusted() : ""}`);
  const close = (server: typeof site | typeof proxy): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    env: {
      HTTPS_PROXY: url,
      https_proxy: url,
      NO_PROXY: "127.0.0.1,localhost",
      no_proxy: "127.0.0.1,localhost",
      SSL_CERT_FILE: bundle,
      PIP_CERT: bundle,
      REQUESTS_CA_BUNDLE: bundle,
      CURL_CA_BUNDLE: bundle,
    },
    close: async () => {
      await close(proxy);
      await close(site);
    },
  };
}

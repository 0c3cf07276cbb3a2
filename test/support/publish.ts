import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { demandedChecks, type Level, verdictFileName } from "../../src/verify/verdict/verdict.ts";
import { root } from "./run.ts";
import { type Server, serve } from "./server.ts";
import { honestParts } from "./variant-wheel.ts";
import { type CheckChanges, type TinyWheel, tinyWheel, verdictFor } from "./wheel.ts";

/** Programs of the tools' environment, which ./run_tests.sh makes. */
export const tool = (name: string): string => {
  const path = join(root, ".test-cache", "tools", "bin", name);
  if (!existsSync(path)) throw new Error(`no ${path}; run ./run_tests.sh`);
  return path;
};

/** A tiny wheel with a verdict that proves it; one of a variant has what its name promises. */
export function proved(
  folder: string,
  options: TinyWheel = {},
  changes: CheckChanges = {},
  level: Level = "kernels",
): string {
  const { fileName, bytes } = tinyWheel(honestParts(options));
  const path = join(folder, fileName);
  writeFileSync(path, bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  writeFileSync(
    verdictFileName(path),
    JSON.stringify(verdictFor(path, sha256, demandedChecks(level), changes)),
  );
  return path;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** A real pypiserver over an empty folder. */
export async function pypiserver(folder: string): Promise<Server & { packages: string }> {
  const packages = join(folder, "packages");
  mkdirSync(packages);
  const port = await freePort();
  const options = ["run", "-p", String(port), "-i", "127.0.0.1", "-a", ".", "-P", ".", "--disable-fallback"];
  const child = spawn(tool("pypi-server"), [...options, packages], { stdio: "ignore" });
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`pypi-server ended with ${child.exitCode}`);
    await sleep(50);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    packages,
    close: () =>
      new Promise((resolve) => {
        child.once("close", () => resolve());
        child.kill();
      }),
  };
}

/** What is done with the n-th upload (from 1): answer by hand and say so, or let it through. */
export type Meddler = (
  upload: number,
  phase: "before" | "after",
  response: ServerResponse,
  headers: IncomingMessage["headers"],
  body: Buffer,
) => boolean | Promise<boolean>;

export interface Meddled extends Server {
  /** POST requests that came, and of them those that the real server took. */
  uploads: number;
  taken: number;
  reads: string[];
}

/** A server in front of another, which meddles with uploads. @param latency milliseconds put before each answer */
export async function proxy(behind: string, meddle: Meddler, latency = 0): Promise<Meddled> {
  const counts = { uploads: 0, taken: 0, reads: [] as string[] };
  const server = await serve((incoming, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      if (latency > 0) await sleep(latency);
      const isUpload = incoming.method === "POST";
      const upload = isUpload ? ++counts.uploads : 0;
      if (!isUpload) counts.reads.push(incoming.url ?? "");
      if (isUpload && (await meddle(upload, "before", response, incoming.headers, body))) return;
      const { method, url, headers } = incoming;
      const options = { method: method ?? "GET", headers };
      const onward = httpRequest(new URL(url ?? "/", behind), options, (answer) => {
        void (async () => {
          if (isUpload && (answer.statusCode ?? 0) < 300) counts.taken++;
          if (isUpload && (await meddle(upload, "after", response, headers, body))) {
            answer.resume();
            return;
          }
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        })();
      });
      onward.end(body);
    })();
  });
  return Object.assign(counts, server);
}

import type { IncomingMessage, ServerResponse } from "node:http";
import { bodyOf, serve } from "./server.ts";

interface Entry {
  key: string;
  version: string;
  bytes: Buffer;
  done: boolean;
}

export interface CacheService {
  /** Variables of a job that talks to it. */
  env: Record<string, string>;
  /** What was kept, in its order. */
  entries: Entry[];
  /** What was asked, such as "GET cache". */
  calls: string[];
  /** The status to answer a call with; null to answer it. */
  refuse: (call: string, nth: number) => number | null;
  close(): Promise<void>;
}

/** A loopback stand-in for the cache of GitHub Actions, as @actions/cache speaks to it: exact key first, then prefixes. */
export async function startCacheService(): Promise<CacheService> {
  const entries: Entry[] = [];
  const calls: string[] = [];

  const find = (keys: readonly string[], version: string): Entry | undefined => {
    const fitting = entries.filter((entry) => entry.done && entry.version === version);
    for (const wanted of keys) {
      const found =
        fitting.find(({ key }) => key === wanted) ?? fitting.findLast(({ key }) => key.startsWith(wanted));
      if (found) return found;
    }
    return undefined;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
    const [, , , name = "", id = ""] = url.pathname.split("/");
    const call = `${request.method} ${url.pathname.startsWith("/archive") ? "archive" : name}`;
    calls.push(call);
    const body = await bodyOf(request);
    const status = service.refuse(call, calls.filter((one) => one === call).length);
    if (status !== null) {
      response.writeHead(status, { "retry-after": "1" }).end("no");
      return;
    }
    const json = (document: object): void => void response.end(JSON.stringify(document));
    if (url.pathname.startsWith("/archive/")) {
      response.end(entries[Number(url.pathname.split("/")[2])]?.bytes);
      return;
    }
    if (call === "GET cache") {
      const found = find(
        url.searchParams.get("keys")?.split(",") ?? [],
        url.searchParams.get("version") ?? "",
      );
      if (!found) {
        response.writeHead(204).end();
        return;
      }
      json({
        cacheKey: found.key,
        archiveLocation: `${url.origin}/archive/${entries.indexOf(found)}`,
        scope: "refs/heads/main",
      });
      return;
    }
    if (call === "POST caches" && id === "") {
      const { key, version } = JSON.parse(body.toString()) as Pick<Entry, "key" | "version">;
      entries.push({ key, version, bytes: Buffer.alloc(0), done: false });
      response.writeHead(201);
      // The client takes 0 for none.
      json({ cacheId: entries.length });
      return;
    }
    const entry = entries[Number(id) - 1];
    if (!entry) {
      response.writeHead(404).end();
      return;
    }
    if (request.method === "PATCH") entry.bytes = Buffer.concat([entry.bytes, body]);
    else entry.done = true;
    response.writeHead(204).end();
  };

  const server = await serve((request, response) => void answer(request, response));
  const service: CacheService = {
    env: { ACTIONS_CACHE_URL: `${server.url}/`, ACTIONS_RUNTIME_TOKEN: "t" },
    entries,
    calls,
    refuse: () => null,
    close: () => server.close(),
  };
  return service;
}

import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { type Server, serve } from "./server.ts";

interface FakeAsset {
  id: number;
  name: string;
  state: string;
  size: number;
  digest: string | null;
  label: string | null;
  url: string;
  bytes: Buffer;
}

interface FakeRelease {
  id: number;
  tag_name: string;
  draft: boolean;
  body: string | null;
  upload_url: string;
  html_url: string;
  assets: FakeAsset[];
}

export interface FakeGitHub extends Server {
  releases: FakeRelease[];
  uploads: number;
  /** Requests in order: method and path. */
  log: string[];
}

export interface FakeGitHubOptions {
  token: string;
  /** Milliseconds before each answer. */
  latency?: number;
  /** As for assets from before GitHub had digests. */
  noDigests?: boolean;
  /** Meddles with the n-th upload (from 1), after its bytes came; true where it has answered. */
  meddle?: (upload: number, response: ServerResponse, store: (state: string) => void) => boolean;
}

/** The part of GitHub's release interface that publishing uses. Source: GitHub documentation, REST, "Releases". */
export async function fakeGitHub(options: FakeGitHubOptions): Promise<FakeGitHub> {
  const state = { releases: [] as FakeRelease[], uploads: 0, log: [] as string[] };
  let ids = 0;
  let base = "";
  const handle = (method: string, url: URL, body: Buffer, response: ServerResponse): unknown => {
    const answer = (status: number, document: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(status === 204 ? "" : JSON.stringify(document));
    };
    const parts = url.pathname.split("/").slice(4);
    const [, second = "", third = ""] = parts;
    const release = state.releases.find(({ id }) => String(id) === second);
    const page = <T>(items: T[]): T[] => {
      const size = Number(url.searchParams.get("per_page") ?? 30);
      const from = (Number(url.searchParams.get("page") ?? 1) - 1) * size;
      return items.slice(from, from + size);
    };
    const json = (): Record<string, unknown> => JSON.parse(body.toString()) as Record<string, unknown>;
    if (second === "assets") {
      const owner = state.releases.find(({ assets }) => assets.some(({ id }) => String(id) === third));
      const asset = owner?.assets.find(({ id }) => String(id) === third);
      if (!owner || !asset) return answer(404, { message: "Not Found" });
      if (method === "DELETE") {
        owner.assets = owner.assets.filter((one) => one !== asset);
        return answer(204, null);
      }
      if (method === "PATCH") return answer(200, Object.assign(asset, json()));
      return response.writeHead(200).end(asset.bytes);
    }
    if (method === "GET" && parts.length === 1) return answer(200, page(state.releases));
    if (method === "POST" && parts.length === 1) {
      const id = ++ids;
      const made: FakeRelease = {
        id,
        tag_name: String(json()["tag_name"]),
        draft: json()["draft"] === true,
        body: null,
        upload_url: `${base}/repos/me/wheels/releases/${id}/assets{?name,label}`,
        html_url: `${base}/me/wheels/releases/${id}`,
        assets: [],
      };
      state.releases.push(made);
      return answer(201, made);
    }
    if (!release) return answer(404, { message: "Not Found" });
    if (method === "PATCH") return answer(200, Object.assign(release, json()));
    if (method === "DELETE") {
      state.releases.splice(state.releases.indexOf(release), 1);
      return answer(204, null);
    }
    if (method === "GET") return answer(200, page(release.assets));
    const name = url.searchParams.get("name") ?? "";
    const store = (assetState: string): FakeAsset => {
      const id = ++ids;
      const digest = options.noDigests ? null : `sha256:${createHash("sha256").update(body).digest("hex")}`;
      const asset: FakeAsset = {
        id,
        name,
        state: assetState,
        size: assetState === "uploaded" ? body.length : 0,
        digest: assetState === "uploaded" ? digest : null,
        label: null,
        url: `${base}/repos/me/wheels/releases/assets/${id}`,
        bytes: body,
      };
      release.assets.push(asset);
      return asset;
    };
    state.uploads++;
    if (options.meddle?.(state.uploads, response, store)) return null;
    if (release.assets.some((asset) => asset.name === name))
      return answer(422, { message: "Validation Failed", errors: [{ code: "already_exists" }] });
    return answer(201, store("uploaded"));
  };
  const server = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://127.0.0.1");
      state.log.push(`${request.method} ${url.pathname}`);
      if (request.headers.authorization !== `Bearer ${options.token}`) {
        response.writeHead(401, { "content-type": "application/json" }).end('{"message":"Bad credentials"}');
        return;
      }
      const answer = () => handle(request.method ?? "GET", url, Buffer.concat(chunks), response);
      setTimeout(answer, options.latency ?? 0);
    });
  });
  base = server.url;
  return Object.assign(state, server);
}

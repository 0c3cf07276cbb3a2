import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { bodyOf, serve } from "./server.ts";

interface Artifact {
  id: number;
  name: string;
  blocks: Map<string, Buffer>;
  bytes: Buffer;
  digest: string | null;
  finalized: boolean;
}

export interface ResultsService {
  /** Variables of a job that talks to it. */
  env: Record<string, string>;
  artifacts: Map<number, Artifact>;
  /** Changes what a download gives: a truncated or forged one. */
  onDownload: (artifact: Artifact) => Buffer;
  close(): Promise<void>;
}

/** A token of the shape whose scope names the run's and the job's backend ids; nothing checks its signature here. */
function runtimeToken(): string {
  const part = (data: object): string => Buffer.from(JSON.stringify(data)).toString("base64url");
  return `${part({ alg: "HS256", typ: "JWT" })}.${part({ scp: "Actions.Results:run:job" })}.${part({ s: 1 })}`;
}

/**
 * A loopback stand-in for the results service of GitHub Actions, as @actions/artifact speaks to it: twirp calls, and
 * block blobs of Azure's protocol.
 */
export async function startResultsService(): Promise<ResultsService> {
  const artifacts = new Map<number, Artifact>();
  let next = 1;
  const byName = (name: unknown): Artifact | undefined =>
    [...artifacts.values()].find((artifact) => artifact.name === name && artifact.finalized);
  const pending = (name: unknown): Artifact | undefined =>
    [...artifacts.values()].findLast((artifact) => artifact.name === name);

  const call = (method: string, body: Record<string, unknown>, origin: string): [number, object] => {
    switch (method) {
      case "CreateArtifact": {
        if (byName(body["name"]))
          return [
            409,
            { code: "already_exists", msg: "an artifact with this name already exists on the workflow run" },
          ];
        const id = next++;
        artifacts.set(id, {
          id,
          name: String(body["name"]),
          blocks: new Map(),
          bytes: Buffer.alloc(0),
          digest: null,
          finalized: false,
        });
        return [200, { ok: true, signed_upload_url: `${origin}/blob/${id}?sig=stand-in-signature` }];
      }
      case "FinalizeArtifact": {
        const artifact = pending(body["name"]);
        if (!artifact) return [404, { code: "not_found", msg: "no such artifact" }];
        artifact.finalized = true;
        artifact.digest = `sha256:${createHash("sha256").update(artifact.bytes).digest("hex")}`;
        return [200, { ok: true, artifact_id: String(artifact.id) }];
      }
      case "ListArtifacts": {
        const [wanted] = [body["id_filter"], body["idFilter"]].filter((value) => value !== undefined);
        const listed = [...artifacts.values()].filter(
          ({ finalized, id }) => finalized && (wanted === undefined || String(wanted) === String(id)),
        );
        return [
          200,
          {
            artifacts: listed.map(({ id, name, bytes, digest }) => ({
              workflow_run_backend_id: "run",
              workflow_job_run_backend_id: "job",
              database_id: String(id),
              name,
              size: String(bytes.length),
              created_at: "2026-01-01T00:00:00Z",
              digest,
            })),
          },
        ];
      }
      case "GetSignedArtifactURL":
        return [200, { signed_url: `${origin}/blob/${byName(body["name"])?.id}?sig=stand-in-signature` }];
      default:
        return [404, { code: "bad_route", msg: method }];
    }
  };

  const service: ResultsService = {
    env: {},
    artifacts,
    onDownload: ({ bytes }) => bytes,
    close: () => server.close(),
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
    const body = await bodyOf(request);
    const method = /^\/twirp\/github\.actions\.results\.api\.v1\.ArtifactService\/(\w+)$/.exec(
      url.pathname,
    )?.[1];
    if (method) {
      const [status, document] = call(
        method,
        JSON.parse(body.toString()) as Record<string, unknown>,
        url.origin,
      );
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(document));
      return;
    }
    const artifact = artifacts.get(Number(/^\/blob\/(\d+)$/.exec(url.pathname)?.[1]));
    if (!artifact) {
      response.writeHead(404).end();
    } else if (request.method === "PUT") {
      const comp = url.searchParams.get("comp");
      if (comp === "block") artifact.blocks.set(url.searchParams.get("blockid") ?? "", body);
      else if (comp === "blocklist") {
        const order = [...body.toString().matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]+)</g)];
        artifact.bytes = Buffer.concat(
          order.map(([, id = ""]) => artifact.blocks.get(id) ?? Buffer.alloc(0)),
        );
      } else artifact.bytes = body;
      response.writeHead(201, { etag: '"x"', "last-modified": new Date(0).toUTCString() }).end();
    } else {
      response
        .writeHead(200, {
          "content-type": "application/zip",
          "content-disposition": "attachment; filename=a.zip",
        })
        .end(service.onDownload(artifact));
    }
  };
  const server = await serve((request, response) => {
    answer(request, response).catch((thrown: unknown) => response.writeHead(500).end(String(thrown)));
  });
  service.env = {
    ACTIONS_RESULTS_URL: `${server.url}/`,
    ACTIONS_RUNTIME_TOKEN: runtimeToken(),
  };
  return service;
}

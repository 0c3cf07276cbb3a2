import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { root } from "./run.ts";
import { bodyOf, serve } from "./server.ts";
import { type Sigstore, sigstore } from "./sigstore.ts";
import { standInAction } from "./stand-in-action.ts";

/** The identity that a job of the reusable workflow has, called from me/wheels. */
export const REUSABLE = {
  repository: "me/wheels",
  workflow: "org/vllm-cpu-actions/.github/workflows/build-wheels.yml",
};

export interface Signer {
  /** Folders that stand for GitHub's actions, by owner/name@ref. */
  actions: Record<string, string>;
  env: Record<string, string>;
  store: Sigstore;
  close(): Promise<void>;
}

/** An authority that signs whatever a job of the reusable workflow asks it to, and the two actions of GitHub's that lead there. */
export async function startSigner(): Promise<Signer> {
  const store = await sigstore();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const statement: unknown = JSON.parse((await bodyOf(request)).toString());
    response.end(JSON.stringify(await store.sign(statement, REUSABLE)));
  };
  const server = await serve((request, response) => void answer(request, response));
  return {
    store,
    env: { TEST_SIGNER: server.url },
    actions: {
      "actions/attest@1e69f48acb82d1966a394da916b4c1698aa569d6": standInAction(
        `node ${join(root, "test", "support", "attest.mjs")}`,
        { SUBJECT: "subject-path", PREDICATE: "predicate-path", PREDICATE_TYPE: "predicate-type" },
        "bundle-path",
      ),
      "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f": standInAction(
        `node ${join(root, "test", "support", "upload.mjs")}`,
        { NAME: "name", PATHS: "path", DAYS: "retention-days" },
      ),
    },
    close: () => server.close(),
  };
}

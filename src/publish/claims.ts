import type { Host } from "../host/host.ts";
import { reasonOf, request } from "../host/http.ts";

/** The claims that an index compares with its trusted publisher. Source: PyPI documentation, "Troubleshooting". */
const COMPARED = [
  "sub",
  "repository",
  "repository_owner",
  "workflow_ref",
  "job_workflow_ref",
  "ref",
  "environment",
];

/** True where the workflow may ask for identity tokens (`permissions: id-token: write`). */
export function canIdentify(host: Host): boolean {
  return Boolean(host.env["ACTIONS_ID_TOKEN_REQUEST_URL"] && host.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]);
}

/**
 * The claims of this workflow's identity, a line each, to be compared with what the index has been told to trust.
 * Never throws: it helps with an error that has happened already.
 */
export async function shownClaims(host: Host): Promise<string[]> {
  const url = host.env["ACTIONS_ID_TOKEN_REQUEST_URL"] ?? "";
  const authorization = `Bearer ${host.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] ?? ""}`;
  try {
    const page = await request(host, url, { headers: { authorization, accept: "application/json" } });
    const { value } = JSON.parse(page.text) as { value?: unknown };
    const payload = Buffer.from(String(value).split(".")[1] ?? "", "base64url").toString("utf8");
    const claims = JSON.parse(payload) as Record<string, unknown>;
    return COMPARED.map((name) => `${name}: ${claims[name] === undefined ? "(none)" : String(claims[name])}`);
  } catch (thrown) {
    host.log.debug(`no claims: ${reasonOf(thrown)}`);
    return [];
  }
}

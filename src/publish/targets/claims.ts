import { rootMessageOf } from "../../errors/thrown.ts";
import type { Host } from "../../host/host.ts";
import { skewText } from "../../host/network/clock.ts";
import { request } from "../../host/network/http.ts";

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

/** When the index takes the token. Source: RFC 7519, 4.1.4 to 4.1.6. */
const TIMES = [
  ["iat", "issued"],
  ["nbf", "valid from"],
  ["exp", "valid until"],
] as const;

function timeLine(seconds: unknown, what: string): string | null {
  return typeof seconds === "number" && Math.abs(seconds) < 1e11
    ? `${what}: ${new Date(seconds * 1000).toISOString()}`
    : null;
}

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
    const skew = page.serverTime === null ? null : skewText(host.now().getTime() - page.serverTime);
    return [
      ...COMPARED.map((name) => `${name}: ${claims[name] === undefined ? "(none)" : String(claims[name])}`),
      ...TIMES.map(([name, what]) => timeLine(claims[name], what)).filter((line) => line !== null),
      ...(skew === null ? [] : [`This machine's clock is ${skew} the issuer's.`]),
    ];
  } catch (thrown) {
    host.log.debug(`no claims: ${rootMessageOf(thrown)}`);
    return [];
  }
}

import { join } from "node:path";
import { writeFile } from "../files.ts";
import type { Host } from "../host.ts";
import { type NamedAuthorities, trustedAuthorities } from "./certificates.ts";
import { connectionsOf } from "./connections.ts";
import { PIP_SETTING } from "./pip-config.ts";

/** What each program reads, first come first taken; the first of a row is what we set where the user has set none of it. */
const READ_BY = [
  // uv (rustls) and whatever uses OpenSSL's own paths.
  ["SSL_CERT_FILE", "SSL_CERT_DIR"],
  // pip, which also takes requests' variables.
  ["PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
  ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
  ["CURL_CA_BUNDLE"],
  // git has libcurl, which reads no variable of its own.
  ["GIT_SSL_CAINFO", "GIT_SSL_CAPATH"],
] as const;

const PIP_ROW = 1;
const bundles = new WeakMap<Host, Map<string, Promise<string>>>();

/** One file for programs that take one file: it replaces the authorities that they come with, so it holds these, too. */
function bundleOf(host: Host, named: readonly NamedAuthorities[]): Promise<string> {
  const made = bundles.get(host) ?? new Map<string, Promise<string>>();
  bundles.set(host, made);
  const key = named.map(({ path }) => path).join("\0");
  const known = made.get(key);
  if (known) return known;
  const bundle = (async () => {
    const authorities = trustedAuthorities(named);
    const path = join(await host.scratch.folderUntilExit("vllm-cpu-wheels-trust"), "authorities.pem");
    await writeFile(path, `${authorities.join("\n")}\n`);
    return path;
  })();
  made.set(key, bundle);
  return bundle;
}

/**
 * Variables by which programs that we run trust whom the user's settings name, whichever of them the user has set: uv does
 * not know pip's, nor git uv's. What the user has set for a program stays; where nothing is set at all, nothing is added.
 * @param pipCert what pip's own configuration names, where it has been asked
 * @throws E_CERTIFICATES, E_PROXY
 */
export async function trustEnv(host: Host, pipCert: string | null = null): Promise<Record<string, string>> {
  const { named } = await connectionsOf(host);
  const all =
    pipCert === null || named.some(({ path }) => path === pipCert)
      ? named
      : [...named, { setting: PIP_SETTING, path: pipCert }];
  if (all.length === 0) return {};
  const lacking = READ_BY.filter(
    (row, index) => row.every((name) => !host.env[name]) && !(index === PIP_ROW && pipCert !== null),
  );
  if (lacking.length === 0) return {};
  const bundle = await bundleOf(host, all);
  return Object.fromEntries(lacking.map(([name]) => [name, bundle]));
}

import { BlockList, isIP } from "node:net";
import { wheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../host.ts";

type Env = Host["env"];

/** What the environment says about proxies. */
export interface Proxies {
  /** URL of the proxy for a scheme; null for none. */
  http: string | null;
  https: string | null;
  /** Names that no proxy is used for, as undici reads them: a name covers its subdomains, `*` is everything. */
  noProxy: string;
  /** True for an address that NO_PROXY names, alone or by its network (`10.0.0.0/8`), which undici can't tell. */
  sparesAddress(hostname: string): boolean;
}

const SCHEMES = /^(https?|socks5?):$/;

/** Both spellings; the lower-case one counts first, since a web server's CGI can't be made to set it. */
function variable(env: Env, name: string): [string, string] | null {
  for (const spelling of [name, name.toUpperCase()]) {
    const value = env[spelling]?.trim();
    if (value) return [spelling, value];
  }
  return null;
}

function proxyOf(env: Env, scheme: "http" | "https"): string | null {
  const [name, value] = variable(env, `${scheme}_proxy`) ?? variable(env, "all_proxy") ?? [null, ""];
  if (name === null) return null;
  // pip, uv, curl and git take a bare HOST:PORT for an HTTP proxy.
  const url = value.includes("://") ? value : `http://${value}`;
  // Only the variable's name is shown: its value may hold a password.
  if (!URL.canParse(url) || new URL(url).hostname === "")
    throw wheelsError("E_PROXY", { variable: name, detail: "It is not a URL such as http://HOST:PORT" });
  const { protocol } = new URL(url);
  if (!SCHEMES.test(protocol))
    throw wheelsError("E_PROXY", { variable: name, detail: `It is of the scheme ${protocol}` });
  return url;
}

/** The addresses and networks of NO_PROXY. */
function addressesOf(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", bits] = entry.replace(/^\[(.*)\]$/, "$1").split("/");
    const version = isIP(address);
    const most = version === 4 ? 32 : 128;
    if (version === 0 || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most))) continue;
    list.addSubnet(address, bits === undefined ? most : Number(bits), version === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

/**
 * Reads http_proxy, https_proxy, all_proxy and no_proxy, in either spelling, as pip, uv, git and curl do.
 * @throws E_PROXY where a variable's value is no proxy
 */
export function proxiesOf(env: Env): Proxies {
  const entries = (variable(env, "no_proxy")?.[1] ?? "").split(/[,\s]+/).filter((entry) => entry !== "");
  const addresses = addressesOf(entries);
  return {
    http: proxyOf(env, "http"),
    https: proxyOf(env, "https"),
    noProxy: entries.includes("*") ? "*" : entries.join(","),
    sparesAddress(hostname) {
      const address = hostname.replace(/^\[(.*)\]$/, "$1");
      const version = isIP(address);
      return version !== 0 && addresses.check(address, version === 4 ? "ipv4" : "ipv6");
    },
  };
}

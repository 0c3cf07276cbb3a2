import { createSecureContext } from "node:tls";
import type { Dispatcher } from "undici";
import type { Host } from "../host.ts";
import { type NamedAuthorities, namedAuthorities, trustedAuthorities } from "./certificates.ts";
import { pipCertificate } from "./pip-config.ts";
import { proxiesOf } from "./proxies.ts";

/** How one run reaches the network: kept sockets, proxies and trusted authorities, the same for each request. */
export interface Connections {
  /** undici, which is loaded with the first request. */
  undici: typeof import("undici");
  dispatcher: Dispatcher;
  /** Which certificates count, beside those of Node.js and the system. */
  named: readonly NamedAuthorities[];
}

async function connect(host: Host, named: readonly NamedAuthorities[]): Promise<Connections> {
  const undici = await import("undici");
  const proxies = proxiesOf(host.env);
  const made = new Map<string, Dispatcher>();
  const agentOf = ({ protocol, hostname }: URL): Dispatcher => {
    const scheme = protocol === "https:" ? "https" : "http";
    const proxy = proxies.sparesAddress(hostname) ? null : proxies[scheme];
    const key = `${scheme} ${proxy}`;
    const known = made.get(key);
    if (known) return known;
    // Certificates are read when the first one is needed, so that a broken setting of them harms no plain request.
    const connect =
      scheme === "https" || proxy?.startsWith("https:")
        ? { secureContext: createSecureContext({ ca: trustedAuthorities(named) }) }
        : {};
    const options = { connect, requestTls: connect, proxyTls: connect, proxyTunnel: scheme === "https" };
    // undici's own choice would send https through http_proxy where https_proxy is not set, which pip, uv, git and curl don't.
    const agent =
      proxy === null
        ? new undici.Agent({ connect })
        : new undici.EnvHttpProxyAgent({
            ...options,
            httpProxy: proxy,
            httpsProxy: proxy,
            noProxy: proxies.noProxy,
          });
    made.set(key, agent);
    return agent;
  };
  const dispatcher = new undici.Agent().compose(
    () => (options, handler) => agentOf(new URL(String(options.origin))).dispatch(options, handler),
  );
  return { undici, dispatcher, named };
}

const open = new WeakMap<Host, Promise<Connections>>();

/**
 * The connections of a run, made once. Idle sockets don't keep the process: undici lets go of them.
 * @throws E_PROXY
 */
export function connectionsOf(host: Host): Promise<Connections> {
  const known = open.get(host);
  if (known) return known;
  const made = connect(host, namedAuthorities(host.env));
  open.set(host, made);
  return made;
}

/**
 * What a run does after a certificate that it does not trust: pip's own settings may name the authority, and asking pip
 * takes a third of a second, so it is asked only now.
 * @returns false where pip names nothing new
 */
export async function learnAuthorities(host: Host): Promise<boolean> {
  const { named } = await connectionsOf(host);
  const setting = await pipCertificate(host);
  if (setting === null || named.some(({ path }) => path === setting.path)) return false;
  open.set(host, connect(host, [...named, setting]));
  return true;
}

/**
 * fetch, through the proxy that http_proxy, https_proxy and no_proxy name, as pip, uv and git do. Node's own fetch looks at
 * them from version 24 on, and only if it is told to.
 */
export async function fetchProxied(url: string, init: RequestInit): Promise<Response> {
  const { getProxyForUrl } = await import("proxy-from-env");
  const proxy = getProxyForUrl(url);
  if (proxy === "") return fetch(url, init);
  const undici = await import("undici");
  const dispatcher = new undici.ProxyAgent(proxy);
  // The same interfaces, typed twice.
  const answer: unknown = await undici.fetch(url, { ...init, dispatcher } as Parameters<
    typeof undici.fetch
  >[1]);
  return answer as Response;
}

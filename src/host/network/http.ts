import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { RequestInit } from "undici";
import { hashOf } from "../hash.ts";
import type { Host } from "../host.ts";
import { fetchTrusted } from "./fetch.ts";

const TIMEOUT_MS = 30_000;
/** A slow line takes this long for the largest wheel. */
const UPLOAD_TIMEOUT_MS = 1_800_000;
/** A project page of the largest projects has some 10 MiB. */
const MOST_BYTES = 64 * 1024 ** 2;

export interface Page {
  /** Where the answer came from, after redirects. */
  url: string;
  status: number;
  contentType: string;
  /** The Retry-After header, if there is one. */
  retryAfter: string | null;
  /** The server's clock, milliseconds since 1970; null where it does not tell. Source: RFC 9110, 6.6.1. */
  serverTime: number | null;
  bytes: Uint8Array;
  /** The bytes as UTF-8. */
  text: string;
}

export interface RequestOptions {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** A file to send as the body, with its size in bytes. */
  file?: { path: string; size: number };
}

/** User name and password of a URL as a header, since fetch refuses them in the URL. Source: RFC 7617. */
function withoutUser(text: string): { url: string; headers: Record<string, string> } {
  const url = new URL(text);
  if (url.username === "" && url.password === "") return { url: text, headers: {} };
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = "";
  url.password = "";
  const authorization = `Basic ${Buffer.from(user).toString("base64")}`;
  return { url: url.href, headers: { authorization } };
}

async function send(host: Host, text: string, options: RequestOptions): Promise<Response> {
  const { url, headers } = withoutUser(text);
  const { file } = options;
  const length = file ? { "content-length": String(file.size) } : {};
  const init = (): RequestInit => ({
    method: options.method ?? "GET",
    headers: { ...headers, ...length, ...options.headers },
    signal: AbortSignal.any([host.signal, AbortSignal.timeout(file ? UPLOAD_TIMEOUT_MS : TIMEOUT_MS)]),
    ...(options.body === undefined ? {} : { body: options.body }),
    ...(file ? { body: Readable.toWeb(createReadStream(file.path)), duplex: "half" as const } : {}),
  });
  return fetchTrusted(host, url, init);
}

/**
 * Sends a request. Redirects are followed; a status of 400 and more is an answer, not an error.
 * Throws an Error with a plain message where no answer comes within 30 s, or a longer one than 64 MiB.
 * @throws E_PROXY, E_CERTIFICATES, E_UNTRUSTED, E_CLOCK
 */
export async function request(host: Host, url: string, options: RequestOptions = {}): Promise<Page> {
  const response = await send(host, url, options);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`the answer is longer than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  const serverTime = Date.parse(response.headers.get("date") ?? "");
  const body = Buffer.concat(chunks);
  return {
    url: response.url,
    status: response.status,
    contentType: response.headers.get("content-type") ?? "",
    retryAfter: response.headers.get("retry-after"),
    serverTime: Number.isNaN(serverTime) ? null : serverTime,
    bytes: body,
    text: body.toString("utf8"),
  };
}

/** sha256 and size of what a URL gives. Throws an Error where it gives nothing. */
export async function hashOfUrl(
  host: Host,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ sha256: string; size: number }> {
  const response = await send(host, url, { headers });
  if (!response.ok || !response.body) throw new Error(`${response.status} for ${url}`);
  // A sign-in page has a hash, too.
  if (response.headers.get("content-type")?.startsWith("text/html"))
    throw new Error(`a web page came in place of the file ${url}`);
  return hashOf(response.body);
}

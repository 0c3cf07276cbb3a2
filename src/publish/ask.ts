import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "../host/host.ts";
import { type Page, type RequestOptions, reasonOf, request } from "../host/http.ts";
import { shownUrl } from "../host/urls.ts";
import { isTransient, nextDelay, retryAfterMs } from "./backoff.ts";

/**
 * Waits before the next try, and says so.
 * @param tried tries so far
 * @param retryAfter the server's Retry-After header
 * @returns false where there is no next try
 */
export async function pause(
  host: Host,
  tried: number,
  retryAfter: string | null,
  why: string,
): Promise<boolean> {
  const asked = retryAfterMs(retryAfter, host.now().getTime());
  const delay = nextDelay(tried, asked, Math.random());
  if (delay === null || host.signal.aborted) return false;
  host.log.info(`  ${why}; trying again in ${(delay / 1000).toFixed(1)} s`);
  await sleep(delay, undefined, { signal: host.signal }).catch(() => undefined);
  return !host.signal.aborted;
}

/**
 * Sends a request that may be repeated without harm, and repeats it on network faults and transient answers.
 * @returns the last answer, whatever its status; throws an Error where none came
 */
export async function ask(host: Host, url: string, options: RequestOptions = {}): Promise<Page> {
  for (let tried = 1; ; tried++) {
    try {
      const page = await request(host, url, options);
      const why = `${shownUrl(url)} answered ${page.status}`;
      if (!isTransient(page.status) || !(await pause(host, tried, page.retryAfter, why))) return page;
    } catch (thrown) {
      if (!(await pause(host, tried, null, `${shownUrl(url)}: ${reasonOf(thrown)}`))) throw thrown;
    }
  }
}

import { setTimeout as sleep } from "node:timers/promises";
import { rootMessageOf } from "../../errors/thrown.ts";
import { isWheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../host.ts";
import { isTransient, nextDelay, retryAfterMs } from "./backoff.ts";
import { type Page, type RequestOptions, request } from "./http.ts";
import { shownUrl } from "./urls.ts";

/**
 * Waits before the next try, and says so.
 * @param tried tries so far
 * @param page what the server answered, if it did: its Retry-After header, by its own clock
 * @returns false where there is no next try
 */
export async function pause(
  host: Host,
  tried: number,
  page: Pick<Page, "retryAfter" | "serverTime"> | null,
  why: string,
): Promise<boolean> {
  const asked = retryAfterMs(page?.retryAfter ?? null, page?.serverTime ?? host.now().getTime());
  const delay = nextDelay(tried, asked, Math.random());
  if (delay === null || host.signal.aborted) return false;
  host.log.info(`  ${why}; trying again in ${(delay / 1000).toFixed(1)} s`);
  await sleep(delay, undefined, { signal: host.signal }).catch(() => undefined);
  return !host.signal.aborted;
}

/**
 * Sends a request that may be repeated without harm, and repeats it on network faults and transient answers.
 * @returns the last answer, whatever its status; throws an Error where none came
 * @throws E_PROXY, E_CERTIFICATES, E_UNTRUSTED, E_CLOCK
 */
export async function ask(host: Host, url: string, options: RequestOptions = {}): Promise<Page> {
  for (let tried = 1; ; tried++) {
    try {
      const page = await request(host, url, options);
      const why = `${shownUrl(url)} answered ${page.status}`;
      if (!isTransient(page.status) || !(await pause(host, tried, page, why))) return page;
    } catch (thrown) {
      if (isWheelsError(thrown)) throw thrown;
      if (!(await pause(host, tried, null, `${shownUrl(url)}: ${rootMessageOf(thrown)}`))) throw thrown;
    }
  }
}

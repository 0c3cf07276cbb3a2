import type { RequestInit } from "undici";
import { rootMessageOf } from "../../errors/thrown.ts";
import { isWheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../host.ts";
import { isTrustTrouble, untrusted } from "./certificates.ts";
import { clockError, isClockTrouble } from "./clock.ts";
import { connectionsOf, learnAuthorities } from "./connections.ts";
import { shownUrl } from "./urls.ts";

/** The error of the catalogue that lies below fetch's own "fetch failed"; null where there is none. */
function wheelsErrorIn(thrown: unknown): Error | null {
  for (let cause = thrown; cause instanceof Error; cause = cause.cause)
    if (isWheelsError(cause)) return cause;
  return null;
}

/**
 * fetch, through the proxy and with the authorities that the user's settings name, as pip, uv and git do.
 * Throws fetch's own error where no answer comes.
 * @param init makes the request; called again for a second try, since a body can be read once
 * @throws E_PROXY, E_CERTIFICATES, E_UNTRUSTED, E_CLOCK
 */
export async function fetchTrusted(host: Host, url: string, init: () => RequestInit): Promise<Response> {
  for (;;) {
    const { undici, dispatcher, named } = await connectionsOf(host);
    try {
      const answer: unknown = await undici.fetch(url, { ...init(), dispatcher });
      // The same interface, typed twice.
      return answer as Response;
    } catch (thrown) {
      const known = wheelsErrorIn(thrown);
      if (known) throw known;
      const detail = rootMessageOf(thrown);
      if (isClockTrouble(detail)) throw clockError(host, url, `${detail}.`);
      if (!isTrustTrouble(detail)) throw thrown;
      if (!(await learnAuthorities(host)))
        throw untrusted(shownUrl(new URL(url).origin), detail, named, thrown);
    }
  }
}

import { wheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../host.ts";
import { shownUrl } from "./urls.ts";

/** Messages on a certificate's time: of OpenSSL (Node), rustls (uv) and the platforms' verifiers. */
const CERTIFICATE_TIME =
  /certificate (is )?not (yet )?valid( yet)?|not valid yet|CERT_NOT_YET_VALID|certificate (has |is )?expired|CERT_HAS_EXPIRED|certificate: (Expired|NotValidYet)|outside of? (its )?validity/i;

const MINUTE_MS = 60_000;

/** True for the message of a TLS error that the clocks are to blame for: another try changes nothing. */
export function isClockTrouble(message: string): boolean {
  return CERTIFICATE_TIME.test(message);
}

/** @param what URL, or name of a target */
export function clockError(host: Host, what: string, detail: string) {
  return wheelsError("E_CLOCK", { what: shownUrl(what), detail, now: host.now().toISOString() });
}

/** How far a clock is off, in words; null below a minute. @param ahead milliseconds that it is ahead of the other */
export function skewText(ahead: number): string | null {
  const minutes = Math.round(Math.abs(ahead) / MINUTE_MS);
  if (minutes < 1) return null;
  const [amount, unit] =
    minutes < 120
      ? [minutes, "minutes"]
      : minutes < 2880
        ? [Math.round(minutes / 60), "hours"]
        : [Math.round(minutes / 1440), "days"];
  return `${amount} ${unit} ${ahead > 0 ? "ahead of" : "behind"}`;
}

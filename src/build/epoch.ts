import { wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "../host/host.ts";

/** 1980-01-01, the oldest time a zip entry can carry; used where SOURCE_DATE_EPOCH is not set. Seconds. */
export const ZIP_EPOCH = 315532800;
/** 2107-12-31 23:59:58, the newest. Source: APPNOTE.TXT 6.3.10, section 4.4.6 (MS-DOS date and time). Seconds. */
const LAST_ZIP_TIME = 4354819198;

/**
 * SOURCE_DATE_EPOCH of the environment, seconds; a time before 1980 becomes 1980-01-01, which is what zip can say.
 * Source: reproducible-builds.org, SOURCE_DATE_EPOCH 1.1 (a whole number of seconds, and nothing else).
 * @throws E_SOURCE_DATE_EPOCH where it is no such number, or later than a zip entry can be
 */
export function sourceDateEpoch(host: Pick<Host, "env">): number {
  const value = host.env["SOURCE_DATE_EPOCH"] ?? "";
  if (value === "") return ZIP_EPOCH;
  const refuse = (problem: string): never => {
    throw wheelsError("E_SOURCE_DATE_EPOCH", { value: value.slice(0, 80), problem });
  };
  if (!/^\d{1,16}$/.test(value))
    return refuse("It takes whole seconds since 1970-01-01 UTC, digits and nothing else.");
  const seconds = Number(value);
  if (seconds > LAST_ZIP_TIME) {
    const asMilliseconds = new Date(seconds);
    return refuse(
      seconds / 1000 <= LAST_ZIP_TIME
        ? `A wheel's files can't be dated after the year 2107; as milliseconds it is ${asMilliseconds.toISOString()}.`
        : "A wheel's files can't be dated after the year 2107.",
    );
  }
  return Math.max(seconds, ZIP_EPOCH);
}

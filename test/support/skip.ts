import { describe, test } from "@jest/globals";

type Named = (name: string, body: () => void | Promise<void>, timeout?: number) => void;

/**
 * A test that is not run where there is a reason against it; the reason stands in its name. The end of ./run_tests.sh
 * lists it, and in continuous integration every reason but those of scripts/skips.mjs fails.
 */
export const unless =
  (reason: string | null): Named =>
  (name, body, timeout) =>
    reason === null ? test(name, body, timeout) : test.skip(`${name}: not-run: ${reason}`, body, timeout);

/** The same for all tests of a `describe`. */
export const allUnless =
  (reason: string | null): ((name: string, body: () => void) => void) =>
  (name, body) =>
    reason === null ? describe(name, body) : describe.skip(`${name}: not-run: ${reason}`, body);

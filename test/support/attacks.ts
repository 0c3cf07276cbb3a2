import { beforeAll, describe, expect, test } from "@jest/globals";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { forge, goodManifest, type Lie, refusals, verified } from "./forge.ts";

/** What an attacker tries, the check that must refuse it, and what its evidence must name. */
export interface Attack {
  name: string;
  lie: Lie;
  check: string;
  evidence: RegExp;
}

export const filesLie = (path: string, data: string | Uint8Array): Lie => ({ files: { [path]: data } });
export const libraryLie = (data: Uint8Array): Lie => filesLie("good/_C.so", data);
export const headerLie = (line: string): Lie => ({ headers: [line] });
export const tagLie = (platform: string): Lie => ({ fileName: `good-1.0-cp311-cp311-${platform}.whl` });

/**
 * Asks the real command about all of them at once, and tests each: refused by its check, with evidence, rule and remedy.
 * The wheel without a lie stands beside them and passes, so that it is the lie which is refused.
 */
export function testAttacks(attacks: readonly Attack[]): void {
  let good: VerifyResult | undefined;
  let results: VerifyResult[] = [];

  beforeAll(() => {
    const forged = [forge(), ...attacks.map(({ lie }) => forge(lie))];
    const { ran, results: answers } = verified(forged, [`--manifest=${goodManifest()}`]);
    expect(ran.stderr).not.toMatch(/^\s+at /m);
    expect(ran.status).toBe(1);
    [good, ...results] = answers;
  });

  test("the wheel without a lie passes every check", () => {
    expect(good?.checks.filter(({ result }) => result !== "pass")).toEqual([]);
  });

  describe("refused", () => {
    test.each(attacks.map((attack, index) => ({ ...attack, index })))(
      "$name",
      ({ check, evidence, index }) => {
        const result = results[index];
        expect(refusals(result)).toContain(check);
        expect(JSON.stringify(result?.checks.find(({ id }) => id === check))).toMatch(evidence);
        for (const answer of result?.checks ?? []) {
          if (answer.result !== "fail" && answer.result !== "warn") continue;
          expect([answer.id, answer.reference ?? "", answer.remedy ?? ""]).not.toContain("");
          expect(answer.findings).not.toEqual([]);
        }
      },
    );
  });
}

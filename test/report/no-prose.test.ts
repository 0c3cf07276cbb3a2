import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { reportHtml } from "../../src/report/html-page.ts";
import { resultMarkdown } from "../../src/report/markdown.ts";
import { sarifLog } from "../../src/report/sarif.ts";
import { checksText } from "../../src/report/text/checks-text.ts";
import { CHECK_IDS } from "../../src/verify/checks/catalogue.ts";
import { type Check, makeCheck } from "../../src/verify/verdict/check.ts";
import type { Result } from "../../src/verify/verdict/result.ts";
import { SAMPLES } from "../support/findings.ts";

/** Every kind of finding, spread over all checks. */
const checks = CHECK_IDS.map((id, index): Check => {
  const findings = SAMPLES.filter((_one, at) => at % CHECK_IDS.length === index);
  return makeCheck(id, { result: index % 2 === 0 ? "fail" : "warn", findings, evidence: {} });
});

const resultOf = (some: readonly Check[]): Result => ({
  wheel: "/w/pkg-1.0-py3-none-any.whl",
  sha256: "0".repeat(64),
  variant: "vllm-cpu",
  result: "fail",
  level: "engine",
  torch: null,
  checks: [...some],
  isa: { claimed: [], found: {}, files: [] },
});

/** What a reader of each report sees, with every text of a check replaced by one of its own. */
function reports(textOf: (id: string) => string): string[] {
  const result = resultOf(checks.map((check) => ({ ...check, detail: textOf(check.id) })));
  return [
    JSON.stringify(sarifLog({ results: [result], kinds: "all", version: "1", root: "/w" })),
    reportHtml(result, { install: [], version: "1", time: null }),
    resultMarkdown(result, { install: [] }),
    checksText("title", result, false),
  ];
}

test("whatever a check's sentence says, every report keeps all places, files and fingerprints", () => {
  const plain = reports((id) => `PLAIN ${id} END`);
  fc.assert(
    fc.property(
      // Sentences that begin as those do in which a path or a requirement was once looked for.
      fc.constantFrom("pkg/a.so needs b.so", "METADATA requires x", "a at 0x1 in f", "", "x"),
      fc.stringMatching(/^[a-z ]{0,20}$/),
      (start, more) => {
        const changed = reports((id) => `PLAIN ${id} ${start} ${more} END`);
        const back = changed.map((text) => text.replace(/PLAIN ([\w.-]+) .*? END/g, "PLAIN $1 END"));
        expect(back).toEqual(plain);
      },
    ),
    { numRuns: 25, seed: 3 },
  );
});

test("every finding is a result of its own in SARIF, at the file that it names", () => {
  const log = sarifLog({ results: [resultOf(checks)], kinds: "problems", version: "1", root: "/w" }) as {
    runs: { results: { locations: { logicalLocations?: { kind: string; name: string }[] }[] }[] }[];
  };
  const results = log.runs[0]?.results ?? [];
  expect(results).toHaveLength(SAMPLES.length);
  const files = results.filter(({ locations }) =>
    locations[0]?.logicalLocations?.some(({ kind, name }) => kind === "module" && name === "pkg/a.so"),
  );
  expect(files).toHaveLength(SAMPLES.filter((finding) => "file" in finding).length);
});

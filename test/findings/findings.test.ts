import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { findingSchema, findingText, placeOf, remedyOf } from "../../src/findings/findings.ts";
import { SAMPLES } from "../support/findings.ts";

const published = JSON.stringify(JSON.parse(readFileSync("schemas/verify.schema.json", "utf8")));
const page = readFileSync("docs/findings.md", "utf8");

test.each(SAMPLES.map((finding) => [finding.kind, finding] as const))(
  "%s has words, a place in the schema and in the documents, and survives JSON",
  (kind, finding) => {
    const text = findingText(finding);
    expect(text).toMatch(/\S/);
    expect(text).not.toMatch(/undefined|\[object|NaN|null/);
    expect(text.endsWith(".")).toBe(false);
    expect(published).toContain(`"const":"${kind}"`);
    expect(page).toContain(`## ${kind}\n`);
    expect(findingSchema.parse(JSON.parse(JSON.stringify(finding)))).toEqual(finding);
    expect(remedyOf([finding])).not.toBe("");
  },
);

test("whatever names a file, a requirement or a place in code tells it in the same field", () => {
  for (const finding of SAMPLES) {
    const { file, requirement, places } = placeOf(finding);
    expect([finding.kind, file]).toEqual([finding.kind, "file" in finding ? "pkg/a.so" : null]);
    expect([finding.kind, requirement]).toEqual([
      finding.kind,
      "requirement" in finding ? "some requirement" : null,
    ]);
    if ("places" in finding || finding.kind === "crash") expect(places).toHaveLength(1);
  }
});

// Lists the tests that a Jest report says were skipped, with the reason that stands in their names.
// Usage: node scripts/skips.mjs REPORT.json; ends with 1 where CI is set and a test was skipped that has to run there.
import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The reasons for which continuous integration may skip a test; for every other one it fails. */
const ALLOWED = [
  // A machine has the CPU that it has.
  /^lacks (avx|amx)\w*$/,
  /^has every rare instruction known here$/,
  // Written beside the block, where a review sees it.
  /^the document says: /,
  // The job that runs in act would run itself again, without end.
  /^inside act$/,
];

/**
 * @param {{ testResults: { name: string, assertionResults: object[] }[] }} report what `jest --json` writes
 * @returns {{ file: string, name: string, reason: string | null, allowed: boolean }[]} in the order of the report
 */
export function skippedTests(report) {
  return report.testResults.flatMap(({ name: file, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === "pending" || status === "todo")
      .map(({ ancestorTitles, title }) => {
        const titles = [...ancestorTitles, title];
        const reason = titles.map((text) => /: not-run: (.*)$/s.exec(text)?.[1]).find(Boolean) ?? null;
        const name = titles.map((text) => text.replace(/: not-run: .*$/s, "")).join(" › ");
        const allowed = reason !== null && ALLOWED.some((pattern) => pattern.test(reason));
        return { file: relative(process.cwd(), file), name, reason, allowed };
      }),
  );
}

/**
 * Prints one line a skipped test.
 * @param {ReturnType<typeof skippedTests>} skipped
 * @param {boolean} isCi whether a reason that is not allowed is a failure
 * @returns {number} how many failures that makes
 */
export function tellSkipped(skipped, isCi) {
  let failures = 0;
  for (const { file, name, reason, allowed } of skipped) {
    const fails = isCi && !allowed;
    if (fails) failures++;
    const label = fails ? "FAIL (skipped, and has to run in CI)" : "skipped";
    console.log(`${label} ${file}: ${name}: ${reason ?? "no reason is given"}`);
  }
  return failures;
}

/** Whether this is continuous integration; every CI service sets CI. */
export const isCi = () => !["", "0", "false"].includes(process.env.CI ?? "");

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const report = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
  process.exitCode = tellSkipped(skippedTests(report), isCi()) === 0 ? 0 : 1;
}

import { createHash } from "node:crypto";
import { type Check, isProblem } from "../verify/verdict/check.ts";
import type { Result } from "../verify/verdict/result.ts";
import { CHECK_IDS } from "../verify/verdict/verdict.ts";
import { FormatError } from "../wheel/format-error.ts";
import { normalizeName, parseWheelFileName } from "../wheel/names.ts";
import { Artifacts, addSubject, message, pathOf, placesOf, ROOT_ID } from "./sarif-places.ts";
import { SARIF_RULES } from "./sarif-rules.ts";
import { type Told, toldOf } from "./told.ts";
import { verdictText } from "./verdict-text.ts";
import { visible } from "./visible.ts";

/** Which answers become results: code scanning takes every result for a problem, other readers heed `kind`. */
export const SARIF_KINDS = ["problems", "all"] as const;

/** One of {@link SARIF_KINDS}. */
export type SarifKinds = (typeof SARIF_KINDS)[number];

/** What a SARIF log is made of. */
export interface SarifRequest {
  results: readonly Result[];
  kinds: SarifKinds;
  /** This verifier's version. */
  version: string;
  /** Folder that locations are relative to: the repository's root in a workflow. */
  root: string;
}

/**
 * Results that are told; GitHub reads 25,000 of a run and shows 5,000.
 * Source: GitHub documentation, "SARIF support for code scanning", "Validation".
 */
const MOST_RESULTS = 5000;
const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const HOME = "https://github.com/org/vllm-cpu-actions";

const LEVEL = { fail: "error", warn: "warning", pass: "none", "not-run": "none" } as const;

/** The wheel without its version: an alert stays the same one when the next release has it too. */
function identity({ wheel, variant, environment }: Result): string {
  if (wheel === null) return `environment ${environment ?? ""}`;
  const fileName = wheel.split("/").at(-1) ?? wheel;
  try {
    const { distribution, python, abi, platform } = parseWheelFileName(fileName);
    return [normalizeName(distribution), python, abi, platform, variant ?? ""].join(" ");
  } catch (thrown) {
    if (thrown instanceof FormatError) return fileName;
    throw thrown;
  }
}

const digest = (...parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);

/** Numbers move from build to build; names stay. */
const steady = (text: string): string => text.replace(/0x[0-9a-f]+|\d+/gi, "#");

const KIND = { fail: "fail", warn: "fail", pass: "pass", "not-run": "notApplicable" } as const;

interface SarifResult extends Record<string, unknown> {
  partialFingerprints: { "vllmCpuWheels/v1": string; primaryLocationLineHash: string };
}

/** One thing to tell: a problem is told once for each thing that was found, all else as a whole. */
interface Item {
  result: Result;
  check: Check;
  finding: Told;
}

function itemsOf(result: Result, check: Check): Item[] {
  return toldOf(check).map((finding) => ({ result, check, finding }));
}

function sarifResult(artifacts: Artifacts, { result, check, finding }: Item, root: string): SarifResult {
  const name = pathOf(result, root).split("/").at(-1) ?? "";
  const fingerprint = digest(check.id, identity(result), steady(finding.subject));
  const remedy = isProblem(check) && check.remedy ? ` What to do: ${check.remedy}` : "";
  return {
    ruleId: check.id,
    ruleIndex: CHECK_IDS.indexOf(check.id),
    kind: KIND[check.result],
    level: LEVEL[check.result],
    message: message(`${name}: ${visible(finding.message)}.${remedy}`),
    ...placesOf(artifacts, addSubject(artifacts, result, root), finding),
    partialFingerprints: {
      "vllmCpuWheels/v1": fingerprint,
      // The one that GitHub compares. Else it would be made of the line that the location names.
      primaryLocationLineHash: `${fingerprint.slice(0, 16)}:1`,
    },
    properties: {
      variant: result.variant,
      sha256: result.sha256,
      ...(check.before === undefined ? {} : { before: check.before }),
      ...(check.lacks === undefined ? {} : { lacks: check.lacks }),
      ...(check.emulated === undefined ? {} : { emulated: check.emulated }),
      ...(check.reference === undefined ? {} : { reference: visible(check.reference) }),
    },
  };
}

/** Equal fingerprints of one run are numbered, or readers would fold different results into one. */
function numbered(results: SarifResult[]): SarifResult[] {
  const seen = new Map<string, number>();
  return results.map((result) => {
    const { "vllmCpuWheels/v1": own, primaryLocationLineHash: line } = result.partialFingerprints;
    const count = (seen.get(own) ?? 0) + 1;
    seen.set(own, count);
    if (count === 1) return result;
    return {
      ...result,
      partialFingerprints: {
        "vllmCpuWheels/v1": `${own}/${count}`,
        primaryLocationLineHash: line.replace(/\d+$/, String(count)),
      },
    };
  });
}

/** GitHub asks of these descriptors what it asks of rules. */
const described = (id: string, name: string, short: string, full: string): object => ({
  id,
  name,
  shortDescription: { text: short },
  fullDescription: { text: full },
  help: { text: full },
});

const NOTIFICATIONS = [
  described(
    "check-not-run",
    "CheckNotRun",
    "A check was not run.",
    "A check that was asked for was not run. It is no pass: who publishes the wheel decides whether the gap is accepted.",
  ),
  described(
    "results-left-out",
    "ResultsLeftOut",
    "There were too many results.",
    "There are more results than code scanning shows; --json has all of them.",
  ),
];

function notifications(results: readonly Result[], root: string, dropped: number): unknown[] {
  const unrun = results.flatMap((result) =>
    result.checks
      .filter((check) => check.result === "not-run")
      .map((check) => ({
        descriptor: { id: "check-not-run" },
        associatedRule: { id: check.id, index: CHECK_IDS.indexOf(check.id) },
        level: "note",
        message: message(`${pathOf(result, root)}: ${check.id} was not run: ${check.detail}`),
      })),
  );
  const left = {
    descriptor: { id: "results-left-out" },
    level: "warning",
    message: { text: `${dropped} results were left out; code scanning shows ${MOST_RESULTS} at the most.` },
  };
  return [...unrun.slice(0, MOST_RESULTS), ...(dropped > 0 ? [left] : [])];
}

/**
 * Answers as a SARIF log with one run.
 * Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; its subset and limits for code
 * scanning: GitHub documentation, "SARIF support for code scanning".
 */
export function sarifLog({ results, kinds, version, root }: SarifRequest): object {
  const artifacts = new Artifacts();
  for (const result of results) addSubject(artifacts, result, root);
  const wanted = (check: Check): boolean => kinds === "all" || isProblem(check);
  const items = results.flatMap((result) =>
    result.checks.filter(wanted).flatMap((check) => itemsOf(result, check)),
  );
  const told = items.slice(0, MOST_RESULTS).map((item) => sarifResult(artifacts, item, root));
  return {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "vllm-cpu-wheels",
            semanticVersion: version,
            informationUri: HOME,
            rules: SARIF_RULES,
            notifications: NOTIFICATIONS,
          },
        },
        invocations: [
          {
            executionSuccessful: true,
            toolExecutionNotifications: notifications(results, root, items.length - told.length),
          },
        ],
        originalUriBaseIds: {
          [ROOT_ID]: { description: { text: "The folder that the command was run in, or the repository." } },
        },
        columnKind: "utf16CodeUnits",
        artifacts: artifacts.list,
        results: numbered(told),
        properties: {
          verdicts: results.map((result) => ({
            subject: visible(pathOf(result, root)),
            sha256: result.sha256,
            variant: result.variant,
            level: result.level,
            verdict: verdictText(result),
          })),
        },
      },
    ],
  };
}

import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { type Demand, judge } from "../../src/publish/gate/gate.ts";
import { contradictions } from "../../src/publish/gate/look.ts";
import { askStatic } from "../../src/verify/checks/static-checks.ts";
import { demandedBy, parsePolicy, resolvePolicy, severityOf } from "../../src/verify/policy/policy.ts";
import { parseVerdict } from "../../src/verify/verdict/read-verdict.ts";
import { answerOf, type Verdict } from "../../src/verify/verdict/verdict.ts";
import { factsOf } from "../support/facts.ts";
import { forge } from "../support/forge.ts";
import { root } from "../support/run.ts";
import { equal, mutated, refusing, type Target } from "./property.ts";
import { wheelLie } from "./wheels.ts";

const proven = (): string =>
  JSON.stringify(
    (
      JSON.parse(readFileSync(join(root, "docs/verdict-vectors/cases/proven.json"), "utf8")) as {
        verdict: unknown;
      }
    ).verdict,
  );

const policy = resolvePolicy(parsePolicy("policy.yml", readFileSync(join(root, "policy.yml"), "utf8")));
const OWN = { version: "1.0.0", probes: "b".repeat(64), contract: "a".repeat(64) };

/** A verdict that upload indexes take, as its text's document. */
interface Document {
  subject: { name: string; digest: { sha256: string } }[];
  predicate: {
    variant: string;
    verificationResult: string;
    judgedBy: { contract: string; probes: string };
    checks: Record<string, unknown>[];
  };
}

function taken(): Document {
  const document = JSON.parse(proven()) as Document;
  document.predicate.judgedBy = { contract: OWN.contract, probes: OWN.probes };
  return document;
}

/** Ways to make a verdict say less, or something else. */
const change = fc.record({
  kind: fc.constantFrom(
    "drop",
    "repeat",
    "result",
    "before",
    "emulated",
    "lacks",
    "contract",
    "probes",
    "name",
    "sha256",
    "verdict",
  ),
  at: fc.nat(100),
  result: fc.constantFrom("pass", "warn", "fail", "not-run"),
});
type Change = typeof change extends fc.Arbitrary<infer One> ? One : never;

function changed(changes: readonly Change[]): Document {
  const document = taken();
  const { predicate, subject } = document;
  for (const { kind, at, result } of changes) {
    const place = at % Math.max(1, predicate.checks.length);
    const check = predicate.checks[place] ?? {};
    if (kind === "drop") predicate.checks.splice(place, 1);
    else if (kind === "repeat") predicate.checks.push({ ...check, result });
    else if (kind === "result" || kind === "before") check[kind] = result;
    else if (kind === "emulated")
      Object.assign(check, { emulated: ["amx_tile"], acceptedBy: ["pypi", "index"] });
    else if (kind === "lacks")
      Object.assign(check, { result: "not-run", lacks: ["avx512_bf16"], acceptedBy: ["pypi", "index"] });
    else if (kind === "contract" || kind === "probes") predicate.judgedBy[kind] = "c".repeat(64);
    else if (kind === "verdict") predicate.verificationResult = "FAILED";
    else
      for (const one of subject)
        Object.assign(kind === "name" ? one : one.digest, {
          [kind]: `${kind === "name" ? "other-1.0-py3-none-any.whl" : "d".repeat(64)}`,
        });
  }
  return document;
}

/** Throws where the gate lets through what a reader of the verdict, check by check, would not. */
function demandProof(changes: readonly Change[]): void {
  const read = parseVerdict("made", JSON.stringify(changed(changes)));
  if (read instanceof Error) return;
  const good = taken();
  const [{ name, digest } = { name: "", digest: { sha256: "" } }] = good.subject;
  const demand: Demand = {
    policy,
    target: "pypi",
    contracts: new Map(),
    own: { ...OWN, contracts: new Map([[good.predicate.variant, OWN.contract]]) },
  };
  if (judge({ fileName: name, sha256: digest.sha256 }, read, demand) instanceof Error) return;
  const { subject, predicate } = read;
  const [one] = subject;
  equal("bytes", [one?.name, one?.digest.sha256], [name, digest.sha256]);
  equal("grounds", predicate.judgedBy, good.predicate.judgedBy);
  for (const id of demandedBy(policy, "pypi")) {
    const answers = predicate.checks.filter((check) => check.id === id);
    equal(id, answers.length, 1);
    const isStrict = severityOf(policy, id, "pypi") === "strict";
    for (const check of answers)
      if (
        !(answerOf(check) === "pass" || (answerOf(check) === "warn" && !isStrict)) ||
        (check.emulated ?? []).length > 0
      )
        throw new Error(`${id} is ${answerOf(check)}, and taken`);
  }
}

/** A verdict's text in which an object has a name twice. */
const doubled = fc
  .record({
    at: fc.nat(10_000),
    isEscaped: fc.boolean(),
    value: fc.constantFrom('"pass"', "null", "[]", "{}"),
  })
  .map(({ at, isEscaped, value }) => {
    const text = proven();
    const names = [...text.matchAll(/"([A-Za-z]\w*)":/g)];
    const match = names[at % names.length];
    const [index, key] = [match?.index ?? 0, match?.[1] ?? ""];
    const spelled = isEscaped ? `\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}` : key;
    return `${text.slice(0, index)}"${spelled}":${value},${text.slice(index)}`;
  });

export const JUDGING: readonly Target[] = [
  {
    name: "verdicts: any text is one or is refused",
    runs: 300,
    property: fc.property(
      mutated(() => Buffer.from(proven())),
      (bytes) => {
        parseVerdict("made", bytes.toString("latin1"));
      },
    ),
  },
  {
    name: "policies: any text is one or is refused",
    runs: 150,
    property: fc.property(
      mutated(() => readFileSync(join(root, "policy.yml"))),
      (bytes) => {
        refusing(
          () => resolvePolicy(parsePolicy("policy.yml", bytes.toString("latin1"))),
          (kind) => kind === "WheelsError",
        );
      },
    ),
  },
  {
    name: "names twice: no verdict with one is taken",
    runs: 200,
    property: fc.property(doubled, (text) => {
      if (!(parseVerdict("made", text) instanceof Error)) throw new Error("it is taken");
    }),
  },
  {
    name: "gate: an upload index gets what each of its checks proves",
    runs: 500,
    property: fc.property(fc.array(change, { maxLength: 3 }), demandProof),
  },
  {
    name: "publisher's look: no verdict can say that bytes are good which are not",
    runs: 60,
    property: fc.property(wheelLie, (lie) => {
      const { fileName, bytes } = forge(lie);
      const checks = askStatic({ ...factsOf(fileName, bytes), audits: [] }, null);
      const look = { checks, variant: null, lacksVllm: false, found: {} };
      const verdict = parseVerdict("made", proven()) as Verdict;
      const told = contradictions(look, verdict, { policy, target: "pypi", own: null });
      const failed = checks.filter(({ result }) => result === "fail").map(({ id }) => id);
      const missed = failed.filter((id) => !told.some((text) => text.startsWith(`${id}: `)));
      equal("checks that fail and are not told", missed, []);
    }),
  },
];

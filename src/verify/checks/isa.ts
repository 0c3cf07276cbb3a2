import { isIsaFeature } from "../../variants/features.ts";
import type { RuntimeDispatch } from "../../variants/manifest-schema.ts";
import type { AuditFacts, Claim, FeatureSample, WheelFacts } from "../facts/facts.ts";
import { compileGlob } from "../facts/glob.ts";
import type { Check } from "../verdict/verdict.ts";

const REFERENCE =
  "Intel SDM vol. 2 (CPUID feature of each instruction); the variant's contract in the manifest";

/** Of a library's instructions of a feature, how many the manifest's run-time dispatch excuses. */
function excused(audit: Counted, feature: string, dispatch: readonly RuntimeDispatch[]): number {
  const rules = dispatch.filter(
    (rule) => compileGlob(rule.file).test(audit.path) && rule.features.some((allowed) => allowed === feature),
  );
  if (rules.some(({ symbol }) => symbol === undefined)) return audit.found[feature] ?? 0;
  return (audit.dispatched ?? [])
    .filter(({ symbols }) => rules.some(({ symbol }) => symbol !== undefined && symbols.includes(symbol)))
    .reduce((sum, { found }) => sum + (found[feature] ?? 0), 0);
}

const isExcused = (sample: FeatureSample, path: string, dispatch: readonly RuntimeDispatch[]): boolean =>
  dispatch.some(
    ({ file, symbol, features }) =>
      symbol !== undefined &&
      sample.dispatch?.includes(symbol) &&
      compileGlob(file).test(path) &&
      features.some((allowed) => allowed === sample.feature),
  );

/** Instructions per feature over all libraries. */
export function totals(audits: readonly AuditFacts[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const { found } of audits) {
    for (const [feature, count] of Object.entries(found)) sums.set(feature, (sums.get(feature) ?? 0) + count);
  }
  return Object.fromEntries([...sums].sort(([a], [b]) => a.localeCompare(b)));
}

function notRun(id: "isa.contained" | "isa.used", facts: WheelFacts, claim: Claim): Check | null {
  const broken = [
    ...facts.audits.filter(({ problem }) => problem !== null),
    ...facts.hidden.filter(({ kind }) => kind === "opaque"),
  ];
  const detail = !claim.variant
    ? "its name is that of no variant in the manifest, so there is no contract to hold it to"
    : broken.length > 0
      ? broken.map(({ path, problem }) => `${path}: ${problem}`).join("; ")
      : facts.libraries.length === 0
        ? null
        : "";
  if (detail === null) {
    return {
      id,
      result: "fail",
      detail: "there is no library in the wheel, so nothing of what its name promises",
      evidence: {},
      reference: REFERENCE,
      remedy: "Look into the build's log: it made no extension.",
    };
  }
  return detail === "" ? null : { id, result: "not-run", detail, evidence: {}, reference: REFERENCE };
}

type Contract = NonNullable<Claim["variant"]>["isa"];
type Counted = Pick<AuditFacts, "path" | "found" | "samples" | "dispatched">;

/** Features beyond a contract among those found in a library, what run-time dispatch excuses left out. */
function beyond(audit: Counted, { mayUse, dispatch }: Contract) {
  const allowed = new Set<string>(mayUse);
  return Object.entries(audit.found)
    .filter(([feature]) => !allowed.has(feature))
    .map(([feature, count]) => ({
      path: audit.path,
      feature,
      known: isIsaFeature(feature),
      count: count - excused(audit, feature, dispatch),
      samples: audit.samples.filter(
        (sample) => sample.feature === feature && !isExcused(sample, audit.path, dispatch),
      ),
    }))
    .filter(({ count }) => count > 0);
}

/**
 * Libraries whose segments are executable where their sections say data. What is in there may be constants; but the
 * loader would run it, so it is refused where it reads like code beyond the contract.
 */
function veiledOutside(facts: WheelFacts, isa: Contract) {
  return facts.audits.flatMap(({ path, veiled }) => {
    const outside = veiled ? beyond({ path, ...veiled }, isa) : [];
    return veiled && outside.length > 0 ? [{ path, bytes: veiled.bytes, outside }] : [];
  });
}

/** A few bytes of data lie among millions of honest instructions; libraries without such data have none. */
const INVALID_PER_INSTRUCTION = 1 / 1_000_000;

/** Libraries with more byte sequences that are no known instruction than data among code explains. */
function undecoded(facts: WheelFacts) {
  return facts.audits
    .map(({ path, invalid = 0, instructions }) => ({ path, invalid, instructions }))
    .filter(({ invalid, instructions }) => invalid > 1 + instructions * INVALID_PER_INSTRUCTION);
}

const where = ({ symbol, address, instruction }: FeatureSample): string =>
  `${instruction} at ${address}${symbol ? ` in ${symbol}` : ""}`;

/**
 * What bytes that nobody names and nothing leads to would be beyond a contract, read from any offset: hidden code, or
 * constants. Libraries whose code the manifest names by its digest are left out.
 */
function unnamedOutside(facts: WheelFacts, { mayUse, unnamedCode }: Contract) {
  const allowed = new Set<string>(mayUse);
  return facts.audits.flatMap(({ path, unowned, codeSha256 }) => {
    const isNamed = unnamedCode.some(
      ({ file, sha256 }) => sha256 === codeSha256 && compileGlob(file).test(path),
    );
    return isNamed || !unowned
      ? []
      : ([unowned.found, unowned.data] as const).flatMap((counts, index) =>
          Object.entries(counts)
            .filter(([feature]) => !allowed.has(feature))
            .map(([feature, count]) => ({
              path,
              feature,
              count,
              readsLike: index === 0 ? ("code" as const) : ("constants" as const),
              codeSha256,
              samples: unowned.samples.filter((sample) => sample.feature === feature),
            })),
        );
  });
}

/** What each rule of run-time dispatch excuses beyond a contract: instructions by feature and library. */
function excuses(facts: WheelFacts, { mayUse, dispatch }: Contract) {
  const allowed = new Set<string>(mayUse);
  return facts.audits.flatMap((audit) =>
    Object.keys(audit.found)
      .filter((feature) => !allowed.has(feature))
      .map((feature) => ({ path: audit.path, feature, count: excused(audit, feature, dispatch) }))
      .filter(({ count }) => count > 0),
  );
}

/** No instruction goes beyond the variant's contract, except behind a dispatch that the manifest names. */
export function isaContained(facts: WheelFacts, claim: Claim): Check {
  const skipped = notRun("isa.contained", facts, claim);
  if (skipped || !claim.variant) return skipped as Check;
  const { isa, name } = claim.variant;
  const outside = facts.audits.flatMap((audit) => beyond(audit, isa));
  const veiled = veiledOutside(facts, isa);
  const unproven = unnamedOutside(facts, isa);
  const behind = excuses(facts, isa);
  const evidence = {
    outside,
    veiled,
    unproven,
    excused: behind,
    method: [...new Set(facts.audits.map(({ method }) => method))],
    libraries: facts.audits.map(({ path, method, coverage, sections, unowned }) => ({
      path,
      method,
      coverage,
      sections,
      constants: unowned?.data,
    })),
  };
  const [first] = outside;
  const [veil] = veiled;
  if (!first && veil) {
    const features = veil.outside.map(({ feature, count }) => `${count} × ${feature}`).join(", ");
    return {
      id: "isa.contained",
      result: "fail",
      detail: `${veil.bytes} bytes of ${veil.path} are mapped executable although its section table calls them data; read as code they hold ${features}`,
      evidence,
      reference: `${REFERENCE}; gABI, chapter 5 (loaders go by segments)`,
      remedy:
        "Link it with -z separate-code (binutils 2.31 and later do), so that no data is executable; for a library of others name the features under run-time-dispatch in the manifest.",
    };
  }
  if (!first && unproven[0]) {
    const [{ samples }] = unproven;
    return {
      id: "isa.contained",
      result: "warn",
      detail: `${unproven.map(({ count, feature, path }) => `${count} × ${feature} in ${path}`).join("; ")}, in bytes that no symbol, unwind entry, branch or pointer leads to${samples[0] ? `; first: ${where(samples[0])}` : ""}`,
      evidence,
      reference: REFERENCE,
      remedy:
        "These are data, or code that is hidden. Keep data out of the code and give code a symbol of type function; or look at the bytes and name the library's codeSha256 under isa.unnamed-code in the manifest.",
    };
  }
  if (!first) {
    const instructions = facts.audits.reduce((sum, audit) => sum + audit.instructions, 0);
    const detail =
      behind.length === 0
        ? `all ${instructions} instructions are within the contract of ${name}`
        : `of ${instructions} instructions ${behind.reduce((sum, { count }) => sum + count, 0)} are beyond the contract of ${name} and excused by run-time-dispatch: ${behind.map(({ path, feature, count }) => `${count} × ${feature} in ${path}`).join("; ")}`;
    const unknown = undecoded(facts);
    if (unknown.length === 0)
      return { id: "isa.contained", result: "pass", detail, evidence, reference: REFERENCE };
    return {
      id: "isa.contained",
      result: "warn",
      detail: `${detail}, but ${unknown.map(({ path, invalid }) => `${path} has ${invalid} places`).join(", ")} that are no instruction the decoder knows`,
      evidence: { ...evidence, undecoded: unknown },
      reference: REFERENCE,
      remedy:
        "A compiler told to build for a newer CPU than the contract's makes such code (APX, AVX10); look at the flags, or keep data out of the code.",
    };
  }
  const sample = first.samples[0];
  return {
    id: "isa.contained",
    result: "fail",
    detail: `${outside.map(({ count, feature, path }) => `${count} × ${feature} in ${path}`).join("; ")}${
      sample ? `; first: ${where(sample)}` : ""
    }`,
    evidence,
    reference: REFERENCE,
    remedy: `A CPU with just ${name}'s contract dies of an illegal instruction here. Build it so that the host can't leak in (build_wheels.sh does), or publish it under the variant it is.`,
  };
}

/** The contract's must-use features occur, or the name promises too much. */
export function isaUsed(facts: WheelFacts, claim: Claim): Check {
  const skipped = notRun("isa.used", facts, claim);
  if (skipped || !claim.variant) return skipped as Check;
  const found = totals(facts.audits);
  const { mustUse } = claim.variant.isa;
  const missing = mustUse.filter((feature) => (found[feature] ?? 0) === 0);
  const counts = Object.fromEntries(mustUse.map((feature) => [feature, found[feature] ?? 0]));
  const holds = missing.length === 0;
  return {
    id: "isa.used",
    result: holds ? "pass" : "warn",
    detail: holds
      ? Object.entries(counts)
          .map(([feature, count]) => `${count} × ${feature}`)
          .join(", ")
      : `claims ${missing.join(", ")}, holds none`,
    evidence: { counts },
    reference: REFERENCE,
    ...(holds
      ? {}
      : {
          remedy: "The compiler switched the ISA off; look for cmake's “Disable … ISA support” in the log.",
        }),
  };
}

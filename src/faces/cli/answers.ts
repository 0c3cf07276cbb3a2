import { EXIT, type ExitCode } from "../../errors/entry.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../../host/host.ts";
import { type CommandSpec, parseCommand } from "../../options/argv.ts";
import { COMMANDS, type CommandName } from "../../options/commands.ts";
import type { GENERAL } from "../../options/general.ts";
import { parseJudging } from "../../options/judging.ts";
import { parsePublishing } from "../../options/publishing.ts";
import {
  parseBuild,
  parseProof,
  parseRelease,
  parseReproduction,
  usualProving,
} from "../../options/requests.ts";
import type { OptionSpecs, Values } from "../../options/spec.ts";
import { parseTorch } from "../../options/torch.ts";
import { parseChoice, parsePythons, parseWhat } from "../../options/what.ts";

/** What a command says: a document for `--json`, a text for people, and the exit status. */
export interface CommandAnswer {
  document: unknown;
  text: string;
  exit: ExitCode;
}

type Words = readonly string[];

type Options<Name extends CommandName> = Values<(typeof COMMANDS)[Name]["options"]>;

async function doctor(host: Host, options: Options<"doctor">): Promise<CommandAnswer> {
  const job = await import("../../jobs/doctor.ts");
  const report = await job.doctor(host, {
    manifest: options.manifest,
    torchIndex: options["torch-index-url"],
  });
  return { document: report, text: job.doctorText(report), exit: EXIT.ok };
}

async function plan(host: Host, options: Options<"plan">): Promise<CommandAnswer> {
  const job = await import("../../jobs/plan.ts");
  const { planText } = await import("../../report/text/tables.ts");
  const { wheels: _wheels, ...report } = await job.plan(host, {
    what: parseWhat(options),
    choice: parseChoice(options),
  });
  const text = options["print-identifiers"]
    ? report.plan.map(({ id }) => id).join("\n")
    : planText(report.plan, report.existing, report.builds.include);
  return { document: report, text, exit: EXIT.ok };
}

async function setup(host: Host, options: Options<"setup">, [folder = ""]: Words): Promise<CommandAnswer> {
  const job = await import("../../jobs/setup.ts");
  const { setupText } = await import("../../report/text/tables.ts");
  const [version] = parsePythons(options["python-version"]);
  const report = await job.setup(host, {
    venv: folder,
    python: version ?? null,
    torch: parseTorch(options),
    measuresSavings: options.savings,
    cache: null,
  });
  const { cacheHit: _hit, cacheKey: _key, savings, ...made } = report;
  const document = options.savings ? { ...made, savings } : made;
  return { document, text: setupText(report), exit: EXIT.ok };
}

async function build(host: Host, options: Options<"build">): Promise<CommandAnswer> {
  const job = await import("../../jobs/build.ts");
  const { buildTable, traceText } = await import("../../report/text/tables.ts");
  const dryRun = options["dry-run"];
  const { plan, built, dryRun: lines, trace } = await job.build(host, { ...parseBuild(options), dryRun });
  if (trace === null) return { document: { plan, dryRun: lines }, text: lines.join("\n"), exit: EXIT.ok };
  const text = `${buildTable(built, [])}\n${traceText(trace)}`.trimEnd();
  return { document: { plan, built, trace }, text, exit: EXIT.ok };
}

async function verify(host: Host, options: Options<"verify">, wheels: Words): Promise<CommandAnswer> {
  if (wheels.length === 0 && options.environment === null)
    throw wheelsError("E_USAGE", {
      problem: "verify was given no wheel.",
      hint: "vllm-cpu-wheels verify dist/*.whl",
    });
  const job = await import("../../jobs/prove.ts");
  const { verifyText } = await import("../../report/text/verify-text.ts");
  const { results } = await job.prove(host, {
    wheels,
    environment: options.environment,
    ...parseProof(options),
    writesVerdicts: !options["no-verdict"],
  });
  return {
    document: { results },
    text: verifyText(results, host.colour),
    exit: results.some(({ result }) => result === "fail") ? EXIT.checkFailed : EXIT.ok,
  };
}

async function compare(
  host: Host,
  { manifest, html }: Options<"compare">,
  wheels: Words,
): Promise<CommandAnswer> {
  const job = await import("../../jobs/compare.ts");
  const document = await job.compare(host, { wheels, manifest, html });
  return { document, text: job.comparisonText(document, host.colour), exit: EXIT.ok };
}

async function merge(host: Host, { output }: Options<"merge">, files: Words): Promise<CommandAnswer> {
  const job = await import("../../jobs/merge.ts");
  const { mergeText } = await import("../../report/text/verify-text.ts");
  const verdict = await job.merge(host, { files, output });
  return {
    document: verdict,
    text: mergeText(verdict, host.colour),
    exit: verdict.predicate.verificationResult === "PASSED" ? EXIT.ok : EXIT.checkFailed,
  };
}

async function reproduce(
  host: Host,
  options: Options<"reproduce">,
  [wheel = ""]: Words,
): Promise<CommandAnswer> {
  const job = await import("../../jobs/reproduce.ts");
  const { reproduceText } = await import("../../report/text/reproduce-text.ts");
  const report = await job.reproduce(host, {
    wheel,
    ...parseReproduction(options),
    dryRun: options["dry-run"],
  });
  return Array.isArray(report)
    ? { document: { dryRun: report }, text: report.join("\n"), exit: EXIT.ok }
    : {
        document: report,
        text: reproduceText(report),
        exit: report.result === "different" ? EXIT.checkFailed : EXIT.ok,
      };
}

async function publish(host: Host, options: Options<"publish">, wheels: Words): Promise<CommandAnswer> {
  const job = await import("../../jobs/publish.ts");
  const { publishText } = await import("../../report/text/tables.ts");
  const report = await job.publish(host, {
    wheels,
    publishing: { ...parsePublishing(options), to: options.to },
    judging: parseJudging(options),
    manifest: options.manifest,
    dryRun: options["dry-run"],
    onRefusal: () => undefined,
    proving: usualProving(options),
  });
  return { document: report, text: publishText(report), exit: EXIT.ok };
}

async function withdraw(
  host: Host,
  { from, reason }: Options<"withdraw">,
  files: Words,
): Promise<CommandAnswer> {
  const job = await import("../../jobs/withdraw.ts");
  const { withdrawText } = await import("../../report/text/tables.ts");
  const report = await job.withdraw(host, { target: from, files, reason });
  return { document: report, text: withdrawText(report), exit: EXIT.ok };
}

async function run(host: Host, options: Options<"run">): Promise<CommandAnswer> {
  const job = await import("../../jobs/release.ts");
  const { failuresOf } = await import("../../jobs/prove.ts");
  const { releaseText } = await import("../../report/text/release-text.ts");
  const report = await job.release(host, {
    ...parseRelease(options),
    skipBuild: options["skip-build"],
    dryRun: options["dry-run"],
  });
  const failures = failuresOf(report.results);
  if (failures.length > 0) {
    const error = wheelsError("E_CHECK_FAILED", { failures });
    host.log.error(`${error.what} Nothing was published. [${error.code}]`);
    for (const failure of failures) host.log.error(`  ${failure}`);
  }
  return {
    document: report,
    text: options["dry-run"] ? report.dryRun.join("\n") : releaseText(report, host.colour),
    exit: failures.length > 0 ? EXIT.checkFailed : EXIT.ok,
  };
}

/** A command whose words have been read. */
interface Ready {
  /** The cache folder that was asked for; null for the usual one. */
  cache: string | null;
  answer(host: Host): Promise<CommandAnswer>;
}

const command =
  <S extends typeof GENERAL & OptionSpecs>(
    spec: CommandSpec & { options: S },
    answer: (host: Host, options: Values<S>, words: Words) => Promise<CommandAnswer>,
  ) =>
  (words: Words): Ready => {
    const { values, positionals } = parseCommand(spec, words);
    const { "cache-dir": cache }: Pick<Values<typeof GENERAL>, "cache-dir"> = values;
    return { cache, answer: (host) => answer(host, values, positionals) };
  };

/** Every command. Each loads only its own part of the engine, so that `plan` starts at once. */
export const ANSWERS: Readonly<Record<CommandName, (words: Words) => Ready>> = {
  doctor: command(COMMANDS.doctor, doctor),
  plan: command(COMMANDS.plan, plan),
  setup: command(COMMANDS.setup, setup),
  build: command(COMMANDS.build, build),
  verify: command(COMMANDS.verify, verify),
  compare: command(COMMANDS.compare, compare),
  merge: command(COMMANDS.merge, merge),
  reproduce: command(COMMANDS.reproduce, reproduce),
  publish: command(COMMANDS.publish, publish),
  withdraw: command(COMMANDS.withdraw, withdraw),
  run: command(COMMANDS.run, run),
};

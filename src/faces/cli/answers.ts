import { join } from "node:path";
import { EXIT, type ExitCode } from "../../errors/entry.ts";
import { wheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../../host/host.ts";
import { formatBytes } from "../../host/units.ts";
import { type CommandSpec, parseCommand } from "../../options/argv.ts";
import { COMMANDS, type CommandName } from "../../options/commands.ts";
import type { GENERAL } from "../../options/general.ts";
import { parseHow } from "../../options/how.ts";
import { parseJudging } from "../../options/judging.ts";
import { parseProving } from "../../options/proving.ts";
import { parsePublishing } from "../../options/publishing.ts";
import { parseReports } from "../../options/reports.ts";
import type { OptionSpecs, Values } from "../../options/spec.ts";
import { parseTorch } from "../../options/torch.ts";
import { parseChoice, parsePythons, parseWhat } from "../../options/what.ts";

/** What a command says: a document for `--json`, a text for people, and the exit status. */
export interface Answer {
  document: unknown;
  text: string;
  exit: ExitCode;
}

type Words = readonly string[];

type Options<Name extends CommandName> = Values<(typeof COMMANDS)[Name]["options"]>;

const usage = (problem: string, hint: string): never => {
  throw wheelsError("E_USAGE", { problem, hint });
};

async function doctor(host: Host, options: Options<"doctor">): Promise<Answer> {
  const job = await import("../../jobs/doctor.ts");
  const report = await job.doctor(host, {
    manifest: options.manifest,
    torchIndex: options["torch-index-url"],
  });
  return { document: report, text: job.doctorText(report), exit: EXIT.ok };
}

async function plan(host: Host, options: Options<"plan">): Promise<Answer> {
  const job = await import("../../jobs/plan.ts");
  const { planText } = await import("../../report/text/tables.ts");
  const report = await job.plan(host, { what: parseWhat(options), choice: parseChoice(options) });
  const text = options["print-identifiers"]
    ? report.plan.map(({ id }) => id).join("\n")
    : planText(report.plan, report.existing);
  return { document: report, text, exit: EXIT.ok };
}

async function setup(host: Host, options: Options<"setup">, words: Words): Promise<Answer> {
  const [folder, ...others] = words;
  if (folder === undefined || others.length > 0)
    return usage("setup takes one folder.", "vllm-cpu-wheels setup .venv");
  const job = await import("../../jobs/setup.ts");
  const [version] = parsePythons(options["python-version"]);
  const { venv, python, torch, packages, savings } = await job.setup(host, {
    venv: folder,
    python: version ?? null,
    torch: parseTorch(options),
    measuresSavings: options.savings,
    cache: null,
  });
  const saved = savings
    ? [
        `Saved ${formatBytes(savings.saved)} of download: ${formatBytes(savings.cpu)} instead of ${formatBytes(savings.cuda)}`,
      ]
    : [];
  return {
    document: { venv, python, torch, packages, ...(options.savings ? { savings } : {}) },
    text: [...saved, `Use it: . ${join(venv, "bin", "activate")}`].join("\n"),
    exit: EXIT.ok,
  };
}

async function build(host: Host, options: Options<"build">): Promise<Answer> {
  const job = await import("../../jobs/build.ts");
  const { buildTable } = await import("../../report/text/tables.ts");
  const dryRun = options["dry-run"];
  const report = await job.build(host, {
    what: parseWhat(options),
    how: parseHow(options),
    torch: parseTorch(options),
    dryRun,
  });
  const { plan: planned, built } = report;
  return dryRun
    ? {
        document: { plan: planned, dryRun: report.dryRun },
        text: report.dryRun.join("\n"),
        exit: EXIT.ok,
      }
    : { document: { plan: planned, built }, text: buildTable(built, []), exit: EXIT.ok };
}

async function verify(host: Host, options: Options<"verify">, wheels: Words): Promise<Answer> {
  if (wheels.length === 0 && options.environment === null)
    return usage("verify was given no wheel.", "vllm-cpu-wheels verify dist/*.whl");
  const job = await import("../../jobs/prove.ts");
  const { verifyText } = await import("../../report/text/verify-text.ts");
  const { results } = await job.prove(host, {
    wheels,
    environment: options.environment,
    variant: options.variant,
    manifest: options.manifest,
    depth: parseProving(options),
    torch: parseTorch(options),
    judging: parseJudging(options),
    reports: parseReports(options),
    writesVerdicts: !options["no-verdict"],
  });
  return {
    document: { results },
    text: verifyText(results, host.colour),
    exit: results.some(({ result }) => result === "fail") ? EXIT.checkFailed : EXIT.ok,
  };
}

async function compare(host: Host, { manifest, html }: Options<"compare">, wheels: Words): Promise<Answer> {
  if (wheels.length < 2)
    return usage(
      `compare was given ${wheels.length === 0 ? "no wheel" : "one wheel"}; it takes two or more.`,
      "vllm-cpu-wheels compare A.whl B.whl",
    );
  const job = await import("../../jobs/compare.ts");
  const document = await job.compare(host, { wheels, manifest, html });
  return { document, text: job.comparisonText(document, host.colour), exit: EXIT.ok };
}

async function merge(host: Host, { output }: Options<"merge">, files: Words): Promise<Answer> {
  const job = await import("../../jobs/merge.ts");
  const { mergeText } = await import("../../report/text/verify-text.ts");
  const verdict = await job.merge(host, { files, output });
  return {
    document: verdict,
    text: mergeText(verdict, host.colour),
    exit: verdict.predicate.verificationResult === "PASSED" ? EXIT.ok : EXIT.checkFailed,
  };
}

async function publish(host: Host, options: Options<"publish">, wheels: Words): Promise<Answer> {
  const publishing = parsePublishing(options);
  const { to } = publishing;
  if (to === null) return usage("publish was given no target.", "Name one with --to=index:DIR.");
  const job = await import("../../jobs/publish.ts");
  const { publishText } = await import("../../report/text/tables.ts");
  const report = await job.publish(host, {
    wheels,
    publishing: { ...publishing, to },
    judging: parseJudging(options),
    manifest: options.manifest,
    dryRun: options["dry-run"],
    onRefusal: () => undefined,
  });
  return { document: report, text: publishText(report), exit: EXIT.ok };
}

async function withdraw(host: Host, { from, reason }: Options<"withdraw">, files: Words): Promise<Answer> {
  if (from === null || reason === null || files.length === 0)
    return usage("withdraw needs files, --from and --reason.", COMMANDS.withdraw.examples[0]);
  const job = await import("../../jobs/withdraw.ts");
  const report = await job.withdraw(host, { target: from, files, reason });
  const text = report.withdrawn
    .map((file) => `Withdrawn from ${report.target}: ${file} (${reason})`)
    .join("\n");
  return { document: report, text, exit: EXIT.ok };
}

async function run(host: Host, options: Options<"run">): Promise<Answer> {
  const job = await import("../../jobs/release.ts");
  const { failuresOf } = await import("../../jobs/prove.ts");
  const { releaseText } = await import("../../report/text/release-text.ts");
  const report = await job.release(host, {
    what: parseWhat(options),
    how: parseHow(options),
    torch: parseTorch(options),
    depth: parseProving(options),
    judging: parseJudging(options),
    publishing: parsePublishing({ ...options, to: options["publish-to"] }),
    reports: parseReports(options),
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
  answer(host: Host): Promise<Answer>;
}

const command =
  <S extends typeof GENERAL & OptionSpecs>(
    spec: CommandSpec & { options: S },
    answer: (host: Host, options: Values<S>, words: Words) => Promise<Answer>,
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
  publish: command(COMMANDS.publish, publish),
  withdraw: command(COMMANDS.withdraw, withdraw),
  run: command(COMMANDS.run, run),
};

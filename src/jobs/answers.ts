import { basename, join, resolve } from "node:path";
import { examine } from "../build/doctor.ts";
import { EXIT, type ExitCode } from "../errors/entry.ts";
import { type WheelsError, wheelsError } from "../errors/wheels-error.ts";
import { checksText } from "../faces/cli/checks-text.ts";
import { doctorText } from "../faces/cli/doctor-report.ts";
import { buildTable, planTable } from "../faces/cli/report.ts";
import { exists } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { cacheDir } from "../host/paths.ts";
import { formatBytes } from "../host/terminal.ts";
import { COMMANDS } from "../options/commands.ts";
import type { Values } from "../options/options.ts";
import { policyRequest } from "../options/policy-options.ts";
import { runSettings } from "../options/run-options.ts";
import { torchRequest } from "../options/torch-request.ts";
import { parseExpected } from "../publish/gate/expect.ts";
import { type PublishReport, publishWheels, withdrawFiles } from "../publish/publish.ts";
import { signatureDemand } from "../publish/signing/check.ts";
import { titleOf } from "../report/markdown.ts";
import { CPU_INDEX } from "../torch/install.ts";
import { findPython } from "../torch/python.ts";
import { ensureUv } from "../torch/uv.ts";
import { contractsOf, cpuNeeds } from "../variants/cpu-needs.ts";
import { selectVariants } from "../variants/manifest.ts";
import { type LoadedPolicy, loadPolicy } from "../verify/policy/load-policy.ts";
import { applyPolicy } from "../verify/policy/policy.ts";
import { environmentChecks } from "../verify/runtime/runtime.ts";
import { mergeFiles } from "../verify/verdict/merge-files.ts";
import type { Result } from "../verify/verdict/result.ts";
import { nameTwins } from "../verify/verdict/twins.ts";
import { outcome, saveVerdict, type VerifyResult, verifyWheel } from "../verify/verify.ts";
import { buildAll, describeAll } from "./build-use.ts";
import { loadVariants } from "./manifest.ts";
import { prepare } from "./prepare.ts";
import { newestVllm } from "./recipes.ts";
import { demandReports, type WrittenReports, writeReports } from "./reports.ts";
import { setupEnvironment } from "./setup-use.ts";
import { type ChosenPlan, choosePlan, failuresOf, type RunReport, runAll } from "./use.ts";

/** What a command says: a document for `--json`, a text for people, and the exit status. */
export interface Answer<Document = unknown> {
  document: Document;
  text: string;
  exit: ExitCode;
}

type Options<Name extends keyof typeof COMMANDS> = Values<(typeof COMMANDS)[Name]["options"]>;

export async function doctor(host: Host, options: Options<"doctor">): Promise<Answer> {
  const variants = await loadVariants(host, options.manifest);
  const cache = cacheDir(host, options["cache-dir"] ?? undefined);
  const stage = host.log.stage("Looking at this machine, its Python and the package indexes...");
  const report = await examine(
    host,
    variants.values(),
    cache,
    await newestVllm(),
    options["torch-index-url"],
  );
  stage.done();
  return { document: report, text: doctorText(report), exit: EXIT.ok };
}

export async function plan(host: Host, options: Options<"plan">): Promise<Answer<ChosenPlan>> {
  const chosen = await choosePlan(host, options);
  const text = options["print-identifiers"]
    ? chosen.plan.map(({ id }) => id).join("\n")
    : [planTable(chosen.plan), ...chosen.existing.map(({ id }) => `${id}: there already`)].join("\n");
  return { document: chosen, text, exit: EXIT.ok };
}

export async function setup(
  host: Host,
  options: Options<"setup">,
  words: readonly string[],
): Promise<Answer> {
  const [folder, ...others] = words;
  if (folder === undefined || others.length > 0) {
    throw wheelsError("E_USAGE", { problem: "setup takes one folder.", hint: "vllm-cpu-wheels setup .venv" });
  }
  const venv = resolve(host.cwd, folder);
  const { python, torch, packages, savings } = await setupEnvironment(host, options, venv, null);
  return {
    document: { venv, python, torch, packages, ...(options.savings ? { savings } : {}) },
    text: [
      ...(savings
        ? [
            `Saved ${formatBytes(savings.saved)} of download: ${formatBytes(savings.cpu)} instead of ${formatBytes(savings.cuda)}`,
          ]
        : []),
      `Use it: . ${join(venv, "bin", "activate")}`,
    ].join("\n"),
    exit: EXIT.ok,
  };
}

export async function build(host: Host, options: Options<"build">): Promise<Answer> {
  const prepared = await prepare(host, options, options["version-suffix"]);
  if (options["dry-run"]) {
    const lines = describeAll(host, options, prepared);
    return { document: { plan: prepared.plan, dryRun: lines }, text: lines.join("\n"), exit: EXIT.ok };
  }
  const built = await buildAll(host, options, prepared, async () => undefined);
  return { document: { plan: prepared.plan, built }, text: buildTable(built, []), exit: EXIT.ok };
}

async function environmentResult(host: Host, environment: string, { policy }: LoadedPolicy): Promise<Result> {
  const python =
    environment === "current"
      ? await findPython(host)
      : join(resolve(host.cwd, environment), "bin", "python");
  if (environment !== "current" && !(await exists(python))) {
    throw wheelsError("E_PYTHON_MISSING", {
      wanted: python,
      detail: `${environment} is no virtual environment.`,
    });
  }
  const { checks: answers, torch } = await environmentChecks(host, python);
  const checks = applyPolicy(policy, answers);
  return {
    wheel: null,
    sha256: null,
    environment,
    variant: null,
    result: outcome(checks),
    level: "import",
    torch,
    checks,
    isa: { claimed: [], found: {}, files: [] },
  };
}

export async function verify(
  host: Host,
  options: Options<"verify">,
  wheels: readonly string[],
): Promise<Answer<{ results: Result[] }> & { reports: WrittenReports }> {
  if (wheels.length === 0 && options.environment === null) {
    throw wheelsError("E_USAGE", {
      problem: "verify was given no wheel.",
      hint: "vllm-cpu-wheels verify dist/*.whl",
    });
  }
  const variants = await loadVariants(host, options.manifest);
  const [variant] = options.variant === null ? [] : selectVariants(variants, options.variant);
  const policy = await loadPolicy(host.cwd, policyRequest(options));
  const uv =
    options.level === "static"
      ? null
      : await ensureUv(host, cacheDir(host, options["cache-dir"] ?? undefined));
  const settings = runSettings(options);
  demandReports(host, options, options.environment === null ? wheels : [...wheels, null]);
  const wheelResults: VerifyResult[] = [];
  for (const wheel of wheels) {
    const stage = options.level === "static" ? null : host.log.stage(`Verifying ${basename(wheel)}...`);
    try {
      const result = await verifyWheel(host, {
        wheel: resolve(host.cwd, wheel),
        variants,
        variant: variant ?? null,
        level: options.level,
        torch: torchRequest(options),
        known: null,
        python: null,
        uv,
        writeVerdict: !options["no-verdict"],
        settings,
        policy,
      });
      wheelResults.push(result);
      stage?.done(result.result);
    } catch (thrown) {
      stage?.failed();
      throw thrown;
    }
  }
  const named = nameTwins(wheelResults);
  for (const [index, result] of named.entries()) {
    const contract = (result.variant === null ? undefined : variants.get(result.variant)?.isa.mayUse) ?? [];
    if (result !== wheelResults[index] && !options["no-verdict"])
      await saveVerdict(host, result, policy, contract);
  }
  const results: Result[] = [...named];
  if (options.environment !== null) results.push(await environmentResult(host, options.environment, policy));
  const text = results.map((result) => {
    const seen = result.torch
      ? `\n  torch ${result.torch.version}, CUDA available: ${result.torch.cudaAvailable ? "True" : "False"}`
      : "";
    const title = `${titleOf(result)}: ${result.result === "pass" ? "passed" : "FAILED"} (${result.level})${seen}`;
    return checksText(title, result, host.colour);
  });
  const reports = await writeReports(host, options, results);
  const failed = results.some(({ result }) => result === "fail");
  const exit = failed ? EXIT.checkFailed : EXIT.ok;
  return { document: { results }, text: text.join("\n\n"), exit, reports };
}

function publishText(report: PublishReport): string {
  const lines = [
    `${report.dryRun ? "Would publish" : "Published"} to ${report.target}: ${report.planned.length} new, ${report.skipped.length} already there`,
    ...report.unrun.map(
      ({ file, lacked }) =>
        `  ${file}: built and proven from its bytes, not run: this machine lacks ${lacked.join(", ")}`,
    ),
    ...report.emulated.map(
      ({ file, lacked }) => `  ${file}: run with ${lacked.join(", ")} emulated, which this machine lacks`,
    ),
    ...report.install.map((command) => `  ${command}`),
  ];
  return lines.join("\n");
}

export async function merge(
  host: Host,
  options: Options<"merge">,
  files: readonly string[],
): Promise<Answer> {
  const verdict = await mergeFiles(
    host,
    files.map((file) => resolve(host.cwd, file)),
    options.output === null ? null : resolve(host.cwd, options.output),
  );
  const { verificationResult, verifiedLevels } = verdict.predicate;
  const levels = verifiedLevels.map((level) => level.replace("VLLM_CPU_", "").toLowerCase());
  const title = `${verdict.subject[0]?.name}: ${verificationResult} (${levels.join(", ") || "no level"} proven)`;
  const failed = verificationResult !== "PASSED";
  return {
    document: verdict,
    text: checksText(title, verdict.predicate, host.colour),
    exit: failed ? EXIT.checkFailed : EXIT.ok,
  };
}

export async function publish(
  host: Host,
  options: Options<"publish">,
  wheels: readonly string[],
  onRefusal?: (refusals: readonly WheelsError[]) => void,
): Promise<Answer<PublishReport>> {
  if (options.to === null) {
    throw wheelsError("E_USAGE", {
      problem: "publish was given no target.",
      hint: "Name one with --to=index:DIR.",
    });
  }
  // Where a plan is expected, what is missing of it says more.
  if (wheels.length === 0 && options.expect === null)
    throw wheelsError("E_PUBLISH_NOTHING", { where: "The command line" });
  const variants = [...(await loadVariants(host, options.manifest)).values()];
  const torchIndex = options["torch-index-url"] ?? CPU_INDEX;
  const { policy } = await loadPolicy(host.cwd, policyRequest(options));
  const signedBy = options["signed-by"] ?? policy.signedBy;
  const roots = options["trusted-root"];
  const report = await publishWheels(host, {
    wheels: wheels.map((wheel) => resolve(host.cwd, wheel)),
    target: options.to,
    complete: options["require-complete"]
      ? [...new Set(variants.map(({ distribution }) => distribution))]
      : [],
    needs: cpuNeeds(variants),
    checkUrl: options["check-url"],
    fileLimit: options["file-limit"],
    projectLimit: options["project-limit"],
    servedAt: options["served-at"],
    variantIndex: options["variant-index"],
    torchIndex: torchIndex === "none" ? null : torchIndex,
    cache: cacheDir(host, options["cache-dir"] ?? undefined),
    policy,
    signatures: signedBy === null ? null : await signatureDemand(signedBy, roots && resolve(host.cwd, roots)),
    attested: options.attestations,
    contracts: contractsOf(variants),
    dryRun: options["dry-run"],
    expected: options.expect === null ? [] : parseExpected(options.expect),
    ...(onRefusal ? { onRefusal } : {}),
  });
  return { document: report, text: publishText(report), exit: EXIT.ok };
}

/** @throws E_USAGE, what {@link withdrawFiles} throws */
export async function withdraw(
  host: Host,
  options: Options<"withdraw">,
  files: readonly string[],
): Promise<Answer> {
  const { from, reason } = options;
  if (from === null || reason === null || files.length === 0) {
    throw wheelsError("E_USAGE", {
      problem: "withdraw needs files, --from and --reason.",
      hint: COMMANDS.withdraw.examples[0],
    });
  }
  const report = await withdrawFiles(host, { target: from, files, reason });
  const text = report.withdrawn
    .map((file) => `Withdrawn from ${report.target}: ${file} (${reason})`)
    .join("\n");
  return { document: report, text, exit: EXIT.ok };
}

export async function run(host: Host, options: Options<"run">): Promise<Answer<RunReport>> {
  const report = await runAll(host, options);
  if (options["dry-run"]) return { document: report, text: report.dryRun.join("\n"), exit: EXIT.ok };
  const failures = failuresOf(report.results);
  const parts = [`\n${buildTable(report.built, report.results)}`];
  for (const result of report.results) {
    const bad = result.checks.filter((check) => check.result === "fail" || check.result === "warn");
    if (bad.length > 0)
      parts.push(checksText(`\n${basename(result.wheel)}:`, { ...result, checks: bad }, host.colour));
  }
  if (report.published) parts.push(`\n${publishText(report.published)}`);
  if (failures.length > 0) {
    const error = wheelsError("E_CHECK_FAILED", { failures });
    host.log.error(`${error.what} Nothing was published. [${error.code}]`);
    for (const failure of failures) host.log.error(`  ${failure}`);
  }
  return { document: report, text: parts.join("\n"), exit: failures.length > 0 ? EXIT.checkFailed : EXIT.ok };
}

import { dirname } from "node:path";
import { z } from "zod";
import { WheelsError } from "../../errors/wheels-error.ts";
import type { Finding } from "../../findings/findings.ts";
import type { Host } from "../../host/host.ts";
import { freePort } from "../../host/network/ports.ts";
import { demandExecutable } from "../../host/places.ts";
import { isUnusable } from "../../host/programs.ts";
import type { TorchFacts } from "../../torch/gate.ts";
import { torchFacts } from "../../torch/install.ts";
import { runProbe } from "../../torch/python.ts";
import { VLLM_PACKAGE } from "../facts/facts.ts";
import { KERNEL_CHECKS } from "../facts/gather.ts";
import { type Policy, severityOf } from "../policy/policy.ts";
import { makeCheck, notRun } from "../verdict/check.ts";
import type { Check, CheckId, Level } from "../verdict/verdict.ts";
import { onLeastCpu } from "./least-cpu.ts";
import { usableFlags } from "./machine.ts";
import { type Challenge, type Programs, runPrograms } from "./programs.ts";
import { openRoom, type Room } from "./room.ts";
import {
  demandEmulator,
  GATE_IDS,
  gateChecks,
  makeChallenge,
  RUN_IDS,
  type RuntimeAnswer,
  seenTorch,
} from "./runtime.ts";
import type { RunSettings } from "./settings.ts";

const installedSchema = z.array(
  z.object({
    distribution: z.string(),
    version: z.string(),
    packages: z.array(z.string()),
    kernelChecks: z.array(z.string()),
  }),
);

type Installed = z.infer<typeof installedSchema>[number];
type RunLevel = Exclude<Level, "static">;

const hasEngine = ({ packages }: Installed): boolean => packages.includes(VLLM_PACKAGE);
const titleOf = ({ distribution, version }: Installed): string => `${distribution} ${version}`;

/** What can go wrong with an interpreter that is there, but is none. */
const isBroken = (thrown: unknown): thrown is WheelsError =>
  thrown instanceof WheelsError && (thrown.code === "E_PYTHON_PROBE" || isUnusable(thrown));

function brokenInterpreter(python: string, problem: string, level: Level): Check[] {
  const [first, ...rest] = GATE_IDS;
  const failed = makeCheck(first, {
    result: "fail",
    findings: [{ kind: "broken-interpreter", path: python, problem }],
    evidence: {},
  });
  const others: CheckId[] = [...rest, ...(level === "static" ? [] : RUN_IDS[level])];
  return [failed, ...others.map((id) => notRun(id, { kind: "gap", reason: "interpreter-broken" }))];
}

/** Two distributions that own one package: whichever came last has overwritten files of the other. */
const clash = (engines: readonly Installed[]): Finding => ({
  kind: "package-owned-twice",
  package: VLLM_PACKAGE,
  distributions: engines.map(titleOf),
});

const RANK: readonly Check["result"][] = ["fail", "not-run", "warn", "pass"];

/** One answer of those that several distributions gave: the worst, with all of them told. */
function worst(answers: readonly { wheel: Installed; check: Check }[]): Check | null {
  const [first, ...others] = [...answers].sort(
    (one, other) => RANK.indexOf(one.check.result) - RANK.indexOf(other.check.result),
  );
  if (!first) return null;
  const { check, wheel } = first;
  const evidence = { ...check.evidence, distribution: titleOf(wheel) };
  if (others.length === 0) return { ...check, evidence } as Check;
  const findings = [first, ...others].map(
    (one): Finding => ({
      kind: "distribution-said",
      distribution: titleOf(one.wheel),
      message: one.check.detail,
    }),
  );
  return makeCheck(check.id, { result: check.result, findings, evidence });
}

/** What is asked of one distribution: an engine is asked of vLLM alone, unless nothing else is there to ask. */
const levelFor = (wheel: Installed, level: RunLevel, isVllmThere: boolean): RunLevel =>
  level === "engine" && isVllmThere && !hasEngine(wheel) ? "kernels" : level;

async function challengeFor(
  host: Host,
  python: string,
  folder: string,
  level: RunLevel,
  { bytecode, settings }: Room,
): Promise<{ challenge: Challenge; problem: null } | { challenge: null; problem: Finding }> {
  try {
    return {
      challenge: await makeChallenge(host, python, folder, level, settings.modes, bytecode),
      problem: null,
    };
  } catch (thrown) {
    if (!(thrown instanceof WheelsError) || thrown.code !== "E_PYTHON_PROBE") throw thrown;
    return { challenge: null, problem: { kind: "no-reference", problem: thrown.why } };
  }
}

/** Runs what is installed, up to a level, as a wheel in a clean room is run. */
async function installedChecks(
  host: Host,
  python: string,
  level: RunLevel,
  settings: RunSettings,
  facts: TorchFacts,
): Promise<Check[]> {
  const ids = RUN_IDS[level];
  const found = installedSchema.parse(await runProbe(host, python, "installed_wheels.py", [KERNEL_CHECKS]));
  const engines = found.filter(hasEngine);
  if (engines.length > 1) {
    const failed = makeCheck("runtime.import", { result: "fail", findings: [clash(engines)], evidence: {} });
    return [failed, ...ids.slice(1).map((id) => notRun(id, clash(engines)))];
  }
  if (found.length === 0) {
    // Up to the import an environment without a wheel is what the gate says of it.
    const nothing: Finding = { kind: "nothing-installed", package: VLLM_PACKAGE };
    return level === "import" ? [] : ids.map((id) => notRun(id, nothing));
  }
  if (facts.torch === null) return ids.map((id) => notRun(id, { kind: "gap", reason: "no-torch" }));
  const flags = await usableFlags(host, python);
  const brokenCompanion = gateChecks(facts).some(
    ({ id, result }) => id === "runtime.torchvision" && result === "fail",
  );
  const answers: { wheel: Installed; check: Check }[] = [];
  for (const wheel of found) {
    host.log.info(`  ${titleOf(wheel)}:`);
    const own = levelFor(wheel, level, engines.length > 0);
    const checks = await host.scratch.withFolder("vcw", async (folder) => {
      const room = await openRoom(host, python, folder, settings);
      // What these programs compile of torch serves those that follow.
      const wanted =
        hasEngine(wheel) && own !== "import" ? await challengeFor(host, python, folder, own, room) : null;
      const problem = wanted?.problem;
      if (problem) return ids.map((id) => notRun(id, problem));
      const programs: Programs = {
        room,
        facts: wheel,
        level: own,
        before: facts.torch,
        flags,
        challenge: wanted?.challenge ?? null,
        hindrance: brokenCompanion ? { kind: "gap", reason: "torchvision-broken" } : null,
        // Who asks about an environment wants to use it on this machine, whatever its CPU lacks.
        promised: true,
        mustUse: [],
        port: await freePort(),
      };
      const ran = await runPrograms(host, programs);
      // Nobody promised that an environment runs on less than this machine: the answer says so.
      return settings.leastCpu ? onLeastCpu(host, programs, null, ran) : ran;
    });
    answers.push(...checks.map((check) => ({ wheel, check })));
  }
  return ids.flatMap((id) => worst(answers.filter(({ check }) => check.id === id)) ?? []);
}

/**
 * The gate over an existing environment, and from level `import` on what is installed in it: vLLM under whatever name
 * its distribution has, and wheels that declare kernel checks. The environment stays as it is: nothing is installed,
 * nothing written into it; programs run under the supervisor with folders of their own. What the kernels should answer
 * is computed by the environment's own torch, so an environment whose torch lies is not found out by them.
 * @param python the environment's interpreter
 * @param level `static` asks for the gate alone
 * @throws E_INTERRUPTED, E_TOOL_MISSING (the emulator), E_FOLDER_UNFIT where its file system starts no programs, which is
 * not the environment's fault; an interpreter that gives no answer is an answer
 */
export async function environmentChecks(
  host: Host,
  python: string,
  level: Level,
  settings: RunSettings,
): Promise<RuntimeAnswer> {
  if (level !== "static") await demandEmulator(host, settings);
  // The interpreter itself is mostly a link to one that lies elsewhere.
  await demandExecutable("an environment", dirname(python));
  let facts: TorchFacts;
  try {
    facts = await torchFacts(host, python);
  } catch (thrown) {
    if (!isBroken(thrown)) throw thrown;
    return { checks: brokenInterpreter(python, thrown.why, level), torch: null };
  }
  const speed: Check[] =
    settings.speed === null || level === "static"
      ? []
      : [notRun("runtime.speed", { kind: "gap", reason: "not-of-environments" })];
  const answer = (ran: Check[]): RuntimeAnswer => ({
    checks: [...gateChecks(facts), ...ran, ...speed],
    torch: seenTorch(facts),
  });
  if (level === "static") return answer([]);
  try {
    return answer(await installedChecks(host, python, level, settings, facts));
  } catch (thrown) {
    if (!(thrown instanceof WheelsError) || thrown.code !== "E_PYTHON_PROBE") throw thrown;
    return answer(RUN_IDS[level].map((id) => notRun(id, { kind: "probe-failed", problem: thrown.why })));
  }
}

/**
 * How an environment's answers come out, after its policy judged them. Nobody else looks at an environment's gaps
 * later, as publishing does at a wheel's: what was asked and not answered is no pass.
 */
export function environmentOutcome(policy: Policy, checks: readonly Check[]): "pass" | "fail" {
  const asked = checks.filter(({ id }) => severityOf(policy, id, null) !== "off");
  return asked.some(({ result }) => result === "fail" || result === "not-run") ? "fail" : "pass";
}

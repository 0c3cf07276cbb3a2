import { WheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../../host/host.ts";
import { run } from "../../host/process.ts";
import { closure } from "../../variants/features.ts";
import type { Claim } from "../facts/facts.ts";
import type { Check } from "../verdict/verdict.ts";
import { type Programs, runPrograms } from "./programs.ts";

/** The least CPU with AVX2 that QEMU knows, and what it has. Source: qemu target/i386/cpu.c, "Haswell". */
const EMULATOR = ["qemu-x86_64", "-cpu", "Haswell"];
const FEATURES: ReadonlySet<string> = new Set(
  closure(["x86-64-v3", "aes", "pclmulqdq", "rdrand"]).filter((feature) => feature !== "x86-64"),
);

/** What the second opinion came to; `not-run` with its reason. */
interface Opinion {
  emulator: string;
  result: Check["result"];
  detail: string;
}

/** True for a contract that promises a CPU with AVX2 and no more. */
function promisesHaswell({ variant }: Claim): boolean {
  if (variant === null) return false;
  const { mayUse, mustUse } = variant.isa;
  return mustUse.includes("avx2") && closure(mayUse).every((one) => one === "x86-64" || FEATURES.has(one));
}

const told = (checks: readonly Check[], opinionOf: (check: Check) => Opinion): Check[] =>
  checks.map((check) => {
    if (check.id !== "runtime.import" && check.id !== "runtime.kernels") return check;
    return { ...check, evidence: { ...check.evidence, leastCpu: opinionOf(check) } };
  });

async function isThere(host: Host): Promise<boolean> {
  try {
    await run(host, EMULATOR[0] ?? "", ["--version"], { env: host.env, timeout: 30_000 });
    return true;
  } catch (thrown) {
    if (thrown instanceof WheelsError && thrown.code === "E_TOOL_MISSING") return false;
    throw thrown;
  }
}

/** Both answers as one: a CPU that the contract promises and that does not suffice is a failure. */
function joined(check: Check, second: Check | undefined): Check {
  if (!second || (check.result !== "pass" && check.result !== "warn")) return check;
  const on = `on ${EMULATOR.join(" ")}`;
  if (second.result === "fail") {
    const { leastCpu } = check.evidence;
    const detail = `${on}, the least CPU of the contract: ${second.detail}`;
    return { ...second, detail, evidence: { ...second.evidence, leastCpu } };
  }
  return second.result === "not-run" ? check : { ...check, detail: `${check.detail}; ${on}, too` };
}

/**
 * A second opinion on what ran here: import and kernels once more on an emulated CPU that has AVX2 and nothing beyond
 * it, and dies of what this CPU can do and the contract's need not.
 * @param checks answers of this machine, which come back with the second opinion in their evidence
 */
export async function onLeastCpu(
  host: Host,
  programs: Programs,
  claim: Claim,
  checks: readonly Check[],
): Promise<Check[]> {
  const emulator = EMULATOR.join(" ");
  const without = (detail: string): Check[] =>
    told(checks, () => ({ emulator, result: "not-run", detail: `not run: ${detail}` }));
  if (!promisesHaswell(claim)) return without("the contract promises no CPU with AVX2 alone");
  if (programs.room.settings.emulator.length > 0) return without("all of it ran on an emulated CPU");
  if (!(await isThere(host))) return without(`${EMULATOR[0]} is not there`);
  if (checks.some(({ id, result }) => id === "runtime.import" && result === "fail"))
    return without("it can't be imported");
  host.log.info(`  once more, on ${emulator}`);
  const room = { ...programs.room, settings: { ...programs.room.settings, emulator: EMULATOR } };
  const level = programs.level === "import" ? "import" : "kernels";
  const again = await runPrograms(host, { ...programs, room, level, flags: FEATURES });
  const second = (id: Check["id"]): Check | undefined => again.find((check) => check.id === id);
  return told(checks, ({ id }) => {
    const { result = "not-run", detail = "not run: it was not asked" } = second(id) ?? {};
    return { emulator, result, detail };
  }).map((check) => joined(check, second(check.id)));
}

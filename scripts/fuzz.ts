// Looks for what our readers take wrongly or die of, by chance, for as long as it is told; ends with 1 where something was
// found. With --undone it takes each defence of test/fuzz/undone.ts out of a copy of the source, and asks the target
// that should find what gets through then; ends with 1 where one did not.
// Usage: npm run fuzz -- [MINUTES] [WORDS OF A TARGET'S NAME], or npm run fuzz -- --undone [SECONDS OF EACH] [WORDS]
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { TARGETS } from "../test/fuzz/targets.ts";
import { UNDONE, type Undone } from "../test/fuzz/undone.ts";
import { root } from "../test/support/run.ts";

/** What a target needs of a checkout. */
const NEEDED = [
  "src",
  "test",
  "scripts",
  "docs/verdict-vectors",
  "package.json",
  "tsconfig.json",
  "policy.yml",
  "variants.yml",
];

/** Asks targets, each for as long. @param isFirst ends with the first find as it is, not with its smallest form */
async function fuzz(targets: typeof TARGETS, milliseconds: number, isFirst: boolean): Promise<number> {
  const finds: string[] = [];
  for (const { name, property } of targets) {
    const seed = Date.now();
    const details = await fc.check<unknown>(property as fc.IAsyncProperty<unknown>, {
      numRuns: Number.MAX_SAFE_INTEGER,
      interruptAfterTimeLimit: milliseconds,
      markInterruptAsFailure: false,
      endOnFailure: isFirst,
      seed,
    });
    const isFound = details.failed && details.counterexample !== null;
    console.log(`${isFound ? "FOUND" : "ok   "} ${name}: ${details.numRuns} runs, seed ${seed}`);
    if (isFound) finds.push(`${details.errorInstance}\n${fc.defaultReportMessage(details)}`);
    // So that Ctrl-C is heard between targets.
    await sleep(1);
  }
  for (const find of finds) console.log(`\n${find}`);
  console.log(`${targets.length} targets, ${finds.length} finds`);
  return finds.length;
}

/** Whether a target finds what gets through without a defence. Throws where the target was not asked. */
function isFound(copy: string, { file, text, instead, target }: Undone, seconds: string): boolean {
  const path = join(copy, file);
  const whole = readFileSync(path, "utf8");
  if (whole.split(text).length !== 2) throw new Error(`${file} does not hold once: ${text}`);
  writeFileSync(
    path,
    whole.replace(text, () => instead),
  );
  const words = ["scripts/fuzz.ts", "--first", String(Number(seconds) / 60), target];
  const ran = spawnSync(process.execPath, ["--import", "tsx", ...words], { cwd: copy, encoding: "utf8" });
  writeFileSync(path, whole);
  if (ran.signal === "SIGINT") process.kill(process.pid, "SIGINT");
  if (!/^1 targets, [01] finds$/m.test(ran.stdout)) throw new Error(`${file}: ${ran.stdout}${ran.stderr}`);
  return ran.status === 1;
}

function undone(seconds: string, words: string): number {
  const wanted = UNDONE.filter(({ keepsOut, target }) => `${target}: ${keepsOut}`.includes(words));
  const copy = mkdtempSync(join(tmpdir(), "vcw-undone-"));
  try {
    for (const name of NEEDED) cpSync(join(root, name), join(copy, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    const missed = wanted.filter((one) => {
      const found = isFound(copy, one, seconds);
      console.log(`${found ? "found " : "MISSED"} ${one.target}: ${one.keepsOut}`);
      return !found;
    });
    console.log(`${wanted.length} defences taken out, ${wanted.length - missed.length} found`);
    return missed.length;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { undone: { type: "boolean", default: false }, first: { type: "boolean", default: false } },
});
const [time = values.undone ? "60" : "10", ...words] = positionals;
if (!(Number(time) > 0))
  throw new Error(
    "usage: npm run fuzz -- [MINUTES] [WORDS OF A TARGET'S NAME], or --undone [SECONDS OF EACH] [WORDS]",
  );
if (values.undone) process.exitCode = undone(time, words.join(" ")) > 0 ? 1 : 0;
else {
  const wanted = TARGETS.filter(({ name }) => name.startsWith(words.join(" ")));
  if (wanted.length === 0) throw new Error(`no target begins with: ${words.join(" ")}`);
  process.exitCode = (await fuzz(wanted, (Number(time) * 60_000) / wanted.length, values.first)) > 0 ? 1 : 0;
}

import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { removeScratch, scratch, torchFolder, wheels } from "../support/run.ts";

afterAll(removeScratch);

/** Programs that only ask something, or install what is installed once for all builds. */
const ASKS = /^uv (--version|python find|publish)|uv-wheel-\d|--target/;

/** A command without what only the run can know. */
function plain(line: string, work: string): string {
  return line
    .replaceAll(work, "<work>")
    .replace(/^\(cd \S+ && (.*)\)$/, "$1")
    .replace(/^\S*\/uv /, "uv ")
    .replace(/\/build\/[0-9a-f<][\w<>]*\//g, "/build/<key>/")
    .replace(/(?:\/\S*)?\/vllm-cpu-wheels-\w+-\w+(?:\/\S*)?\/([\w.-]+)(?= |$)/g, "<scratch>/$1")
    .replace(/'?<scratch>\/[\w/]*?([\w.<>-]+)'?(?= |$)/g, "<scratch>/$1")
    .replace(/--python (?:<python3>|\/\S*\/python3?[\d.]*)(?= )/g, "--python <python>");
}

test("a dry run prints the commands that the build runs, in their order", () => {
  const work = scratch();
  const words = [
    ...["build", "--variant=vllm-cpu", "--source=sample", `--cache-dir=${join(work, "cache")}`],
    ...[`--output-dir=${join(work, "out")}`, `--torch-index-url=${torchFolder}`],
  ];
  const isCommand = (line: string): boolean => /^uv (venv|pip|build|tool|run)\b/.test(line);
  const printed = wheels([...words, "--dry-run"])
    .stdout.split("\n")
    .map((line) => plain(line, work))
    .filter(isCommand);
  const ran = wheels(words, { env: { VLLM_CPU_WHEELS_DEBUG: "1" } });
  expect(ran.status === 0 ? "" : ran.stderr).toBe("");
  const executed = [...ran.stderr.matchAll(/^\[DEBUG\] run: (.*)$/gm)]
    .map(([, line = ""]) => plain(line, work))
    .filter((line) => isCommand(line) && !ASKS.test(line))
    // torch is resolved with its companions first, and alone where they are not to be had.
    .filter((line, index, all) => line !== all[index - 1]);
  const kindOf = (line: string): string => line.split(" ").slice(0, 3).join(" ");
  expect(executed.map(kindOf)).toEqual(printed.map(kindOf));
  expect(printed.length).toBeGreaterThanOrEqual(6);
  for (const [index, line] of printed.entries())
    if (!/^uv tool|auditwheel/.test(line)) expect(executed[index]).toBe(line);
}, 240_000);

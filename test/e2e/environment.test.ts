import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { harmfulEnv } from "../support/harmful-variables.ts";
import { removeScratch, scratch, torchFolder, wheels } from "../support/run.ts";

afterAll(removeScratch);

/** A home folder whose settings would change every build. */
function harmfulHome(): string {
  const home = scratch();
  mkdirSync(join(home, ".config", "ccache"), { recursive: true });
  writeFileSync(join(home, ".config", "ccache", "ccache.conf"), "prefix_command = /bin/false\n");
  writeFileSync(join(home, ".pydistutils.cfg"), "[build_ext]\ndebug = 1\n[bdist_wheel]\nplat_name = win32\n");
  return home;
}

function build(env: NodeJS.ProcessEnv, ...more: string[]): { bytes: string; log: string } {
  const out = join(scratch(), "dist");
  const args = ["build", "--variant=vllm-cpu", "--source=sample", `--torch-index-url=${torchFolder}`];
  const ran = wheels([...args, `--output-dir=${out}`, ...more], { env });
  expect(ran.status === 0 ? "" : ran.stderr + ran.stdout).toBe("");
  const [name = ""] = readdirSync(out).filter((file) => file.endsWith(".whl"));
  return { bytes: readFileSync(join(out, name)).toString("base64"), log: ran.stdout };
}

test("no variable of the shell decides a byte, and what it would have decided is not kept for the next build", () => {
  const cache = `--cache-dir=${join(scratch(), "cache")}`;
  const around = {
    XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
    CCACHE_DIR: undefined,
  };
  // The same home twice: settings in it say which files the user's index has of a version, and those are in the key.
  const HOME = harmfulHome();
  const harmed = build({ ...around, ...harmfulEnv(), HOME }, cache);
  const kept = build({ ...around, HOME }, cache);
  const clean = build(around, `--cache-dir=${join(scratch(), "cache")}`);
  expect(kept.log).toContain("Taking what an earlier build of the same inputs compiled");
  expect([harmed.bytes === clean.bytes, kept.bytes === clean.bytes]).toEqual([true, true]);
}, 600_000);

test("what is added by --build-env reaches the compiler, and is in the compile's key", () => {
  const cache = `--cache-dir=${join(scratch(), "cache")}`;
  const plain = build({}, cache);
  const debug = build({}, cache, "--build-env=CMAKE_BUILD_TYPE=Debug");
  expect(debug.log).not.toContain("Taking what an earlier build");
  expect(debug.bytes).not.toBe(plain.bytes);
  expect(build({}, cache).bytes).toBe(plain.bytes);
}, 600_000);

import { cpSync, existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "@jest/globals";
import { keepWheel, keptWheel } from "../../src/build/compile/compiled-cache.ts";
import { type Ran, removeScratch, scratch, wheels } from "../support/run.ts";

const DAY_MS = 86_400_000;
const key = (digit: string): string => digit.repeat(20);
let cache: string;

afterAll(removeScratch);
beforeEach(() => {
  cache = scratch();
});

const age = (path: string, days: number): void => {
  const then = new Date(Date.now() - days * DAY_MS);
  utimesSync(path, then, then);
};

function compiled(name: string, days: number): string {
  const folder = join(cache, "compiled", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "kept.json"), "{}");
  age(join(folder, "kept.json"), days);
  age(folder, days);
  return folder;
}

/** @param name number of its build folder; with a slash and a key, what waits aside of that folder */
function broken(name: string, days: number, hasState = true): string {
  const folder = join(cache, name.includes("/") ? "broken" : "build", name);
  mkdirSync(join(folder, "venv"), { recursive: true });
  if (hasState) {
    writeFileSync(join(folder, "state"), "x");
    age(join(folder, "state"), days);
  }
  age(folder, days);
  return folder;
}

/** A build that ends soon after its beginning, since there is no torch where it looks. */
function build(...more: string[]): Ran {
  const args = ["build", "--variant=vllm-cpu", "--source=sample", `--torch-index-url=${scratch()}`, ...more];
  const ran = wheels([...args, `--cache-dir=${cache}`, `--output-dir=${scratch()}`]);
  expect(ran.stderr).toContain("E_TORCH_NOT_FOUND");
  return ran;
}

test("a build removes what none has used for long, and says so", () => {
  const gone = [compiled(key("a"), 31), broken("7", 15), broken("8", 15, false), broken(`9/${key("b")}`, 15)];
  const left = [
    compiled(key("d"), 29),
    broken("6", 13),
    broken(`9/${key("c")}`, 13),
    compiled("mine", 100),
    broken("of-somebody", 100),
  ];
  const ran = build();
  expect(gone.filter((path) => existsSync(path))).toEqual([]);
  expect(left.filter((path) => !existsSync(path))).toEqual([]);
  expect(ran.stdout).toContain(
    "Removed from the cache: 1 compiled wheels (unused for 30 days), 3 builds that broke off (14 days ago)",
  );
  expect(build().stdout).not.toContain("Removed from the cache");
});

test("what another run is at is left alone", () => {
  const folder = broken("5", 40);
  const started = readFileSync(`/proc/${process.pid}/stat`, "utf8").split(") ")[1]?.split(" ")[19];
  const host = readFileSync("/proc/sys/kernel/hostname", "utf8").trim();
  writeFileSync(`${folder}.lock`, JSON.stringify({ pid: process.pid, host, started }));
  build();
  expect(existsSync(join(folder, "state"))).toBe(true);
});

test("--no-cleanup keeps all of it", () => {
  const folder = compiled(key("a"), 90);
  build("--no-cleanup");
  expect(existsSync(folder)).toBe(true);
});

test("a note that was cut short, or is of another key, is no hit", async () => {
  const wheel = join(scratch(), "x.whl");
  writeFileSync(wheel, "bytes");
  await keepWheel(cache, key("a"), wheel);
  const now = new Date();
  cpSync(join(cache, "compiled", key("a")), join(cache, "compiled", key("b")), { recursive: true });
  expect(await keptWheel(cache, key("a"), now)).not.toBeNull();
  expect(await keptWheel(cache, key("b"), now)).toBeNull();
  const note = join(cache, "compiled", key("a"), "kept.json");
  writeFileSync(note, readFileSync(note, "utf8").slice(0, 20));
  expect(await keptWheel(cache, key("a"), now)).toBeNull();
});

test("a compiled wheel that is taken again stays", async () => {
  const wheel = join(scratch(), "x.whl");
  writeFileSync(wheel, "bytes");
  await keepWheel(cache, key("a"), wheel);
  const note = join(cache, "compiled", key("a"), "kept.json");
  age(note, 40);
  const now = new Date();
  expect(await keptWheel(cache, key("a"), now)).not.toBeNull();
  expect(Math.round(statSync(note).mtimeMs / 1000)).toBe(Math.round(now.getTime() / 1000));
});

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { maskings } from "../support/masking.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";

afterAll(removeScratch);

const folder = scratch();
const text = "processor\t: 0\nflags\t\t: fpu avx2\n";
writeFileSync(join(folder, "cpuinfo"), text);
mkdirSync(join(folder, "empty"));

const run = (words: readonly string[]): string => {
  const [command = "", ...args] = words;
  const ran = exec(command, args);
  if (ran.status !== 0) throw new Error(ran.stderr);
  return ran.stdout;
};

const byPython = "print(open('/proc/cpuinfo').read(), end='')";
const byNode = "process.stdout.write(require('node:fs').readFileSync('/proc/cpuinfo'))";

describe.each(Object.entries(maskings("/proc/cpuinfo", join(folder, "cpuinfo"))))(
  "a file, by %s",
  (_name, within) => {
    test.each([
      ["cat", ["cat", "/proc/cpuinfo"]],
      ["a shell", ["sh", "-c", "cat < /proc/cpuinfo"]],
      ["Python", ["python3", "-c", byPython]],
      ["Node", [process.execPath, "-e", byNode]],
      ["a child of a child", ["env", "sh", "-c", 'python3 -c "$0"', byPython]],
    ])("%s sees the other one", (_program, words) => {
      expect(run([...within, ...words])).toBe(text);
      expect(run(words)).not.toBe(text);
    });
  },
);

describe.each(Object.entries(maskings("/usr/include", join(folder, "empty"))))(
  "a folder, by %s",
  (_name, within) => {
    test("Python finds nothing in it", () => {
      const script =
        "import os; print(os.path.isfile('/usr/include/stdio.h'), os.path.exists('/usr/includes'))";
      expect(run([...within, "python3", "-c", script])).toBe("False False\n");
      expect(run(["python3", "-c", script])).toBe("True False\n");
    });
  },
);

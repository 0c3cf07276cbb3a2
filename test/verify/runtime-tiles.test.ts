import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Check } from "../../src/verify/verdict/verdict.ts";
import { type Bench, makeBench, tryWheel } from "../support/room.ts";
import { removeScratch } from "../support/run.ts";
import { tileWheel } from "../support/tile-wheel.ts";

const cpuinfo = readFileSync("/proc/cpuinfo", "utf8");
const hasTiles = /^flags.* amx_tile( |$)/m.test(cpuinfo);
const flags = [...(/^flags\s*: (.*)$/m.exec(cpuinfo)?.[1]?.split(" ") ?? []), "amx_tile", "amx_bf16"];
const settings = { flags, emulate: ["amx_tile", "amx_bf16"], mustUse: ["avx2", "amx_bf16"] };
let bench: Bench;

beforeAll(() => {
  bench = makeBench();
}, 300_000);

afterAll(removeScratch);

const kernels = (check: string, env: NodeJS.ProcessEnv = {}): Check | undefined =>
  tryWheel(bench, tileWheel(check), "kernels", { ...settings, env })["runtime.kernels"];

(hasTiles ? describe.skip : describe)(
  `${hasTiles ? "not-run: this CPU has AMX: " : ""}a wheel with AMX kernels on a CPU without AMX`,
  () => {
    test("is run, and the answer says how, with counts; every process of it is told that there are tiles", () => {
      const { "runtime.import": imported, "runtime.kernels": check } = tryWheel(
        bench,
        tileWheel("asked"),
        "kernels",
        settings,
      );
      expect(imported).toMatchObject({ result: "pass", emulated: settings.emulate, evidence: { tiles: {} } });
      expect(check).toMatchObject({ result: "pass", emulated: settings.emulate });
      expect(check?.detail).toMatch(/^5 cases of 1 kernels agree .*; AMX emulated: .*\d+ tdpbf16ps$/);
      // One configuration and one release a case; tiles of the smallest case are one of each.
      expect(check?.evidence["tiles"]).toMatchObject({ ldtilecfg: 5, tilerelease: 5 });
    }, 120_000);

    test("has proven nothing where none of it was met", () => {
      expect(kernels("without")).toMatchObject({
        result: "fail",
        detail: expect.stringContaining("nothing was proven of amx_bf16"),
        emulated: settings.emulate,
      });
    }, 120_000);

    test("fails where one sign is wrong", () => {
      const check = kernels("matmul", { CC: "gcc -DAMX_WRONG_SIGN" });
      expect(check?.result).toBe("fail");
      expect(check?.detail).toMatch(/matmul 5x31x4: off by/);
    }, 120_000);

    test.each([
      ["crashes", "SIGILL", "takes_what_is_not_there", "ud2"],
      ["misuses", "SIGSEGV", "configures_what_is_none", expect.stringMatching(/^ldtilecfg/)],
    ])(
      "that %s is told by name and address, not as AMX",
      (check, signal, symbol, instruction) => {
        const answer = kernels(check);
        expect(answer?.result).toBe("fail");
        expect(answer?.evidence["broken"]).toMatchObject([
          { crash: { signal, symbol, instruction, file: "tile_guest/kernels.so", lacks: [] } },
        ]);
      },
      120_000,
    );

    test("needs a compiler that works", () => {
      expect(() => kernels("matmul", { CC: "false" })).toThrow(
        /AMX can't be emulated without a working C compiler \(false fails/,
      );
      expect(() => kernels("matmul", { CC: "no-such-compiler" })).toThrow(/no-such-compiler is not there/);
    }, 120_000);
  },
);

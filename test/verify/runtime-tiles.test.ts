import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { CheckOf } from "../../src/verify/verdict/check.ts";
import { CHECK_IDS, type Check } from "../../src/verify/verdict/verdict.ts";
import { type Bench, makeBench, tryWheel } from "../support/room.ts";
import { removeScratch, scratch, torchFolder, wheels } from "../support/run.ts";
import { tileWheel } from "../support/tile-wheel.ts";
import { tinyWheel } from "../support/wheel.ts";

const cpuinfo = readFileSync("/proc/cpuinfo", "utf8");
const hasTiles = /^flags.* amx_tile( |$)/m.test(cpuinfo);
const flags = [...(/^flags\s*: (.*)$/m.exec(cpuinfo)?.[1]?.split(" ") ?? []), "amx_tile", "amx_bf16"];
const settings = { flags, emulate: ["amx_tile", "amx_bf16"], mustUse: ["avx2", "amx_bf16"] };
const MANIFEST = `version: 1
variants:
  tile-guest:
    description: AVX2 and AMX
    architecture: x86_64
    isa:
      may-use: [x86-64-v3, amx_tile, amx_bf16]
      must-use: [avx2, amx_tile, amx_bf16]
    runner-labels: [self-hosted]
    build:
      compiler: { gcc: "12", clang: "14" }
`;
let bench: Bench;

beforeAll(() => {
  bench = makeBench();
}, 300_000);

afterAll(removeScratch);

const kernels = (check: string, env: NodeJS.ProcessEnv = {}): CheckOf<"runtime.kernels"> | undefined =>
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
      expect(check?.evidence.tiles).toMatchObject({ ldtilecfg: 5, tilerelease: 5 });
    }, 120_000);

    test("has proven nothing where none of it was met", () => {
      expect(kernels("without")).toMatchObject({
        result: "fail",
        detail: expect.stringContaining("nothing was proven of amx_bf16"),
        findings: [{ kind: "unproven-features", features: ["amx_bf16"] }],
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
        expect(answer?.findings).toMatchObject([
          {
            kind: "crash",
            program: "kernel-checks",
            signal,
            symbol,
            instruction,
            file: "tile_guest/kernels.so",
            lacks: [],
          },
        ]);
      },
      120_000,
    );

    test("is verified so; a broken compiler is this machine's fault, with the exit status of a CPU that lacks AMX", () => {
      const folder = scratch();
      const { fileName, bytes } = tinyWheel({ ...tileWheel("matmul"), tag: "cp38-abi3-linux_x86_64" });
      const [wheel, manifest, policy] = [fileName, "variants.yml", "policy.yml"].map((name) =>
        join(folder, name),
      );
      writeFileSync(wheel ?? "", bytes);
      writeFileSync(manifest ?? "", MANIFEST);
      const told = CHECK_IDS.filter((id) => !id.startsWith("runtime.")).map((id) => `${id}: warn`);
      writeFileSync(policy ?? "", `version: 1\nchecks: {${told.join(", ")}}\n`);
      const verify = (env: NodeJS.ProcessEnv): { status: number | null; checks: Check[] } => {
        const words = [`--manifest=${manifest}`, `--policy=${policy}`, `--torch-index-url=${torchFolder}`];
        const ran = wheels(["verify", wheel ?? "", ...words, "--level=kernels", "--json"], { env });
        const { results } = JSON.parse(ran.stdout) as { results: { checks: Check[] }[] };
        return { status: ran.status, checks: results[0]?.checks ?? [] };
      };
      const good = verify({});
      expect(good.checks.at(-1)).toMatchObject({
        id: "runtime.kernels",
        result: "pass",
        emulated: ["amx_bf16", "amx_tile"],
        acceptedBy: ["index"],
      });
      const bad = verify({ CC: "false" });
      for (const check of bad.checks.slice(-2)) {
        expect(check).toMatchObject({
          result: "not-run",
          detail: expect.stringContaining("without a working C compiler (false fails with status 1)"),
          findings: [
            { kind: "lacks-features", features: ["amx_bf16", "amx_tile"] },
            { kind: "no-emulation", reason: "no-compiler" },
          ],
          lacks: ["amx_bf16", "amx_tile"],
          acceptedBy: ["index"],
        });
      }
      expect([good.status, bad.status]).toEqual([0, 0]);
    }, 600_000);

    test("needs a compiler that works", () => {
      expect(() => kernels("matmul", { CC: "false" })).toThrow(
        /AMX can't be emulated without a working C compiler \(false fails/,
      );
      expect(() => kernels("matmul", { CC: "no-such-compiler" })).toThrow(/no-such-compiler is not there/);
    }, 120_000);
  },
);

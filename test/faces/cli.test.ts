import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { CATALOGUE } from "../../src/errors/catalogue.ts";
import { COMMANDS } from "../../src/options/commands.ts";
import { exec, type Ran, removeScratch, root, scratch, torchFolder, wheels } from "../support/run.ts";

afterAll(removeScratch);

const errorOf = (ran: Ran): { code: string; what: string; remedy: string } =>
  (JSON.parse(ran.stdout) as { error: { code: string; what: string; remedy: string } }).error;

describe("bad input gives a code, a remedy and the right status, and no stack", () => {
  const noPython = scratch();
  writeFileSync(join(noPython, "x.txt"), "");
  const badToml = scratch();
  writeFileSync(join(badToml, "pyproject.toml"), "[project\n");
  const occupied = join(scratch(), "file");
  writeFileSync(occupied, "");
  test.each<[string[], string, number]>([
    [["run", "--variant=vllm-cpu-avx51"], "E_VARIANT_UNKNOWN", 2],
    [["run", "--variant="], "E_OPTION_VALUE", 2],
    [["run", "--source=sample", "--vllm-version=9.9.9"], "E_VERSION_UNKNOWN", 2],
    [["run", "--vllm-version=newest"], "E_OPTION_VALUE", 2],
    [["run", "--vllm-version=0.10.2"], "E_RELEASE_UNSUPPORTED", 2],
    [["run", "--variant=vllm-cpu-amxbf16", "--vllm-version=0.11.0"], "E_VARIANT_UNBUILDABLE", 2],
    [["run", "--source=sample", "--recipe=vllm-0.31"], "E_RECIPE_UNKNOWN", 2],
    [["run", "--source=git+https://example.org/x.git"], "E_SOURCE", 2],
    [["run", "--source=sample", "--glibc=new", "--variant=vllm-cpu"], "E_OPTION_VALUE", 2],
    [["run", "--source=sample", "--glibc=2.5", "--variant=vllm-cpu"], "E_GLIBC_FLOOR", 3],
    [["run", "--max-jobs=0"], "E_OPTION_VALUE", 2],
    [["run", "--max-jobs=-1"], "E_OPTION_VALUE", 2],
    [["run", "--max-jobs=many"], "E_OPTION_VALUE", 2],
    [["run", "--python-version=2.7"], "E_OPTION_VALUE", 2],
    [["run", "--version-suffix=.rc1"], "E_OPTION_VALUE", 2],
    [["run", "--varian=all"], "E_USAGE", 2],
    [["run", "all"], "E_USAGE", 2],
    [["run", "--dry-run=yes"], "E_OPTION_VALUE", 2],
    [["run", "--torch-packages=numpy"], "E_OPTION_VALUE", 2],
    [["run", "--torch-version=$(id)"], "E_OPTION_VALUE", 2],
    [["run", "--source=/nowhere"], "E_SOURCE", 2],
    [["run", `--source=${noPython}`], "E_SOURCE", 2],
    [["run", `--source=${badToml}`], "E_SOURCE", 2],
    [["run", "--manifest=/nowhere.yml"], "E_MANIFEST_UNREADABLE", 2],
    [["run", "--skip-build", `--dist-dir=${noPython}`], "E_PUBLISH_NOTHING", 2],
    [["run", `--output-dir=${occupied}/x`, "--variant=vllm-cpu", "--source=sample"], "E_OUTPUT_DIR", 2],
    [["verify", "/nowhere-1-py3-none-any.whl"], "E_WHEEL_FILE", 2],
    [["verify", "--level=deep", "x.whl"], "E_OPTION_VALUE", 2],
    [["verify"], "E_USAGE", 2],
    [["verify", "--environment=/nowhere"], "E_PYTHON_MISSING", 3],
    [["frobnicate"], "E_USAGE", 2],
  ])("%j", (args, code, status) => {
    const ran = wheels([...args, "--json"]);
    expect([errorOf(ran).code, ran.status]).toEqual([code, status]);
    expect(errorOf(ran).remedy).not.toBe("");
    expect(ran.stderr).not.toMatch(/^\s+at /m);
  });

  test("no compiler", () => {
    const ran = wheels(["run", "--variant=vllm-cpu", "--json", `--output-dir=${scratch()}`], {
      env: { CXX: "no-such-c++" },
    });
    expect([errorOf(ran).code, ran.status]).toEqual(["E_COMPILER_MISSING", 3]);
    expect(errorOf(ran).remedy).toContain("apt-get install g++");
  });

  test("a compiler that is too old", () => {
    const folder = scratch();
    writeFileSync(
      join(folder, "old-g++"),
      '#!/bin/sh\n[ "$1" = -dumpfullversion ] && echo 7.5.0 || echo "g++ (GCC) 7.5.0"\n',
      { mode: 0o755 },
    );
    const ran = wheels(["run", "--variant=vllm-cpu-amxbf16", "--json"], {
      env: { CXX: join(folder, "old-g++") },
    });
    expect([errorOf(ran).code, ran.status]).toEqual(["E_COMPILER_OLD", 3]);
    for (const named of ["Ubuntu 24.04", "Debian 13", "gcc-toolset-", "image: gcc:"])
      expect(errorOf(ran).remedy).toContain(named);
  });

  test("a wheel on another architecture's machine", () => {
    const folder = scratch();
    writeFileSync(
      join(folder, "own.yml"),
      "version: 1\nvariants:\n  arm:\n    description: x\n    architecture: aarch64\n    isa: {may-use: [asimd], must-use: [asimd]}\n",
    );
    const ran = wheels(["run", "--variant=arm", `--manifest=${join(folder, "own.yml")}`, "--json"]);
    expect([errorOf(ran).code, ran.status]).toEqual(["E_ARCHITECTURE", 3]);
  });
});

test("--dry-run prints commands, variables and files, and touches nothing", () => {
  const folder = scratch();
  mkdirSync(join(folder, "home"));
  const ran = exec(
    join(root, "build_wheels.sh"),
    ["--variant=vllm-cpu-avx512vnni", "--source=sample", "--max-jobs=6", "--dry-run"],
    {
      cwd: folder,
      env: { HOME: join(folder, "home"), XDG_CACHE_HOME: join(folder, "home", "cache"), TMPDIR: folder },
    },
  );
  expect(ran.status).toBe(0);
  for (const text of [
    "from https://download.pytorch.org/whl/cpu alone",
    "export MAX_JOBS=6",
    "export VLLM_CPU_AVX512VNNI=1",
    "uv build --wheel --no-build-isolation",
    `writes ${join(folder, "dist", "vllm_cpu_avx512vnni-0.1.0-<tags>.whl.verdict.json")}`,
  ]) {
    expect(ran.stdout).toContain(text);
  }
  expect(readdirSync(folder)).toEqual(["home"]);
  expect(readdirSync(join(folder, "home"))).toEqual([]);
});

test("--dry-run of vLLM shows the plan of a release, with every flag, and fetches nothing", () => {
  const dry = (...args: string[]): string => {
    const ran = wheels(["build", "--dry-run", ...args], { env: { UV_OFFLINE: "1" } });
    expect(ran.status === 0 ? "" : ran.stderr).toBe("");
    return ran.stdout;
  };
  const now = dry("--variant=all", "--vllm-version=0.32.0");
  expect(now.match(/ uv build --wheel /g)).toHaveLength(1);
  expect(now).toMatch(/torch==2\.13\.0,? torchvision/);
  expect(now).toContain("puts onednn v3.13 of https://github.com/oneapi-src/oneDNN.git");
  expect(now).toContain("takes the kernels _C_AVX512 as _C; leaves out _C_AVX2, _C");
  expect(now).not.toContain("VLLM_CPU_AVX512");
  const before = dry("--variant=all", "--vllm-version=0.16.0");
  expect(before.match(/ uv build --wheel /g)).toHaveLength(5);
  expect(before).toMatch(/torch==2\.10\.0,? torchvision/);
  expect(before).toContain("puts onednn v3.10 of");
  expect(before.match(/^export VLLM_CPU_AVX512VNNI=1$/gm)).toHaveLength(3);
  expect(before.match(/^export VLLM_CPU_DISABLE_AVX512=true$/gm)).toHaveLength(1);
  const arm = dry("--variant=vllm-cpu-aarch64", "--vllm-version=0.32.0");
  expect(arm).toContain("export VLLM_CPU_ARM_BF16=1");
  expect(arm).toContain("export VLLM_CPU_ARM_I8MM=1");
  expect(arm).toMatch(/^export ACL_ROOT_DIR=.*deps\/acl$/m);
  expect(arm).toContain("9c5be1cc59e368aebf0909e6cf20f981ea61462a");
  expect(dry("--variant=vllm-cpu")).toContain("vllm 0.33.0");
});

test("a release that can't be built for one of all variants goes without that one, and says so", () => {
  const ran = wheels(["plan", "--vllm-version=0.11.0,0.32.0", "--print-identifiers"]);
  expect(ran.stderr).toContain("vLLM 0.11.0 has no AMX kernels");
  expect(ran.stdout.split("\n")).toEqual(
    expect.arrayContaining(["py3-vllm-cpu-amxbf16-0.32.0", "py3-vllm-cpu-0.11.0"]),
  );
  expect(ran.stdout).not.toContain("amxbf16-0.11.0");
});

test("a release newer than all recipes is tried with the newest, with a warning", () => {
  const ran = wheels(["plan", "--vllm-version=0.99.0", "--variant=vllm-cpu"], { env: { UV_OFFLINE: "1" } });
  expect(ran.status).toBe(0);
  expect(ran.stderr).toContain("vllm 0.99.0 is newer than all recipes; trying vllm-0.33, the newest");
});

describe("a release is asked for at the index before anything is planned", () => {
  const cache = scratch();
  const plan = (version: string, env: Record<string, string> = {}): Ran =>
    wheels(["plan", `--vllm-version=${version}`, "--variant=vllm-cpu", "--print-identifiers", "--json"], {
      env: { VLLM_CPU_WHEELS_CACHE: cache, ...env },
    });

  test("one that there is not is refused, with the nearest and the newest", () => {
    const ran = plan("9.9.9");
    const { error } = JSON.parse(ran.stdout) as { error: { code: string; why: string; remedy: string } };
    expect([error.code, ran.status]).toEqual(["E_VERSION_UNKNOWN", 2]);
    expect(error.why).toMatch(/the newest is \d+\.\d+/);
    expect(error.remedy).toMatch(/^Did you mean \d+\.\d+/);
  });

  test("one that there is counts by its value, and its index is asked once", () => {
    expect(plan("0.32").status).toBe(0);
    // Nobody answers there: what was listed before is enough. pip's own index is the same for both.
    const [file = ""] = readdirSync(join(cache, "releases"));
    writeFileSync(join(cache, "releases", file), JSON.stringify(["9.9.9"]));
    expect(plan("9.9.9").status).toBe(0);
  });

  test("an index that can't be asked is a warning, and UV_OFFLINE asks none", () => {
    const ran = plan("9.9.9", { UV_DEFAULT_INDEX: "http://127.0.0.1:9/simple" });
    expect(ran.status).toBe(0);
    expect(ran.stderr).toContain("Whether there is vllm 9.9.9 is not known");
    expect(
      plan("9.9.9", { UV_DEFAULT_INDEX: "http://127.0.0.1:9/simple", UV_OFFLINE: "1" }).stderr,
    ).not.toContain("is not known");
  });
});

test("every command has --help with all its options", () => {
  for (const [name, command] of Object.entries(COMMANDS)) {
    const ran = wheels([name, "--help"]);
    expect(ran.status).toBe(0);
    for (const option of Object.keys(command.options)) expect(ran.stdout).toContain(`--${option}`);
  }
});

test("plan --json lists a job per variant and Python, with runner labels", () => {
  const ran = wheels(["plan", "--source=sample", "--python-version=3.11-3.12", "--json"]);
  const { plan } = JSON.parse(ran.stdout) as { plan: { id: string; runnerLabels: string[] }[] };
  expect(plan).toHaveLength(10);
  expect(plan.find(({ id }) => id === "cp312-vllm-cpu-avx512vnni")?.runnerLabels).toEqual([
    "self-hosted",
    "linux",
    "x64",
    "avx512",
    "avx512vnni",
  ]);
});

test("doctor says what can be built and what can be run", () => {
  const ran = wheels(["doctor", "--json"]);
  const report = JSON.parse(ran.stdout) as { variants: { variant: string; cannotBuild: string | null }[] };
  const x86 = report.variants.filter(({ variant }) => !variant.endsWith("aarch64"));
  expect(x86).toHaveLength(5);
  expect(x86.every(({ cannotBuild }) => cannotBuild === null)).toBe(true);
});

describe("an index of torch that is of no use", () => {
  const build = (index: string): Ran =>
    wheels(
      [
        "run",
        "--variant=vllm-cpu",
        "--source=sample",
        `--torch-index-url=${index}`,
        `--output-dir=${scratch()}`,
        "--json",
      ],
      {
        env: { UV_HTTP_RETRIES: "0", UV_HTTP_TIMEOUT: "3" },
      },
    );
  test("because it is down", () => {
    const ran = build("http://127.0.0.1:9/simple");
    expect([errorOf(ran).code, ran.status]).toEqual(["E_TORCH_INDEX", 4]);
    expect(ran.stderr).toContain("[ERROR] Failed to install PyTorch CPU-only");
  });
  test("and its password is never shown", () => {
    const index = "http://someone:hunter2@127.0.0.1:9/simple";
    for (const more of [["--dry-run"], []]) {
      const ran = wheels(
        [
          "run",
          "--variant=vllm-cpu",
          "--source=sample",
          `--torch-index-url=${index}`,
          `--output-dir=${scratch()}`,
          ...more,
        ],
        {
          env: { UV_HTTP_RETRIES: "0", VLLM_CPU_WHEELS_DEBUG: "1" },
        },
      );
      expect(ran.stdout + ran.stderr).toContain("127.0.0.1:9/simple");
      expect(ran.stdout + ran.stderr).not.toContain("hunter2");
    }
  });
  test("because there is no such folder", () =>
    expect(errorOf(build("/nowhere")).code).toBe("E_TORCH_INDEX"));
  test("because it has no torch", () => expect(errorOf(build(scratch())).code).toBe("E_TORCH_NOT_FOUND"));
  test("because it has no such version", () => {
    const ran = wheels([
      "run",
      "--variant=vllm-cpu",
      "--source=sample",
      `--torch-index-url=${torchFolder}`,
      "--torch-version=9.9.9",
      `--output-dir=${scratch()}`,
      "--json",
    ]);
    expect(errorOf(ran).code).toBe("E_TORCH_NOT_FOUND");
  });
});

test("every error code is used somewhere in the sources", () => {
  const sources = exec("git", ["grep", "-ohE", '"E_[A-Z_]+"', "--", "src", ":!src/errors"], {
    cwd: root,
  }).stdout;
  const used = new Set(sources.split("\n").map((line) => line.replaceAll('"', "")));
  expect(Object.keys(CATALOGUE).filter((code) => !used.has(code))).toEqual([]);
  expect(existsSync(join(root, "docs", "errors.md"))).toBe(true);
});

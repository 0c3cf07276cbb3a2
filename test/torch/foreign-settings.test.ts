import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { countingSettings, foreignSettings, withoutForeignSettings } from "../../src/host/tool-settings.ts";
import { tool } from "../support/publish.ts";
import { cli, exec, type Ran, removeScratch, scratch, torchFolder } from "../support/run.ts";
import { tinyWheel } from "../support/wheel.ts";

const uv = tool("uv");
let cache = "";

beforeAll(() => {
  cache = scratch();
});
afterAll(removeScratch);

/** What a value does most harm as: a path to nothing, a yes, a number, a word that nobody takes. */
const HARM = ["/nonexistent/vcw", "1", "vcw-nonsense"] as const;

/** Every variable that this uv knows: of its texts, and of the help of each command that is run here. */
function variablesOfUv(): string[] {
  const commands = [
    ["venv"],
    ["pip", "install"],
    ["pip", "compile"],
    ["tool", "run"],
    ["run"],
    ["build"],
    ["python", "find"],
  ];
  const help = commands.map((words) => exec(uv, ["help", "--no-pager", ...words]).stdout).join();
  const binary = readFileSync(uv, "latin1");
  const names = [...help.matchAll(/\bUV_[A-Z0-9_]+/g), ...binary.matchAll(/UV_[A-Z][A-Z0-9_]{2,60}/g)];
  return [...new Set(names.map(([name]) => name))];
}

/** Every option that this pip takes from a variable or a settings file. */
function optionsOfPip(): string[] {
  const program = `
from pip._internal.commands import commands_dict, create_command
options = set()
for name in commands_dict:
    parser = create_command(name).parser
    for option in parser.option_list_all:
        options.update(long[2:] for long in option._long_opts)
print("\\n".join(sorted(options)))`;
  return exec("python3", ["-I", "-c", program]).stdout.trim().split("\n");
}

const PYTHON = [
  "PYTHONPATH",
  "PYTHONHOME",
  "PYTHONSTARTUP",
  "PYTHONUSERBASE",
  "PYTHONPLATLIBDIR",
  "PYTHONCASEOK",
  "PYTHONWARNINGS",
  "PYTHONOPTIMIZE",
  "VIRTUAL_ENV",
  "CONDA_PREFIX",
  "SETUPTOOLS_USE_DISTUTILS",
  "RUST_LOG",
];

function harmfulEnv(value: string): Record<string, string> {
  const pip = optionsOfPip().map((option) => `PIP_${option.toUpperCase().replaceAll("-", "_")}`);
  const all = [...variablesOfUv(), ...pip, ...PYTHON].map((name) => [name, value]);
  const harmful = Object.fromEntries(all) as Record<string, string>;
  // What counts may do harm: it is the user's to say.
  return Object.fromEntries(foreignSettings(harmful).map((name) => [name, value]));
}

/** A folder below one of another project, whose settings would stop uv, pip and Python. */
function strangersFolder(): string {
  const top = scratch();
  const below = join(top, "work");
  mkdirSync(below);
  for (const folder of [top, below]) {
    writeFileSync(
      join(folder, "pyproject.toml"),
      '[project]\nname = "stranger"\nversion = "1"\nrequires-python = ">=4"\n[tool.uv]\nrequired-version = "==0.1"\noverride-dependencies = ["torch==0.1"]\n[tool.uv.workspace]\nmembers = ["*"]\n',
    );
    writeFileSync(join(folder, "uv.toml"), 'required-version = "==0.1"\nno-binary = true\n');
    writeFileSync(join(folder, ".python-version"), "2.7\n");
    writeFileSync(join(folder, ".env"), "UV_OFFLINE=1\n");
    writeFileSync(join(folder, "setup.cfg"), "[install]\nprefix = /nonexistent\n");
    for (const module of ["json", "pip", "sysconfig", "logging", "site", "sitecustomize"])
      writeFileSync(join(folder, `${module}.py`), `raise SystemExit("a stranger's ${module}")\n`);
  }
  return below;
}

interface Setup {
  torch: string;
  packages: string[];
}

const setup = (cwd: string, env: NodeJS.ProcessEnv): Ran => {
  const args = [
    "setup",
    join(scratch(), "v"),
    `--cache-dir=${cache}`,
    `--torch-index-url=${torchFolder}`,
    "--json",
  ];
  return exec(process.execPath, [cli, ...args], { cwd, env });
};

test("the lists hold what they must", () => {
  expect(variablesOfUv()).toEqual(
    expect.arrayContaining(["UV_OFFLINE", "UV_OVERRIDE", "UV_CONSTRAINT", "UV_PYTHON"]),
  );
  expect(variablesOfUv().length).toBeGreaterThan(80);
  expect(optionsOfPip()).toEqual(
    expect.arrayContaining(["target", "user", "prefix", "require-hashes", "no-deps"]),
  );
  expect(Object.keys(harmfulEnv("1")).length).toBeGreaterThan(150);
});

test("setup makes the same environment, whatever is set and wherever it is started", () => {
  const plain = setup(scratch(), {});
  const expected = JSON.parse(plain.stdout) as Setup;
  expect([plain.status, expected.torch]).toEqual([0, "2.13.0+cpu"]);
  const ran = setup(strangersFolder(), harmfulEnv(HARM[0]));
  expect([ran.status, ran.stderr]).toEqual([0, expect.stringContaining("do not count here")]);
  const found = JSON.parse(ran.stdout) as Setup;
  expect([found.torch, found.packages]).toEqual([expected.torch, expected.packages]);
  expect(ran.stderr).toMatch(/do not count here .*PIP_TARGET.*UV_OFFLINE/);
}, 600_000);

test.each(HARM.slice(1))(
  "verify proves the same with %s everywhere",
  (value) => {
    const { fileName, bytes } = tinyWheel();
    const wheel = join(scratch(), fileName);
    writeFileSync(wheel, bytes);
    const verify = (cwd: string, env: NodeJS.ProcessEnv): unknown => {
      const args = [
        "verify",
        wheel,
        "--level=import",
        `--cache-dir=${cache}`,
        `--torch-index-url=${torchFolder}`,
        "--json",
      ];
      const { stdout } = exec(process.execPath, [cli, ...args], { cwd, env });
      const { results } = JSON.parse(stdout) as { results: { checks: { id: string; result: string }[] }[] };
      return results[0]?.checks.map(({ id, result }) => `${id} ${result}`);
    };
    const expected = verify(scratch(), {});
    expect(expected).toContain("runtime.resolve pass");
    expect(verify(strangersFolder(), harmfulEnv(value))).toEqual(expected);
  },
  900_000,
);

test("the user's uv.toml and pip.conf count for where packages come from, and for nothing else", () => {
  const home = scratch();
  const index = scratch();
  for (const folder of ["uv", "pip"]) mkdirSync(join(home, folder));
  const places = `find-links = ["${index}"]\nno-index = true\n`;
  writeFileSync(
    join(home, "uv", "uv.toml"),
    `${places}override-dependencies = ["torch==0.1"]\noffline = true\n`,
  );
  writeFileSync(
    join(home, "pip", "pip.conf"),
    "[global]\ntarget = /nonexistent\nrequire-hashes = true\nquiet = 3\n",
  );
  // All that torch needs is nowhere: with these settings uv has to say so, and which settings led to it.
  const ran = setup(scratch(), { XDG_CONFIG_HOME: home, UV_CACHE_DIR: scratch(), PIP_FIND_LINKS: "" });
  const { error } = JSON.parse(ran.stdout) as { error: { code: string; why: string } };
  expect([error.code, ran.status]).toEqual(["E_TORCH_NOT_FOUND", 4]);
  expect(error.why).toContain("find-links (uv.toml)");
  expect(error.why).toContain("UV_CACHE_DIR");
  expect(error.why).not.toContain("offline");
}, 120_000);

test("an error that a setting caused names it", () => {
  const env = {
    UV_DEFAULT_INDEX: "http://127.0.0.1:9/simple",
    UV_CACHE_DIR: scratch(),
    PIP_FIND_LINKS: "",
    PIP_CONFIG_FILE: "/dev/null",
  };
  const ran = setup(scratch(), env);
  const { error } = JSON.parse(ran.stdout) as { error: { code: string; why: string } };
  expect([error.code, ran.status]).toEqual(["E_TORCH_INDEX", 4]);
  expect(error.why).toContain("UV_DEFAULT_INDEX");
}, 120_000);

test("a place that a settings file names by a relative path is meant from that file", () => {
  const home = scratch();
  mkdirSync(join(home, "uv", "wheels"), { recursive: true });
  const { fileName, bytes } = tinyWheel();
  writeFileSync(join(home, "uv", "wheels", fileName), bytes);
  writeFileSync(join(home, "uv", "uv.toml"), 'find-links = ["./wheels"]\nno-index = true\n');
  const ran = setup(scratch(), { XDG_CONFIG_HOME: home, UV_CACHE_DIR: scratch(), PIP_FIND_LINKS: "" });
  // That folder exists for uv, or it would complain of the path.
  expect(ran.stdout).not.toMatch(/wheels.*(not|No such)/);
  expect(ran.status).toBe(4);
}, 120_000);

test("no settings of git, compilers and ccache pass that change what is built", () => {
  const env = {
    CPATH: "/x",
    CCACHE_PREFIX: "evil",
    CMAKE_BUILD_TYPE: "Debug",
    GIT_DIR: "/y",
    GIT_SSH_COMMAND: "ssh -i key",
    LDFLAGS: "-z",
    HOME: "/home/me",
    HTTPS_PROXY: "http://p",
    PIP_USE_FEATURE: "truststore",
  };
  expect(Object.keys(withoutForeignSettings(env)).sort()).toEqual([
    "GIT_SSH_COMMAND",
    "HOME",
    "HTTPS_PROXY",
    "PIP_USE_FEATURE",
  ]);
  expect(foreignSettings({ ...env, UV_OFFLINE: "" })).toEqual([
    "CCACHE_PREFIX",
    "CMAKE_BUILD_TYPE",
    "CPATH",
    "GIT_DIR",
    "LDFLAGS",
  ]);
  expect(countingSettings({ ...env, UV_INDEX_MINE_PASSWORD: "secret" }, "uv")).toEqual([
    "HTTPS_PROXY",
    "UV_INDEX_MINE_PASSWORD",
  ]);
});

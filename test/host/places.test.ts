import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { DoctorReport } from "../../src/build/doctor.ts";
import { makeDir } from "../../src/host/files.ts";
import { cli, exec, type Ran, removeScratch, scratch, torchFolder } from "../support/run.ts";
import { tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

interface ErrorDocument {
  error: { code: string; what: string; why: string; remedy: string };
}

/** Runs the bundle where a file system of its own lies over a folder; nobody else sees it. */
function mounted(folder: string, options: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Ran {
  const script = `mount -t tmpfs -o ${options} none "$0" && exec "$@"`;
  return exec("unshare", ["-rm", "sh", "-c", script, folder, process.execPath, cli, ...args], { env });
}

const can = exec("unshare", ["-rm", "sh", "-c", 'mount -t tmpfs none "$0"', scratch()]).status === 0;
const withMounts = can ? test : test.skip;
const named = (what: string): string => (can ? what : `${what}: not-run: can't mount`);

function wheelIn(folder: string): string {
  const { fileName, bytes } = tinyWheel();
  const path = join(folder, fileName);
  writeFileSync(path, bytes);
  return path;
}

const FULL = "size=1m";
const UNFIT: readonly (readonly [string, string, string, RegExp])[] = [
  ["noexec", "noexec,size=300m", "E_FOLDER_UNFIT", /mounted noexec/],
  ["read-only", "ro", "E_FOLDER_UNFIT", /mounted read-only/],
  ["full", FULL, "E_DISK_FULL", /No space is left/],
];

describe.each(UNFIT)("on a file system that is %s", (_kind, options, code, what) => {
  describe.each(["TMPDIR", "--cache-dir"])("%s", (where) => {
    const prepare = (): { folder: string; args: string[]; env: NodeJS.ProcessEnv } => {
      const folder = scratch();
      const isCache = where === "--cache-dir";
      return {
        folder,
        args: [`--cache-dir=${isCache ? folder : scratch()}`, `--torch-index-url=${torchFolder}`, "--json"],
        env: isCache ? {} : { TMPDIR: folder },
      };
    };
    const expectFault = (ran: Ran, folder: string): void => {
      const { error } = JSON.parse(ran.stdout) as ErrorDocument;
      expect([error.code, ran.status]).toEqual([code, 3]);
      expect(error.what).toMatch(what);
      expect(error.what).toContain(folder);
      expect(error.remedy).toContain(where);
    };

    withMounts(named("verify says that the machine can't, and holds nothing against the wheel"), () => {
      const { folder, args, env } = prepare();
      expectFault(
        mounted(folder, options, ["verify", wheelIn(scratch()), "--level=import", ...args], env),
        folder,
      );
    });

    withMounts(named("setup, too, and leaves no environment"), () => {
      const { folder, args, env } = prepare();
      expectFault(mounted(folder, options, ["setup", join(scratch(), "venv"), ...args], env), folder);
    });
  });
});

// Node's own recursive mkdir never ends below /proc: its parent is there, and the kernel says ENOENT all the same.
describe("below /proc, where no folder can be made", () => {
  test.each<[string, string[], NodeJS.ProcessEnv, string]>([
    ["TMPDIR", ["setup", "/nonexistent/venv"], { TMPDIR: "/proc/nowhere" }, "E_FOLDER_UNFIT"],
    ["--cache-dir", ["setup", "/nonexistent/venv", "--cache-dir=/proc/nowhere/cache"], {}, "E_FOLDER_UNFIT"],
    ["the folder to publish to", ["publish", wheelIn(scratch()), "--to=/proc/nowhere/index"], {}, ""],
    ["the environment's", ["setup", "/proc/nowhere/venv", `--torch-index-url=${torchFolder}`], {}, ""],
  ])("%s: the run ends with an error", (_what, args, env, code) => {
    const ran = exec("timeout", ["-s", "KILL", "60", process.execPath, cli, ...args, "--json"], { env });
    const { error } = JSON.parse(ran.stdout) as ErrorDocument;
    expect(error.code).toMatch(code || /^E_/);
    expect(error.remedy).not.toBe("");
  });

  test.each([["/proc/nowhere/a/b"], ["/proc/self/nowhere"], ["/sys/nowhere"], ["/dev/null/below"]])(
    "%s is not made, and the error says where",
    async (path) => {
      await expect(makeDir(path)).rejects.toMatchObject({
        code: expect.stringMatching(/^E_(OUTPUT_DIR|FOREIGN_OWNER)$/),
      });
    },
  );
});

test("many that make one folder at once all find it made", async () => {
  const path = join(scratch(), "a", "b", "c");
  await Promise.all(Array.from({ length: 32 }, () => makeDir(path)));
  expect(statSync(path).isDirectory()).toBe(true);
});

withMounts(named("doctor asks the same, and gives the remedy as the next step"), () => {
  const folder = scratch();
  const args = ["doctor", "--json", `--torch-index-url=${torchFolder}`];
  const env = { TMPDIR: folder, PIP_INDEX_URL: "http://127.0.0.1:9/", PIP_CONFIG_FILE: "/dev/null" };
  const ran = mounted(folder, "noexec", args, env);
  const report = JSON.parse(ran.stdout) as DoctorReport;
  expect(ran.status).toBe(0);
  expect(report.problems.map(({ code }) => code)).toEqual(["E_FOLDER_UNFIT"]);
  expect(report.next).toContain("TMPDIR");
});

withMounts(named("an environment on a file system that is noexec is not one without torch"), () => {
  const folder = scratch();
  const script = `mount -t tmpfs none "$0" && python3 -m venv --without-pip "$0/v" && mount -o remount,noexec "$0" && exec "$@"`;
  const args = ["verify", `--environment=${join(folder, "v")}`, "--json"];
  const ran = exec("unshare", ["-rm", "sh", "-c", script, folder, process.execPath, cli, ...args]);
  expect([(JSON.parse(ran.stdout) as ErrorDocument).error.code, ran.status]).toEqual(["E_FOLDER_UNFIT", 3]);
});

withMounts(named("nor does setup make one there"), () => {
  const folder = scratch();
  const args = [
    "setup",
    join(folder, "v"),
    `--cache-dir=${scratch()}`,
    `--torch-index-url=${torchFolder}`,
    "--json",
  ];
  const ran = mounted(folder, "noexec", args);
  expect([(JSON.parse(ran.stdout) as ErrorDocument).error.code, ran.status]).toEqual(["E_FOLDER_UNFIT", 3]);
});

test("a temporary folder that is not there is the machine's fault", () => {
  const args = ["setup", join(scratch(), "v"), `--cache-dir=${scratch()}`, "--json"];
  const ran = exec(process.execPath, [cli, ...args], { env: { TMPDIR: join(scratch(), "gone") } });
  expect([(JSON.parse(ran.stdout) as ErrorDocument).error.code, ran.status]).toEqual(["E_FOLDER_UNFIT", 3]);
});

describe("a tool that is there and does not work is not told as one that is not there", () => {
  const withTool = (name: string, script: string, mode = 0o755): NodeJS.ProcessEnv => {
    const bin = scratch();
    writeFileSync(join(bin, name), script);
    chmodSync(join(bin, name), mode);
    return { PATH: `${bin}:${process.env["PATH"]}` };
  };
  const QUICK = { PIP_INDEX_URL: "http://127.0.0.1:9/", PIP_CONFIG_FILE: "/dev/null" };
  const BROKEN = "#!/bin/sh\necho 'symbol lookup error: undefined symbol' >&2\nexit 127\n";
  const build = (env: NodeJS.ProcessEnv): Ran => {
    const args = ["build", "--variant=vllm-cpu", "--source=sample", `--cache-dir=${scratch()}`, "--json"];
    return exec(process.execPath, [cli, ...args, `--output-dir=${scratch()}`], { env: { ...QUICK, ...env } });
  };

  test.each([
    ["that fails", "#!/bin/sh\necho 'cc1plus: out of order' >&2\nexit 1\n", 0o755, "E_COMPILER_BROKEN"],
    ["that tells no version", "#!/bin/sh\necho hello\n", 0o755, "E_COMPILER_BROKEN"],
    ["that may not be started", BROKEN, 0o644, "E_TOOL_NOT_ALLOWED"],
    ["that is an empty file", "", 0o755, "E_TOOL_BROKEN"],
  ])("a compiler %s", (_what, script, mode, code) => {
    const bin = scratch();
    const cxx = join(bin, "g++-of-mine");
    writeFileSync(cxx, script);
    chmodSync(cxx, mode);
    const ran = build({ CXX: cxx });
    expect([(JSON.parse(ran.stdout) as ErrorDocument).error.code, ran.status]).toEqual([code, 3]);
  });

  test("a Python that ends with an error, and no other one", () => {
    const bin = scratch();
    for (const name of ["python3", "python"]) {
      writeFileSync(join(bin, name), "#!/bin/sh\necho \"No module named 'encodings'\" >&2\nexit 1\n");
      chmodSync(join(bin, name), 0o755);
    }
    const ran = build({ PATH: `${bin}:${process.env["PATH"]}` });
    const { error } = JSON.parse(ran.stdout) as ErrorDocument;
    expect([error.code, ran.status]).toEqual(["E_PYTHON_BROKEN", 3]);
    expect(error.why).toContain("encodings");
  });

  test("a uv on PATH that does not work is named, and another one is used", () => {
    const args = ["setup", join(scratch(), "v"), `--cache-dir=${scratch()}`, "--json"];
    const env = { ...withTool("uv", BROKEN), ...QUICK, PIP_FIND_LINKS: "" };
    const ran = exec(process.execPath, [cli, ...args], { env });
    expect(ran.stderr).toMatch(/uv is not used: it ended with status 127: symbol lookup error/);
  });

  test("a settings file of pip that pip can't read", () => {
    const conf = join(scratch(), "pip.conf");
    writeFileSync(conf, "[global\nindex-url = x\n");
    const args = ["setup", join(scratch(), "v"), `--cache-dir=${scratch()}`, "--json"];
    const ran = exec(process.execPath, [cli, ...args], { env: { PIP_CONFIG_FILE: conf } });
    const { error } = JSON.parse(ran.stdout) as ErrorDocument;
    expect([error.code, ran.status]).toEqual(["E_TOOL_SETTINGS", 2]);
    expect(error.what + error.why).toContain(conf);
  });

  test("a settings file of uv that is no TOML", () => {
    const home = scratch();
    mkdirSync(join(home, "uv"));
    writeFileSync(join(home, "uv", "uv.toml"), "index-url = \n");
    const args = ["setup", join(scratch(), "v"), `--cache-dir=${scratch()}`, "--json"];
    const ran = exec(process.execPath, [cli, ...args], { env: { XDG_CONFIG_HOME: home } });
    const { error } = JSON.parse(ran.stdout) as ErrorDocument;
    expect([error.code, ran.status]).toEqual(["E_TOOL_SETTINGS", 2]);
    expect(error.what).toContain(join(home, "uv", "uv.toml"));
  });
});

import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { WheelsError } from "../../src/errors/wheels-error.ts";
import { meaning, type RunOptions, type RunResult, run } from "../../src/host/process.ts";
import { quietHost } from "../support/network-host.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";

const host = quietHost();

afterAll(removeScratch);

type Case = readonly [what: string, make: () => string, code: string, why: RegExp];

const start = (command: string, args: string[] = [], options: Partial<RunOptions> = {}): Promise<RunResult> =>
  run(host, command, args, { env: process.env, ...options });

async function errorOf(work: Promise<unknown>): Promise<WheelsError> {
  const thrown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(thrown instanceof WheelsError)) throw new Error(`not a WheelsError: ${String(thrown)}`);
  return thrown;
}

function program(content: string | Uint8Array, mode = 0o755, name = "program"): string {
  const path = join(scratch(), name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

/** A program of another architecture: this machine's own, with another number in its header. */
function foreign(): string {
  const bytes = Uint8Array.from(readFileSync("/bin/true"));
  new DataView(bytes.buffer).setUint16(18, 243, true);
  return program(bytes);
}

/** What happens where there is no preflight: does the shell start it? */
const shellStarts = (path: string): number | null => exec("sh", ["-c", '"$1"', "sh", path]).status;

describe("a program that can't be started says why, and it is the machine's fault", () => {
  const cases: readonly Case[] = [
    ["none such on PATH", () => "vcw-no-such-program", "E_TOOL_MISSING", /not on PATH/],
    ["none such by path", () => "/nowhere/program", "E_TOOL_MISSING", /no such file/],
    ["a folder", () => scratch(), "E_TOOL_MISSING", /no such file/],
    ["no permission", () => program("#!/bin/sh\n", 0o644), "E_TOOL_NOT_ALLOWED", /mode 0644/],
    ["another architecture", foreign, "E_TOOL_ARCHITECTURE", /emulator/],
    ["an empty file", () => program(""), "E_TOOL_BROKEN", /empty/],
    ["binary rubbish", () => program(Uint8Array.of(1, 0, 2, 0)), "E_TOOL_BROKEN", /neither/],
    [
      "a script without its interpreter",
      () => program("#!/no/python\n"),
      "E_TOOL_BROKEN",
      /wants \/no\/python/,
    ],
    [
      "a link to nothing",
      () => {
        const path = join(scratch(), "link");
        symlinkSync("/nowhere", path);
        return path;
      },
      "E_TOOL_MISSING",
      /no such file/,
    ],
  ];
  test.each(cases)("%s", async (_what, make, code, why) => {
    const error = await errorOf(start(make()));
    expect([error.code, error.exit]).toEqual([code, 3]);
    expect(error.why).toMatch(why);
  });

  test("the shell would not start them either, or would take them for empty scripts", () => {
    expect([foreign(), program(""), program("#!/no/python\n")].map(shellStarts)).toEqual([
      expect.any(Number),
      0,
      127,
    ]);
  });

  test("a working folder that is gone is not taken for a missing program", async () => {
    const error = await errorOf(start("true", [], { cwd: "/nowhere/at/all" }));
    expect([error.code, error.exit]).toEqual(["E_FOLDER_UNFIT", 3]);
  });

  test("arguments that the kernel does not take", async () => {
    const error = await errorOf(start("true", ["x".repeat(4 * 1024 * 1024)]));
    expect([error.code, error.exit]).toEqual(["E_TOOL_LIMIT", 3]);
  });

  test("the first on PATH that may be started is started, as the shell does", async () => {
    const [closed, open] = [scratch(), scratch()];
    writeFileSync(join(closed, "tool"), "#!/bin/sh\necho closed\n", { mode: 0o644 });
    writeFileSync(join(open, "tool"), "#!/bin/sh\necho open\n", { mode: 0o755 });
    const env = { PATH: [closed, open, process.env["PATH"]].join(delimiter) };
    expect((await start("tool", [], { env })).stdout).toBe(exec("sh", ["-c", "tool"], { env }).stdout);
    const error = await errorOf(start("tool", [], { env: { PATH: closed } }));
    expect(error.code).toBe("E_TOOL_NOT_ALLOWED");
  });

  test("a script without a first line is one for the shell", async () => {
    expect((await start(program("echo said\n"))).stdout).toBe("said\n");
  });

  test("a program is told the name that it was called by", async () => {
    const folder = scratch();
    copyFileSync("/bin/sh", join(folder, "named"));
    const env = { PATH: folder };
    expect((await start("named", ["-c", "echo $0"], { env })).stdout).toBe("named\n");
  });
});

describe("a program that was killed has answered nothing", () => {
  test.each([["SIGKILL"], ["SIGSEGV"], ["SIGILL"], ["SIGABRT"], ["SIGBUS"]])("by %s", async (signal) => {
    const error = await errorOf(start("sh", ["-c", `echo words >&2; kill -s ${signal.slice(3)} $$`]));
    expect([error.code, error.exit]).toEqual(["E_TOOL_KILLED", 3]);
    expect([error.what, error.why]).toEqual([`sh was ended by ${signal}.`, "words"]);
  });

  test("what it started was killed", async () => {
    const error = await errorOf(start("sh", ["-c", "exit 137"]));
    expect(error.what).toBe("What sh started was ended by SIGKILL.");
  });

  test("a caller may judge a signal, but for the one that the kernel sends for want of memory", async () => {
    const faulted = await start("sh", ["-c", "kill -s ILL $$"], { judgesSignals: true });
    expect(faulted.signal).toBe("SIGILL");
    const error = await errorOf(start("sh", ["-c", "kill -s KILL $$"], { judgesSignals: true }));
    expect(error.code).toBe("E_TOOL_KILLED");
  });

  test("one that we stopped at its time limit was not killed by others", async () => {
    expect((await start("sleep", ["30"], { timeout: 100 })).timedOut).toBe(true);
  });
});

test("a status that has no meaning is an error with the program's words", async () => {
  const result = await start("sh", ["-c", "echo asked >&2; exit 5"]);
  const read = (meanings: Record<number, string>): string =>
    meaning(result, meanings, (words) => new Error(`it said ${words}`));
  expect(read({ 0: "yes", 5: "five" })).toBe("five");
  expect(() => read({ 0: "yes", 1: "no" })).toThrow("it said asked");
});

const inMount = (options: string, folder: string, command: readonly string[]): string[] => [
  "-rm",
  "sh",
  "-c",
  `mount -t tmpfs -o ${options} none "$0" && exec "$@"`,
  folder,
  ...command,
];
const canMount = exec("unshare", inMount("noexec", scratch(), ["true"])).status === 0;

(canMount ? test : test.skip)(
  `a program on a file system that is mounted noexec${canMount ? "" : ": not-run: can't mount"}`,
  () => {
    const folder = join(scratch(), "with space");
    mkdirSync(folder);
    const cxx = join(folder, "c++");
    const program = `
      import { locateProgram } from ${JSON.stringify(join(process.cwd(), "src/host/programs.ts"))};
      try { await locateProgram("c++", ${JSON.stringify(folder)}, "/"); } catch (error) { console.log(error.code, error.why); }
    `;
    const ran = exec(
      "unshare",
      inMount("noexec", folder, [
        "sh",
        "-c",
        `cp /bin/true "${cxx}" && exec "$@"`,
        "sh",
        process.execPath,
        "--import",
        "tsx",
        "--input-type=module",
        "-e",
        program,
      ]),
    );
    expect(ran.stdout).toBe(
      `E_TOOL_NOT_ALLOWED The file system at ${folder} is mounted noexec, so nothing on it can be started.\n`,
    );
  },
  60_000,
);

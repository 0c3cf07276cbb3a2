import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { type AskRequest, ask } from "../support/ask.ts";
import { removeScratch, scratch } from "../support/run.ts";

afterAll(removeScratch);

const folder = scratch();

/** A program in a folder whose name needs care on a command line. */
function program(name: string, text: string): string {
  mkdirSync(join(folder, 'a "b" c\\d'), { recursive: true });
  const path = join(folder, 'a "b" c\\d', name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

function of(name: string, content: string | Uint8Array, mode: number): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

/** A program by its header, for the architecture that this machine is not: S/390. */
function foreignProgram(): Uint8Array {
  const header = Buffer.alloc(64);
  header.write("\x7fELF", "latin1");
  // 64 bits, big-endian, version 1.
  header.set([2, 2, 1], 4);
  header.writeUInt16BE(2, 16);
  header.writeUInt16BE(22, 18);
  return header;
}

function mine(): string {
  const place = join(folder, "mine-alone");
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "mine"), "#!/bin/sh\necho mine\n");
  chmodSync(join(place, "mine"), 0o755);
  return place;
}

describe("a terminal and an action say the same of a program", () => {
  test.each<[string, AskRequest]>([
    ["that ends well", { command: "sh", args: ["-c", "echo out; echo err >&2"] }],
    ["that fails", { command: "sh", args: ["-c", "echo out; echo err >&2; exit 7"] }],
    ["that a signal ends", { command: "sh", args: ["-c", "kill -9 $$"] }],
    ["that is not there", { command: "no-such-program", args: [] }],
    ["that is not at its path", { command: "/nonexistent/program", args: ["--version"] }],
    ["whose path has blanks and quotes", { command: program("x", "echo found"), args: [] }],
    [
      "whose arguments are a shell's business",
      { command: "printf", args: ["%s\n", "a b", "$HOME", "'\"`;|&\\", ""] },
    ],
    ["whose arguments have several lines", { command: "printf", args: ["%s\n", "one\ntwo"] }],
    ["in another folder", { command: "pwd", args: [], cwd: "/usr" }],
    ["with a variable", { command: "sh", args: ["-c", 'echo "$OF_MINE"'], env: { OF_MINE: "ä ::x::" } }],
    ["with much output", { command: "sh", args: ["-c", "seq 1 100000"] }],
    ["that may not be started", { command: of("closed", "#!/bin/sh\n", 0o644), args: [] }],
    ["that is a folder", { command: folder, args: [] }],
    ["that is empty", { command: of("empty", "", 0o755), args: [] }],
    ["that is made for another machine", { command: of("foreign", foreignProgram(), 0o755), args: [] }],
    ["that is run by what is not there", { command: of("orphan", "#!/nonexistent/sh\n", 0o755), args: [] }],
    ["in a folder that is gone", { command: "pwd", args: [], cwd: join(folder, "gone") }],
    ["in a folder that is none", { command: "pwd", args: [], cwd: of("file", "", 0o644) }],
    ["on the PATH that it is given", { command: "mine", args: [], env: { PATH: mine() } }],
    ["whose child was killed", { command: "sh", args: ["-c", "exit 137"] }],
    ["that is cancelled", { command: "sleep", args: ["20"], abortAfter: 700 }],
  ])("%s", (_what, request) => {
    const { terminal, action } = ask(request);
    const { seconds: _one, ...expected } = terminal;
    const { seconds, ...said } = action;
    expect(said).toEqual(expected);
    expect(seconds).toBeLessThan(15);
  });

  test("without a variable that is not handed over", () => {
    const request = { command: "sh", args: ["-c", 'echo "${HOME-none}"'], env: { HOME: "/elsewhere" } };
    expect(ask(request).action.stdout).toBe("/elsewhere\n");
  });
});

test.each([
  ["not there", "/nonexistent/program", "E_TOOL_MISSING"],
  ["not allowed", of("closed-2", "#!/bin/sh\n", 0o644), "E_TOOL_NOT_ALLOWED"],
  ["of another machine", of("foreign-2", foreignProgram(), 0o755), "E_TOOL_ARCHITECTURE"],
  ["broken", of("orphan-2", "#!/nonexistent/sh\n", 0o755), "E_TOOL_BROKEN"],
])("a program that is %s has that for its error in an action, too", (_what, command, code) => {
  expect(ask({ command, args: [] }).action.error).toBe(code);
});

describe("the log of an action", () => {
  test("has the command, and what the program says", () => {
    const { lines } = ask({
      command: "sh",
      args: ["-c", "echo out; echo err >&2; sleep 0.5; printf unfinished"],
    });
    expect(lines[0]).toMatch(/^\[command\]\/.*\/sh -c echo out/);
    expect(lines.slice(1, 3).sort()).toEqual(["err", "out"]);
    expect(lines.slice(3)).toEqual(["unfinished"]);
  });

  test("has no output of a program that may tell a password", () => {
    const { lines, action } = ask({ command: "echo", args: ["s3cr3t"].slice(1), isSecret: true });
    expect(action.stdout).toBe("\n");
    expect(lines).toEqual([expect.stringMatching(/^\[command\]\/.*\/echo$/)]);
    const told = ask({
      command: "sh",
      args: ["-c", 'echo "$KEPT"'],
      env: { KEPT: "s3cr3t" },
      isSecret: true,
    });
    expect(told.action.stdout).toBe("s3cr3t\n");
    expect(told.lines.join("\n")).not.toContain("s3cr3t");
  });

  test.each([
    ["in its output", ["-c", "echo '::add-path::/evil'; echo '  ::set-output name=a::b'; echo '##[error]x'"]],
    ["in pieces", ["-c", "printf ':'; sleep 0.3; printf ':add-path:'; sleep 0.3; echo ':/evil'"]],
    ["behind a carriage return", ["-c", "printf 'x\\r::add-path::/evil\\n'"]],
    ["in its arguments", ["-c", "true", "\n::add-path::/evil"]],
    ["in its errors", ["-c", "echo '::add-path::/evil' >&2"]],
  ])("has no command for the runner that a program says %s", (_where, args) => {
    const { lines } = ask({ command: "sh", args });
    for (const line of lines.flatMap((text) => text.split(/[\r\n]/))) {
      expect(line).not.toMatch(/^\s*::/);
      expect(line).not.toContain("##[");
    }
    expect(lines.join("\n")).toMatch(/evil|error|true/);
  });
});

import { afterAll, expect, test } from "@jest/globals";
import { exec, interrupted, removeScratch, start, works } from "../support/run.ts";

afterAll(removeScratch);

const KILLED = ["-c", "kill -9 $$"];

test("a program that is not there is no empty output", () => {
  expect(() => exec("no-such-program", [])).toThrow("no-such-program was not run");
  expect(works("no-such-program", [])).toBe(false);
});

test("a program that was killed is no empty output, unless the test means it", () => {
  expect(() => exec("sh", KILLED)).toThrow("killed by SIGKILL");
  expect(exec("sh", KILLED, { mayBeKilled: true }).status).toBeNull();
  expect(works("sh", KILLED)).toBe(false);
});

test("a folder that is not there is no empty output", () => {
  expect(() => exec("true", [], { cwd: "/nonexistent" })).toThrow("true was not run");
});

test("an interruption at a line that never comes is none", async () => {
  await expect(interrupted(["plan", "--help"], /never/, "SIGINT")).rejects.toThrow(
    "nothing like /never/ came",
  );
  expect((await start(["plan", "--help"]).ended).status).toBe(0);
});

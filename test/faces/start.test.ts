import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { cli, exec, root } from "../support/run.ts";

test("says that Node is too old, before anything that an old one can't load", () => {
  const old = 'Object.defineProperty(process, "versions", { value: { node: "18.20.8" } });';
  const ran = exec(process.execPath, ["--import", `data:text/javascript,${old}`, cli, "doctor"]);
  expect(ran.stderr).toMatch(
    /^\[ERROR\] Node\.js 18\.20\.8 is too old: 20 or newer is needed\n {2}why: .*\n {2}remedy: /,
  );
  expect([ran.status, ran.stdout]).toEqual([3, ""]);
});

test.each(["build_wheels.sh", "test_and_publish.sh"])("%s says that there is no Node", (script) => {
  const ran = exec("/bin/sh", [join(root, script)], { env: { PATH: "/nonexistent" } });
  expect(ran.stderr).toMatch(/^\[ERROR\] Node\.js is missing\. Install version 20 or newer/);
  expect(ran.status).toBe(3);
});

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { removeScratch, scratch, torchFolder, wheels } from "../support/run.ts";

afterAll(removeScratch);

/** A project whose build writes down what it sees, and ends. */
function curiousSource(): string {
  const folder = scratch();
  writeFileSync(
    join(folder, "pyproject.toml"),
    '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "curious"\nversion = "1.0"\n',
  );
  writeFileSync(
    join(folder, "backend.py"),
    'import json, os, pathlib\ndef build_wheel(*args, **kwargs):\n    pathlib.Path(os.environ["SEEN"]).write_text(json.dumps(dict(os.environ)))\n    raise SystemExit("seen")\n',
  );
  return folder;
}

test("a source's build sees neither the user's credentials nor their shell's ISA switches and flags", () => {
  const seen = join(scratch(), "seen.json");
  const secrets = {
    UV_PUBLISH_TOKEN: "pypi-one",
    GITHUB_TOKEN: "ghs-two",
    TWINE_PASSWORD: "three",
    AWS_SESSION_TOKEN: "four",
    UV_INDEX_OWN_PASSWORD: "five",
    SSH_AUTH_SOCK: "/six",
  };
  const foreign = { CXXFLAGS: "-mavx512f", VLLM_CPU_AVX512BF16: "1", CMAKE_ARGS: "-DOTHER=1" };
  const args = ["build", "--variant=vllm-cpu", `--source=${curiousSource()}`, `--output-dir=${scratch()}`];
  const ran = wheels([...args, `--cache-dir=${scratch()}`, `--torch-index-url=${torchFolder}`, "--json"], {
    env: { ...secrets, ...foreign, SEEN: seen, OF_THE_USER: "kept" },
  });
  expect((JSON.parse(ran.stdout) as { error: { code: string } }).error.code).toBe("E_BUILD");
  const env = JSON.parse(readFileSync(seen, "utf8")) as Record<string, string>;
  expect(env["OF_THE_USER"]).toBe("kept");
  for (const name of Object.keys(secrets)) expect([name, env[name]]).toEqual([name, undefined]);
  expect(env["CXXFLAGS"]).toBeUndefined();
  expect(env["VLLM_CPU_AVX512BF16"]).toBeUndefined();
  expect(env["CMAKE_ARGS"]).not.toContain("OTHER");
});

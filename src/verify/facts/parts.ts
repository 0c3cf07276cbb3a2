import { z } from "zod";
import { attempt } from "../../wheel/format-error.ts";
import { isFor, parseRequirement, type Requirement } from "../../wheel/requirement.ts";
import { compareVersions, isVersion } from "../../wheel/version.ts";
import { VLLM_PACKAGE } from "./facts.ts";

/** A part of vLLM's own CPU wheel that a wheel of vLLM does not bring. */
export const lackSchema = z.object({
  part: z.enum(["tcmalloc", "vllm-rs", "triton-cpu"]),
  effect: z.string().describe("What that means to its users"),
});

export type Lack = z.infer<typeof lackSchema>;

interface Brought {
  files: readonly string[];
  requires: readonly Requirement[];
}

/** vLLM's own reading decides what counts: its source says where it looks for each. */
const PARTS: readonly (Lack & { isKnown: (all: Brought) => boolean; isThere: (all: Brought) => boolean })[] =
  [
    {
      part: "tcmalloc",
      effect: "the C library allocates, which is slower with many threads; vLLM looks in vllm/libs alone",
      // vllm/platforms/cpu.py, since vllm-project/vllm#37607.
      isKnown: () => true,
      isThere: ({ files }) => files.some((file) => /^vllm\/libs\/libtcmalloc[^/]*\.so[^/]*$/.test(file)),
    },
    {
      part: "vllm-rs",
      effect: "VLLM_USE_RUST_FRONTEND, VLLM_USE_RUST_BENCH and vllm serve --grpc-port can't be used",
      // vllm/envs.py, _resolve_rust_cli_path.
      isKnown: () => true,
      isThere: ({ files }) =>
        files.some((file) => file === "vllm/vllm-rs" || /^[^/]+\.data\/scripts\/vllm-rs$/.test(file)),
    },
    {
      part: "triton-cpu",
      effect:
        "where nobody installs it, vLLM takes slower ways: without the Triton sampler, and without its model runner V2",
      isKnown: ({ files }) => files.includes("vllm/utils/cpu_triton_utils.py"),
      // vLLM's requirements name it triton, by the address of a build of triton-lang/triton-cpu.
      isThere: ({ requires }) =>
        requires.some(
          (one) =>
            isFor(one, "triton-cpu") ||
            (isFor(one, "triton") && /triton-cpu|\+cpu/.test(one.url ?? one.specifier)),
        ),
    },
  ];

/** The first vLLM that has a CPU wheel of its own. */
const FIRST = "0.17";

/**
 * Parts of vLLM's own CPU wheel that a wheel lacks; none of a wheel that is not vLLM, or is older than vLLM's own.
 * @param files paths in the wheel
 * @param requires Requires-Dist lines; those that can't be read name nothing
 */
export function lacksOf(
  files: readonly string[],
  version: string | null,
  requires: readonly string[],
): Lack[] {
  const isVllm = files.includes(`${VLLM_PACKAGE}/__init__.py`);
  if (!isVllm || version === null || !isVersion(version) || compareVersions(version, FIRST) < 0) return [];
  const brought = {
    files,
    requires: requires.flatMap((line) => attempt(() => parseRequirement(line)) ?? []),
  };
  return PARTS.filter((one) => one.isKnown(brought) && !one.isThere(brought)).map(({ part, effect }) => ({
    part,
    effect,
  }));
}

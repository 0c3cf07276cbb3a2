import { wheelsError } from "../errors/wheels-error.ts";
import { about, complete, type Values } from "./spec.ts";

/** How wheels are built. */
export const HOW = {
  ...about("How to build it", {
    "output-dir": {
      kind: "text",
      placeholder: "DIR",
      default: "./dist",
      aliases: ["dist-dir"],
      help: "The folder where wheels and verdicts go.",
    },
    "onednn-source": {
      kind: "text",
      placeholder: "DIR",
      default: null,
      help: "A checkout or git repository of oneDNN that has the commit which vLLM pins; without it that commit is fetched from GitHub, once.",
    },
    "numactl-source": {
      kind: "text",
      placeholder: "DIR",
      default: null,
      help: "A checkout or git repository of numactl with the release that the recipe pins, of which libnuma is built where --glibc asks for it; without it that release is fetched from GitHub, once.",
    },
    "gperftools-source": {
      kind: "text",
      placeholder: "DIR",
      default: null,
      help: "A checkout or git repository of gperftools with the release that the recipe pins, of which the tcmalloc is built that vLLM's own wheel brings; without it that release is fetched from GitHub, once.",
    },
    resume: { kind: "flag", help: "Go on where a build of the same inputs broke off." },
    fresh: { kind: "flag", byHand: true, help: "Compile anew, whatever earlier builds have left." },
    glibc: {
      kind: "text",
      placeholder: "2.NN",
      default: null,
      byHand: true,
      help: "The glibc that wheels are built for, such as 2.28, whatever this machine has; own for this machine's. Nothing for the recipe's: 2.28 for vLLM, own for other sources.",
    },
    "build-env": {
      kind: "text",
      placeholder: "NAME=VALUE",
      default: null,
      repeats: true,
      help: "A variable to add to the build's environment, which otherwise holds nothing of your shell; given again it adds another one, and an input holds one on each line. It is part of the compile's key and of the verdict.",
    },
    "compiler-cache": {
      kind: "text",
      placeholder: "URL",
      default: null,
      secret: true,
      help: "A server where ccache shares compiled objects, as its remote_storage names it: http://HOST/PATH or redis://HOST; without it CCACHE_REMOTE_STORAGE. A pull request takes from it and leaves nothing there.",
    },
    "keep-debug": { kind: "flag", help: "Keep the debug data of the libraries." },
    "torch-requirement": {
      kind: "text",
      placeholder: "FORM",
      default: "release",
      choices: ["release", "local"],
      help: "The form of the wheel's requirement on torch: release is torch==X, which any index resolves; local is torch==X+cpu.",
    },
    "no-cleanup": { kind: "flag", help: "Keep the scratch folders, for a look at what was built." },
  }),
  ...about("Limits", {
    "max-jobs": {
      kind: "count",
      placeholder: "N",
      default: null,
      auto: true,
      byHand: true,
      help: "The number of compilers at a time, or auto: one a core, and no more than the memory holds.",
    },
  }),
};

const SOURCES = ["onednn", "numactl", "gperftools"] as const;

/** Sources of other projects by name, as far as the user names them. */
export const localSources = (
  given: Record<`${(typeof SOURCES)[number]}-source`, string | null>,
): Record<string, string> =>
  Object.fromEntries(
    SOURCES.flatMap((name) => {
      const place = given[`${name}-source`];
      return place === null ? [] : [[name, place]];
    }),
  );

/** @throws E_OPTION_VALUE */
export function parseHow(given: Partial<Values<typeof HOW>>) {
  const values = complete(HOW, given);
  const { glibc } = values;
  if (glibc !== null && glibc !== "own" && !/^2\.\d{1,3}$/.test(glibc))
    throw wheelsError("E_OPTION_VALUE", {
      option: "--glibc",
      value: glibc,
      expected: "a glibc version such as 2.28, or own",
    });
  return {
    outputDir: values["output-dir"],
    localSources: localSources(values),
    resume: values.resume,
    fresh: values.fresh,
    buildEnv: values["build-env"],
    glibc,
    keepDebug: values["keep-debug"],
    torchRequirement: values["torch-requirement"],
    keepScratch: values["no-cleanup"],
    remoteObjects: values["compiler-cache"],
    maxJobs: values["max-jobs"],
  };
}

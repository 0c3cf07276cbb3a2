import type { LibraryFacts, WheelFacts } from "../facts.ts";
import {
  earnedGlibc,
  exceeding,
  newestVersions,
  PLATFORM_LIBRARIES,
  promisedGlibc,
  TORCH_LIBRARIES,
} from "../platform-policies.ts";
import type { Check } from "../verdict.ts";

const readable = (facts: WheelFacts): LibraryFacts[] =>
  facts.libraries.filter(({ problem }) => problem === null);

/** The libraries need no newer glibc, libstdc++ or libgcc than the platform tag promises. */
export function platformGlibc(facts: WheelFacts): Check {
  const base = { id: "platform.glibc", reference: "PEP 600" } as const;
  const broken = facts.libraries.filter(({ problem }) => problem !== null);
  if (broken.length > 0) {
    return {
      ...base,
      result: "fail",
      detail: broken.map(({ path, problem }) => `${path}: ${problem}`).join("; "),
      evidence: { broken: broken.map(({ path, problem }) => ({ path, problem })) },
      remedy: "A Linux wheel holds 64-bit little-endian ELF libraries only.",
    };
  }
  const newest = newestVersions(readable(facts).flatMap(({ wantedVersions }) => wantedVersions));
  const wrongMachine = readable(facts).filter(
    ({ architecture }) =>
      !facts.platformTags.some((tag) => tag === "any" || tag.endsWith(`_${architecture}`)),
  );
  const earned = earnedGlibc(newest);
  const earnedTag = earned === null ? null : `manylinux_${earned.replace(".", "_")}`;
  const evidence = {
    newest: Object.fromEntries(newest),
    earned: earnedTag,
    platformTags: facts.platformTags,
  };
  if (wrongMachine.length > 0) {
    const detail = wrongMachine.map(({ path, architecture }) => `${path} is ${architecture}`).join("; ");
    return {
      ...base,
      result: "fail",
      detail,
      evidence,
      remedy: "Tag the wheel with the architecture of its libraries.",
    };
  }
  const broken_promises = facts.platformTags.flatMap((tag) => {
    const glibc = promisedGlibc(tag);
    return glibc ? exceeding(newest, glibc).map((excess) => `${tag}: needs ${excess}`) : [];
  });
  if (broken_promises.length > 0) {
    const remedy = earnedTag
      ? `Tag it ${earnedTag} (auditwheel repair does), or build on an older distribution.`
      : "Build on an older distribution.";
    return { ...base, result: "fail", detail: broken_promises.join("; "), evidence, remedy };
  }
  const unpromised = facts.platformTags.filter((tag) => tag.startsWith("linux_"));
  if (unpromised.length > 0 && readable(facts).length > 0) {
    return {
      ...base,
      result: "warn",
      detail: `${unpromised.join(", ")} promises no glibc; the bytes earn ${earnedTag ?? "no manylinux tag"}`,
      evidence,
      remedy: "Run auditwheel repair, so that indexes take the wheel and old systems refuse it.",
    };
  }
  return {
    ...base,
    result: "pass",
    detail: earnedTag ? `the bytes earn ${earnedTag}` : "no symbol versions are needed",
    evidence,
  };
}

/** Every library that is needed is in the wheel, on the platform, or torch's own; and none is loaded from elsewhere. */
export function platformLibraries(facts: WheelFacts): Check {
  const bundled = new Set(
    facts.libraries.flatMap(({ path, soname }) => [path.split("/").at(-1) ?? path, soname ?? ""]),
  );
  const problems = readable(facts).flatMap((library) => [
    ...library.needed
      .filter((name) => !PLATFORM_LIBRARIES.has(name) && !TORCH_LIBRARIES.test(name) && !bundled.has(name))
      .map((name) => `${library.path} needs ${name}, which nobody brings`),
    ...library.searchPaths
      .filter((path) => !path.startsWith("$ORIGIN") && !path.startsWith("$" + "{ORIGIN}"))
      .map((path) => `${library.path} looks for libraries in ${path || "the current folder"}`),
    ...(library.executableStack ? [`${library.path} asks for an executable stack`] : []),
    ...(library.textRelocations ? [`${library.path} has text relocations`] : []),
  ]);
  return {
    id: "platform.libraries",
    result: problems.length > 0 ? "fail" : "pass",
    detail:
      problems.length > 0
        ? problems.slice(0, 3).join("; ")
        : `${readable(facts).length} libraries, all they need is there`,
    evidence: {
      problems,
      needed: Object.fromEntries(readable(facts).map(({ path, needed }) => [path, needed])),
    },
    reference: "PEP 513, PEP 600; auditwheel's policies",
    ...(problems.length > 0
      ? { remedy: "Run auditwheel repair, which bundles libraries and mends search paths." }
      : {}),
  };
}

const CUDA_LIBRARY =
  /^lib(cudart|cublas|cudnn|cufft|curand|cusolver|cusparse|nccl|nvrtc|nvToolsExt|cuda|torch_cuda|c10_cuda)\b/;
const CUDA_SYMBOL = /^(cu[A-Z][a-z]|cuda[A-Z]|cublas|cudnn|nccl[A-Z]|_ZN3c104cuda|_ZN2at4cuda)/;

/** No CUDA library is needed, no CUDA symbol is left undefined, no nvidia package is required. */
export function elfCudaFree(facts: WheelFacts): Check {
  const problems = [
    ...readable(facts).flatMap((library) => [
      ...library.needed
        .filter((name) => CUDA_LIBRARY.test(name))
        .map((name) => `${library.path} needs ${name}`),
      ...library.undefinedSymbols
        .filter((name) => CUDA_SYMBOL.test(name))
        .slice(0, 3)
        .map((name) => `${library.path} wants the symbol ${name}`),
    ]),
    ...facts.gpuRequirements.map((line) => `METADATA requires ${line}`),
  ];
  return {
    id: "elf.cuda-free",
    result: problems.length > 0 ? "fail" : "pass",
    detail: problems.length > 0 ? problems.join("; ") : "no CUDA library, symbol or package is needed",
    evidence: { problems },
    ...(problems.length > 0
      ? { remedy: "Build against CPU-only torch: vllm-cpu-wheels setup makes such an environment." }
      : {}),
  };
}

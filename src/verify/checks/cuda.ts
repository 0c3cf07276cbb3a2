import type { Finding } from "../../findings/findings.ts";
import type { WheelFacts } from "../facts/facts.ts";
import { type CheckAnswer, failOn } from "../verdict/check.ts";
import { isForOtherSystem } from "./platform-policies.ts";

/** Libraries of CUDA, ROCm and torch's builds for them, by the name that the loader is asked for. */
const GPU_LIBRARY =
  /^lib(cuda|cudart|cublas|cudnn|cufft|cufile|cupti|curand|cusolver|cusparse|nccl|nvrtc|nvJitLink|nvToolsExt|nvjpeg|nvshmem|nvidia|nvperf|nvtx|caffe2_nvrtc|torch_cuda|c10_cuda|torch_hip|c10_hip|torch_xpu|c10_xpu|amdhip64|hip|roc|MIOpen|rccl|hsa-runtime)[A-Za-z0-9_.+-]*\.so(\.|$)/;
const GPU_SYMBOL =
  /^(cu[A-Z][a-z]|cuda[A-Z]|__cuda[A-Z]|cublas|cudnn|cufft|cusparse|cusolver|nccl[A-Z]|nvrtc[A-Z]|hip[A-Z]|__hip[A-Z]|_ZNK?3c104cuda|_ZNK?2at4cuda|_ZNK?3c103hip|_ZNK?2at3hip)/;

/** Symbols told of one library. */
const MOST_SYMBOLS = 3;

/** No GPU library is needed, brought or looked for, no symbol of one is left undefined, no code for one is inside. */
export function elfCudaFree(facts: WheelFacts): CheckAnswer<"elf.cuda-free"> {
  const problems: Finding[] = [
    ...facts.libraries.flatMap(({ path, soname, needed, undefinedSymbols, gpuCode }): Finding[] => [
      ...(GPU_LIBRARY.test(path.split("/").at(-1) ?? "") || GPU_LIBRARY.test(soname ?? "")
        ? [{ kind: "gpu-library", file: path } as const]
        : []),
      ...needed
        .filter((name) => GPU_LIBRARY.test(name))
        .map((name) => ({ kind: "gpu-library-needed", file: path, library: name }) as const),
      ...undefinedSymbols
        .filter((name) => GPU_SYMBOL.test(name))
        .slice(0, MOST_SYMBOLS)
        .map((name) => ({ kind: "gpu-symbol", file: path, symbol: name }) as const),
      ...(gpuCode ? [{ kind: "gpu-code", file: path } as const] : []),
    ]),
    ...facts.gpuRequirements.map((requirement) => ({ kind: "gpu-requirement", requirement }) as const),
  ];
  const evidence = { libraries: facts.libraries.length };
  if (problems.length > 0) return failOn(problems, evidence);
  const tags = facts.platformTags;
  const unread: Finding[] = isForOtherSystem(tags)
    ? [{ kind: "other-system", tags }]
    : facts.libraries.flatMap(({ path, problem }): Finding[] =>
        problem === null ? [] : [{ kind: "unreadable-library", file: path, problem }],
      );
  return { result: unread.length > 0 ? "not-run" : "pass", findings: unread, evidence };
}

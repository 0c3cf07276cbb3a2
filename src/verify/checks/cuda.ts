import type { WheelFacts } from "../facts/facts.ts";
import type { Check } from "../verdict/verdict.ts";

/** Libraries of CUDA, ROCm and torch's builds for them, by the name that the loader is asked for. */
const GPU_LIBRARY =
  /^lib(cuda|cudart|cublas|cudnn|cufft|cufile|cupti|curand|cusolver|cusparse|nccl|nvrtc|nvJitLink|nvToolsExt|nvjpeg|nvshmem|nvidia|nvperf|nvtx|caffe2_nvrtc|torch_cuda|c10_cuda|torch_hip|c10_hip|torch_xpu|c10_xpu|amdhip64|hip|roc|MIOpen|rccl|hsa-runtime)[A-Za-z0-9_.+-]*\.so(\.|$)/;
const GPU_SYMBOL =
  /^(cu[A-Z][a-z]|cuda[A-Z]|__cuda[A-Z]|cublas|cudnn|cufft|cusparse|cusolver|nccl[A-Z]|nvrtc[A-Z]|hip[A-Z]|__hip[A-Z]|_ZNK?3c104cuda|_ZNK?2at4cuda|_ZNK?3c103hip|_ZNK?2at3hip)/;

/** No GPU library is needed, brought or looked for, no symbol of one is left undefined, no code for one is inside. */
export function elfCudaFree(facts: WheelFacts): Check {
  const problems = [
    ...facts.libraries.flatMap((library) => [
      ...(GPU_LIBRARY.test(library.path.split("/").at(-1) ?? "") || GPU_LIBRARY.test(library.soname ?? "")
        ? [`${library.path} is a GPU library`]
        : []),
      ...library.needed
        .filter((name) => GPU_LIBRARY.test(name))
        .map((name) => `${library.path} needs ${name}`),
      ...library.undefinedSymbols
        .filter((name) => GPU_SYMBOL.test(name))
        .slice(0, 3)
        .map((name) => `${library.path} wants the symbol ${name}`),
      ...(library.gpuCode ? [`${library.path} holds code for a GPU (a fat binary)`] : []),
    ]),
    ...facts.gpuRequirements.map((line) => `METADATA requires ${line}`),
  ];
  const failed = problems.length > 0;
  return {
    id: "elf.cuda-free",
    result: failed ? "fail" : "pass",
    detail: failed
      ? problems.slice(0, 3).join("; ") + (problems.length > 3 ? ` (and ${problems.length - 3} more)` : "")
      : "no GPU library, symbol, code or package is needed",
    evidence: { problems: problems.slice(0, 50) },
    reference: "gABI, chapter 5 (DT_NEEDED, symbol table); CUDA Binary Utilities (fat binaries); PEP 508",
    ...(failed
      ? { remedy: "Build against CPU-only torch: vllm-cpu-wheels setup makes such an environment." }
      : {}),
  };
}

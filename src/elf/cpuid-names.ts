/**
 * iced-x86's CPUID features in Linux cpuinfo spelling (arch/x86/include/asm/cpufeatures.h).
 * What is missing here keeps its own name in lower case, so that an unknown extension is never taken for harmless.
 */
const SPELLING: Record<string, string> = {
  SSE3: "pni",
  SSSE3: "ssse3",
  SSE4_1: "sse4_1",
  SSE4_2: "sse4_2",
  SSE4A: "sse4a",
  MONITORX: "mwaitx",
  POPCNT: "popcnt",
  LZCNT: "abm",
  BMI1: "bmi1",
  BMI2: "bmi2",
  MOVBE: "movbe",
  ADX: "adx",
  AES: "aes",
  PCLMULQDQ: "pclmulqdq",
  SHA: "sha_ni",
  RDRAND: "rdrand",
  RDSEED: "rdseed",
  RTM: "rtm",
  HLE: "x86-64",
  CMPXCHG16B: "cx16",
  XSAVE: "xsave",
  AVX512_IFMA: "avx512ifma",
  AVX512_VBMI: "avx512vbmi",
};

/**
 * What every x86-64 CPU executes: the psABI's baseline, what user code can't switch on, and encodings that older CPUs
 * take for a no-op (endbr64, rdsspq, pause, prefetches: Intel SDM vol. 2, "NOP", "ENDBR64", "RDSSP", "PREFETCHh").
 */
const BASELINE = new Set([
  "INTEL8086",
  "INTEL186",
  "INTEL286",
  "INTEL386",
  "INTEL486",
  "X64",
  "CPUID",
  "CMOV",
  "CX8",
  "FPU",
  "FPU287",
  "FPU387",
  "FPU_SSE3",
  "FXSR",
  "MMX",
  "MSR",
  "MULTIBYTENOP",
  "PAUSE",
  "RDPMC",
  "SEP",
  "SMM",
  "SSE",
  "SSE2",
  "SYSCALL",
  "TSC",
  "CLFSH",
  "CET_IBT",
  "CET_SS",
  "PREFETCHW",
  "PREFETCHWT1",
  "PREFETCHITI",
  "CLDEMOTE",
  "UD",
  "D3NOW_PREFETCH",
  "LAHF_SAHF_64",
  "INTEL8086_ONLY",
  "INTEL286_ONLY",
  "INTEL386_ONLY",
  "INTEL386_486_ONLY",
  "FPU287XL_ONLY",
  "FPU387SL_ONLY",
  "INTEL386_A0_ONLY",
  "INTEL486_A_ONLY",
]);

/** cpuinfo spelling of an iced-x86 feature name. */
export function cpuinfoName(iced: string): string {
  return BASELINE.has(iced) ? "x86-64" : (SPELLING[iced] ?? iced.toLowerCase());
}

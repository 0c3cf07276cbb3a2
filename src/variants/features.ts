/**
 * ISA features in Linux cpuinfo spelling, with what each implies.
 * Sources: Intel SDM vol. 1 ch. 5 and vol. 2 (CPUID flags of each instruction); for the levels x86-64-v2 … v4 the
 * x86-64 psABI, "Micro-Architecture Levels"; spelling: Linux arch/x86/include/asm/cpufeatures.h.
 */
const IMPLIES = {
  "x86-64": [],
  pni: ["x86-64"],
  ssse3: ["pni"],
  sse4_1: ["ssse3"],
  sse4_2: ["sse4_1"],
  sse4a: ["pni"],
  popcnt: ["x86-64"],
  cx16: ["x86-64"],
  lahf_lm: ["x86-64"],
  "x86-64-v2": ["sse4_2", "popcnt", "cx16", "lahf_lm"],
  avx: ["sse4_2"],
  f16c: ["avx"],
  fma: ["avx"],
  fma4: ["avx"],
  xop: ["avx"],
  avx2: ["avx"],
  abm: ["x86-64"],
  bmi1: ["x86-64"],
  bmi2: ["x86-64"],
  movbe: ["x86-64"],
  xsave: ["x86-64"],
  "x86-64-v3": ["x86-64-v2", "avx2", "f16c", "fma", "abm", "bmi1", "bmi2", "movbe", "xsave"],
  adx: ["x86-64"],
  aes: ["x86-64"],
  pclmulqdq: ["x86-64"],
  sha_ni: ["x86-64"],
  rdrand: ["x86-64"],
  rdseed: ["x86-64"],
  rtm: ["x86-64"],
  mwaitx: ["x86-64"],
  ptwrite: ["x86-64"],
  waitpkg: ["x86-64"],
  vaes: ["avx", "aes"],
  vpclmulqdq: ["avx", "pclmulqdq"],
  gfni: ["x86-64"],
  avx_vnni: ["avx2"],
  avx512f: ["avx2", "fma", "f16c"],
  avx512cd: ["avx512f"],
  avx512bw: ["avx512f"],
  avx512dq: ["avx512f"],
  avx512vl: ["avx512f"],
  "x86-64-v4": ["x86-64-v3", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"],
  avx512ifma: ["avx512f"],
  avx512vbmi: ["avx512bw"],
  avx512_vbmi2: ["avx512bw"],
  avx512_bitalg: ["avx512bw"],
  avx512_vpopcntdq: ["avx512f"],
  avx512_vnni: ["avx512f"],
  avx512_bf16: ["avx512bw"],
  avx512_fp16: ["avx512bw", "avx512vl", "avx512dq"],
  amx_tile: ["x86-64"],
  amx_int8: ["amx_tile"],
  amx_bf16: ["amx_tile"],
  amx_fp16: ["amx_tile"],
  asimd: [],
  asimdhp: ["asimd"],
  asimddp: ["asimd"],
  i8mm: ["asimd"],
  bf16: ["asimd"],
} as const satisfies Record<string, readonly string[]>;

export type IsaFeature = keyof typeof IMPLIES;

export const ISA_FEATURES = Object.keys(IMPLIES) as [IsaFeature, ...IsaFeature[]];

/** Names that stand for sets; CPUs don't report them and instructions don't carry them. */
const LEVELS: ReadonlySet<string> = new Set(["x86-64-v2", "x86-64-v3", "x86-64-v4"]);

export function isIsaFeature(name: string): name is IsaFeature {
  return Object.hasOwn(IMPLIES, name);
}

/** The features with all that they imply, sorted, levels resolved into their members. */
export function closure(features: Iterable<IsaFeature>): IsaFeature[] {
  const seen = new Set<IsaFeature>();
  const visit = (feature: IsaFeature): void => {
    if (seen.has(feature)) return;
    seen.add(feature);
    for (const implied of IMPLIES[feature]) visit(implied);
  };
  for (const feature of features) visit(feature);
  return [...seen].filter((feature) => !LEVELS.has(feature)).sort();
}

/** Features that every CPU with a 64-bit kernel has and that cpuinfo therefore spells otherwise, if at all. */
const ALWAYS_THERE: ReadonlySet<string> = new Set(["x86-64", "asimd"]);

/** The features of `wanted` (with all they imply) that a CPU with these cpuinfo flags lacks. */
export function lacking(wanted: Iterable<IsaFeature>, cpuFlags: ReadonlySet<string>): IsaFeature[] {
  return closure(wanted).filter((feature) => !ALWAYS_THERE.has(feature) && !cpuFlags.has(feature));
}

/** gcc and clang flags that switch a feature on, for asking whether a compiler knows it. */
const FLAGS: Partial<Record<IsaFeature, string>> = {
  avx2: "-mavx2",
  fma: "-mfma",
  avx512f: "-mavx512f",
  avx512bw: "-mavx512bw",
  avx512dq: "-mavx512dq",
  avx512vl: "-mavx512vl",
  avx512_vnni: "-mavx512vnni",
  avx512_bf16: "-mavx512bf16",
  avx512_fp16: "-mavx512fp16",
  amx_tile: "-mamx-tile",
  amx_int8: "-mamx-int8",
  amx_bf16: "-mamx-bf16",
};

/** Compiler flags for the features that have one of their own. */
export function compilerFlags(features: Iterable<IsaFeature>): string[] {
  return [...features].map((feature) => FLAGS[feature]).filter((flag) => flag !== undefined);
}

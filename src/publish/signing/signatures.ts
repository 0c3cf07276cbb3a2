/** What lies beside a wheel and was signed. */
export interface Signatures {
  /** Text of the bundle that signs the verdict; null where nobody asked for one. */
  signature: string | null;
  /** True where a PEP 740 attestation lies beside the wheel. */
  isAttested: boolean;
  provenance: string | null;
}

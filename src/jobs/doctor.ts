import { type DoctorReport, examine } from "../build/doctor.ts";
import { doctorText } from "../build/doctor-text.ts";
import { loadVariants } from "../build/load-manifest.ts";
import { newestVllm } from "../build/load-recipes.ts";
import type { Host } from "../host/host.ts";

export { doctorText };

export interface DoctorRequest {
  manifest: string | null;
  torchIndex: string | null;
}

/** Looks at the machine, its Python and the package indexes. @throws E_MANIFEST, E_MANIFEST_UNREADABLE, E_RECIPES */
export async function doctor(host: Host, { manifest, torchIndex }: DoctorRequest): Promise<DoctorReport> {
  const variants = await loadVariants(host, manifest);
  const stage = host.log.stage("Looking at this machine, its Python and the package indexes...");
  const report = await examine(host, variants.values(), await newestVllm(), torchIndex);
  stage.done();
  return report;
}

import { readText } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { cpuFlags } from "../../variants/cpuinfo.ts";
import { isIsaFeature, lacking } from "../../variants/features.ts";
import { totals } from "../checks/isa.ts";
import type { ClaimedVariant, WheelFacts } from "../facts/facts.ts";
import { tilesWork } from "./tiles.ts";

/**
 * CPU flags that a process can really use here.
 * Linux shows a flag only where it has switched the registers on; AMX's tiles a process must be granted as well, a
 * container's seccomp profile may refuse that, and a hypervisor may say more than it does: a child process tries.
 */
export async function usableFlags(host: Host, python: string): Promise<Set<string>> {
  const flags = cpuFlags(await readText("/proc/cpuinfo"));
  if (flags.has("amx_tile") && !(await tilesWork(host, python)))
    for (const flag of [...flags]) if (flag.startsWith("amx_")) flags.delete(flag);
  return flags;
}

/**
 * ISA features that running this wheel takes by its contract and that this machine lacks.
 * Only the contract decides: instructions beyond it are the wheel's own fault, and where they are run into, that is
 * the finding. Of the features found, those that a run-time dispatch guards are not needed.
 */
export function lackedBy(facts: WheelFacts, variant: ClaimedVariant, flags: ReadonlySet<string>): string[] {
  if (!variant) return [];
  const { mayUse, mustUse, dispatch } = variant.isa;
  const dispatched = new Set<string>(dispatch.flatMap(({ features }) => features));
  const allowed = new Set<string>(mayUse);
  const used = Object.keys(totals(facts.audits)).filter(isIsaFeature);
  return lacking(
    [...mustUse, ...used.filter((feature) => allowed.has(feature) && !dispatched.has(feature))],
    flags,
  );
}

import { createHash } from "node:crypto";
import { normalizeName } from "../wheel/names.ts";
import { lacking } from "./features.ts";
import type { Variant } from "./manifest.ts";

/** Key of a wheel's needs: one distribution may have wheels for several architectures. */
export const needsKey = (project: string, architecture: string): string =>
  `${normalizeName(project)} ${architecture}`;

/** ISA features that a variant's wheel may use, by the variant's name. */
export function contractsOf(variants: Iterable<Variant>): Map<string, readonly string[]> {
  return new Map([...variants].map(({ name, isa }) => [name, isa.mayUse]));
}

/** Digest of all that a wheel of a variant is held to, hexadecimal; nothing else of the manifest decides its answers. */
export function contractSha256({ name, distribution, architecture, isa, packages }: Variant): string {
  return createHash("sha256")
    .update(JSON.stringify([name, distribution, architecture, isa, packages]))
    .digest("hex");
}

/** cpuinfo flags that a CPU must show for each variant's wheels, by {@link needsKey}. */
export function cpuNeeds(variants: Iterable<Variant>): Map<string, string[]> {
  const none = new Set<string>();
  return new Map(
    [...variants].map(({ distribution, architecture, isa }) => [
      needsKey(distribution, architecture),
      lacking(isa.mayUse, none),
    ]),
  );
}

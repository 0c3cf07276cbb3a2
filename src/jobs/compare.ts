import { basename, dirname, resolve } from "node:path";
import { loadVariants } from "../build/load-manifest.ts";
import { compareWheels } from "../compare/compare.ts";
import type { Comparison } from "../compare/document.ts";
import { comparisonHtml } from "../compare/page.ts";
import { type Side, sideOf } from "../compare/side.ts";
import { comparisonText } from "../compare/text.ts";
import { makeDir, writeFileAtomic } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { productVersion } from "../host/version.ts";
import type { Variant } from "../variants/manifest.ts";
import { variantOfWheel, wheelFacts } from "../verify/facts/read-wheel.ts";
import { readWheelFile } from "../verify/facts/wheel-bytes.ts";
import { wheelFormatError } from "../wheel/format-error.ts";

export { comparisonText };

export interface CompareRequest {
  /** Two paths or more, relative to the working folder. */
  wheels: readonly string[];
  manifest: string | null;
  /** Where the page goes; null for none. */
  html: string | null;
}

/** @throws E_WHEEL_FILE, E_WHEEL_FORMAT */
async function readSide(host: Host, path: string, variants: ReadonlyMap<string, Variant>): Promise<Side> {
  const bytes = await readWheelFile(path);
  const { facts, variant } = await wheelFacts(host, basename(path), bytes, (identity) =>
    variantOfWheel(variants.values(), identity),
  );
  try {
    return sideOf(bytes, facts, variant);
  } catch (thrown) {
    throw wheelFormatError(basename(path), thrown);
  }
}

async function readSides(host: Host, { wheels, manifest }: CompareRequest): Promise<Side[]> {
  const variants = await loadVariants(host, manifest);
  const stage = host.log.stage(`Reading ${wheels.length} wheels...`);
  const sides: Side[] = [];
  try {
    for (const wheel of wheels) {
      sides.push(await readSide(host, resolve(host.cwd, wheel), variants));
      stage.progress(sides.length, wheels.length);
    }
  } catch (thrown) {
    stage.failed();
    throw thrown;
  }
  stage.done();
  return sides;
}

/** Compares wheels. @throws E_WHEEL_FILE, E_WHEEL_FORMAT, E_MANIFEST, E_OUTPUT_DIR */
export async function compare(host: Host, request: CompareRequest): Promise<Comparison> {
  const comparison = compareWheels(await readSides(host, request));
  if (request.html !== null) {
    const path = resolve(host.cwd, request.html);
    await makeDir(dirname(path));
    const head = { version: await productVersion(), time: host.now() };
    await writeFileAtomic(path, comparisonHtml(comparison, head));
    host.log.info(`Wrote ${request.html}`);
  }
  return comparison;
}

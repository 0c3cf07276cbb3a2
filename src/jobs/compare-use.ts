import { basename, dirname, resolve } from "node:path";
import { compareWheels } from "../compare/compare.ts";
import type { Comparison } from "../compare/document.ts";
import { comparisonHtml } from "../compare/page.ts";
import { type Side, sideOf } from "../compare/side.ts";
import { EXIT } from "../errors/entry.ts";
import { wheelsError } from "../errors/wheels-error.ts";
import { comparisonText } from "../faces/cli/compare-text.ts";
import { makeDir, writeFileAtomic } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import type { COMMANDS } from "../options/commands.ts";
import type { Values } from "../options/options.ts";
import { variantOfWheel, wheelFacts } from "../verify/facts/read-wheel.ts";
import { readWheelFile, versionOfVerifier } from "../verify/verify.ts";
import { FormatError } from "../wheel/format-error.ts";
import type { Answer } from "./answers.ts";
import { loadVariants } from "./manifest.ts";

/** @throws E_WHEEL_FILE, E_WHEEL_FORMAT */
async function readSide(
  host: Host,
  path: string,
  variants: Awaited<ReturnType<typeof loadVariants>>,
): Promise<Side> {
  const bytes = await readWheelFile(path);
  const { facts, variant } = await wheelFacts(host, basename(path), bytes, (identity) =>
    variantOfWheel(variants.values(), identity),
  );
  try {
    return sideOf(bytes, facts, variant);
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    throw wheelsError("E_WHEEL_FORMAT", { wheel: basename(path), detail: thrown.message }, thrown);
  }
}

/** @throws E_USAGE, E_WHEEL_FILE, E_WHEEL_FORMAT, E_MANIFEST, E_OUTPUT_DIR */
export async function compare(
  host: Host,
  options: Values<(typeof COMMANDS)["compare"]["options"]>,
  wheels: readonly string[],
): Promise<Answer<Comparison>> {
  if (wheels.length < 2) {
    throw wheelsError("E_USAGE", {
      problem: `compare was given ${wheels.length === 0 ? "no wheel" : "one wheel"}; it takes two or more.`,
      hint: "vllm-cpu-wheels compare A.whl B.whl",
    });
  }
  const variants = await loadVariants(host, options.manifest);
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
  const document = compareWheels(sides);
  if (options.html !== null) {
    const path = resolve(host.cwd, options.html);
    await makeDir(dirname(path));
    await writeFileAtomic(
      path,
      comparisonHtml(document, { version: await versionOfVerifier(), time: host.now() }),
    );
    host.log.info(`Wrote ${options.html}`);
  }
  return { document, text: comparisonText(document, host.colour), exit: EXIT.ok };
}

import type { Host } from "../host/host.ts";
import { compileProject, project, type TorchSource } from "./install.ts";
import { downloadBytes, parsePylock } from "./pylock.ts";
import type { Uv } from "./uv.ts";
import { troubleOf } from "./uv-trouble.ts";

/** Download sizes in bytes of the same torch, CPU-only and as the default index gives it. */
export interface Savings {
  cpu: number;
  cuda: number;
  saved: number;
}

/**
 * Bytes that an installation downloads, all dependencies included; null where the index does not tell every size.
 */
async function downloadSize(
  host: Host,
  uv: Uv,
  python: string,
  text: string,
  env: Record<string, string>,
): Promise<number | null> {
  return host.scratch.withFolder("vllm-cpu-wheels-sizes", async (folder) => {
    const args = ["--format", "pylock.toml"];
    const result = await compileProject(uv, folder, python, text, { args, env });
    if (result.code !== 0) {
      const trouble = troubleOf(result, 3);
      if (trouble.kind === "machine") throw trouble.error;
      host.log.info(`  savings: not measured, because uv can't resolve that: ${trouble.words}`);
      return null;
    }
    const packages = parsePylock(result.stdout);
    let total = 0;
    for (const one of packages) {
      const size = await downloadBytes(one);
      if (size === null) {
        host.log.info("  savings: not measured, because an index does not tell every size");
        return null;
      }
      total += size;
    }
    return packages.length > 0 ? total : null;
  });
}

/**
 * Measures what CPU-only torch saves against the build that the user's own default index gives for the same version.
 * @returns null, after a message, where the indexes don't tell
 */
export async function measureSavings(
  host: Host,
  uv: Uv,
  python: string,
  source: TorchSource,
): Promise<Savings | null> {
  const version = source.torchVersion;
  const place = { url: source.index, flat: source.flat };
  const cpu = await downloadSize(host, uv, python, project(place, source.packages, version), {});
  const cuda =
    cpu === null
      ? null
      : // A folder of CPU wheels that pip is pointed at is no part of the default index.
        await downloadSize(
          host,
          uv,
          python,
          project(null, source.packages, version.split("+")[0] ?? version),
          { UV_FIND_LINKS: "" },
        );
  if (cpu === null || cuda === null) {
    return null;
  }
  return { cpu, cuda, saved: cuda - cpu };
}

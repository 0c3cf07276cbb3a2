import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import { stringify } from "smol-toml";
import type { Host } from "../../host/host.ts";
import { shownUrl } from "../../host/network/urls.ts";
import { type RunResult, tail } from "../../host/process.ts";
import { isGpuLocalVersion, isGpuPackage } from "../../torch/gate.ts";
import { compileProject, type TorchSource, torchFrom } from "../../torch/install.ts";
import { downloadBytes, type LockedPackage, parsePylock } from "../../torch/pylock.ts";
import type { Uv } from "../../torch/uv.ts";
import type { DownloadSize } from "../checks/catalogue/torch.ts";

function placeOf({ index, wheels, archive }: LockedPackage): string {
  const url = wheels[0]?.url ?? archive?.url;
  if (archive || wheels[0]?.path) return "this wheel's folder";
  if (url?.startsWith("file://") || index?.startsWith("file://")) return "a folder";
  return index ? shownUrl(index) : "an index";
}

/** A marker that holds nowhere: uv's way to leave a package out. */
export const NEVER = "sys_platform == 'never'";

/**
 * A project file that installs a wheel.
 * @param torch where torch and its companions come from; null for the plain command, which knows the default index alone
 */
function wheelProject(
  wheel: string,
  distribution: string,
  torch: TorchSource | null,
  version: string,
  without: readonly string[],
): string {
  const pinned = `torch==${torch ? version : (version.split("+")[0] ?? version)}`;
  return stringify({
    project: {
      name: "clean-room",
      version: "0",
      "requires-python": ">=3.8",
      dependencies: [
        `${distribution} @ ${pathToFileURL(wheel).href}`,
        pinned,
        ...(torch?.packages ?? []).filter((name) => name !== "torch"),
      ],
    },
    tool: {
      uv: {
        // A pin on a local version, which the default index does not have, is not what is measured here.
        "override-dependencies": [...(torch ? [] : [pinned]), ...without.map((name) => `${name}; ${NEVER}`)],
        ...(torch && torchFrom({ url: torch.index, flat: torch.flat }, torch.packages)),
      },
    },
  });
}

async function readLock(result: RunResult): Promise<DownloadSize | null> {
  if (result.code !== 0) return null;
  const packages = parsePylock(result.stdout);
  const places: Record<string, number> = {};
  let bytes: number | null = 0;
  for (const one of packages) {
    const place = placeOf(one);
    places[place] = (places[place] ?? 0) + 1;
    const size = await downloadBytes(one);
    bytes = size === null || bytes === null ? null : bytes + size;
  }
  const pins = packages.map(({ name, version }) => `${name}==${version ?? "?"}`);
  const gpu = pins.filter((pin) => isGpuPackage(pin) || isGpuLocalVersion(pin));
  return { packages: packages.length, bytes, places, gpu };
}

/**
 * What installing a wheel would fetch, from the indexes' metadata alone: beside CPU-only torch, and by the plain
 * command that knows the default index alone. Source: PEP 751 (pylock.toml), PEP 700 (sizes).
 * @returns null in place of a size that can't be told
 */
export async function downloadSizes(
  host: Host,
  uv: Uv,
  python: string,
  request: { wheel: string; distribution: string; torch: TorchSource; without: readonly string[] },
): Promise<{ cpu: DownloadSize | null; plain: DownloadSize | null }> {
  const { wheel, distribution, torch, without } = request;
  const sizeWith = (source: TorchSource | null, env: Record<string, string>): Promise<DownloadSize | null> =>
    host.scratch.withFolder("vcw-size", async (folder) => {
      const text = wheelProject(wheel, distribution, source, torch.torchVersion, source ? without : []);
      const args = ["--format", "pylock.toml"];
      const result = await compileProject(uv, folder, python, text, { args, env });
      if (result.code !== 0) host.log.debug(`no download size for ${basename(wheel)}: ${tail(result)}`);
      return readLock(result);
    });
  // A folder of CPU wheels that pip is pointed at is no part of the default index.
  return { cpu: await sizeWith(torch, {}), plain: await sizeWith(null, { UV_FIND_LINKS: "" }) };
}

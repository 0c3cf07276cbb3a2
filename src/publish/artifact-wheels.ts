import { basename, join, resolve } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { exists, listDir, makeDir, readBytes, statPath, writeFile } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { FormatError } from "../wheel/format-error.ts";
import { readZip } from "../wheel/zip-reader.ts";

const KNOWN = /^[A-Za-z0-9._!+-]+\.whl(\.verdict\.json|\.verdict\.sigstore\.json|\.publish\.attestation)?$/;

/**
 * Takes wheels, verdicts and signatures out of an artifact's archive. The archive is another job's, so hostile: it is read with
 * the wheel reader's limits, and of its names only plain ones of these kinds count.
 * @throws E_ARTIFACT
 */
async function unpack(archive: string, name: string, folder: string): Promise<string[]> {
  const failed = (detail: string, cause?: unknown): never => {
    throw wheelsError("E_ARTIFACT", { doing: "Unpacking", name, detail }, cause);
  };
  try {
    const wheels: string[] = [];
    for (const entry of readZip(await readBytes(archive))) {
      if (!KNOWN.test(entry.name))
        return failed(
          `It holds ${JSON.stringify(entry.name)}, which is neither a wheel nor its verdict or signature.`,
        );
      const path = join(folder, entry.name);
      if (await exists(path)) return failed(`It holds ${entry.name} twice.`);
      await writeFile(path, entry.read());
      if (entry.name.endsWith(".whl")) wheels.push(path);
    }
    return wheels;
  } catch (thrown) {
    return thrown instanceof FormatError ? failed(thrown.message, thrown) : Promise.reject(thrown);
  }
}

/**
 * The wheels of downloaded artifacts, each with its verdict beside it.
 * @param archives path of each archive, by artifact name; each in a folder of its own
 * @param folder where they are unpacked, one folder an artifact
 * @returns paths of the wheels
 * @throws E_ARTIFACT
 */
export async function wheelsOfArtifacts(
  archives: ReadonlyMap<string, string>,
  folder: string,
): Promise<string[]> {
  const wheels: string[] = [];
  for (const [name, archive] of archives) {
    const own = join(folder, basename(resolve(archive, "..")));
    await makeDir(own);
    wheels.push(...(await unpack(archive, name, own)));
  }
  return wheels;
}

/**
 * Paths of wheels; a folder stands for the wheels in it, and one that is not there for none.
 * @param paths relative to the working folder
 */
export async function wheelsAt(host: Host, paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (given) => {
      const path = resolve(host.cwd, given);
      const stat = await statPath(path);
      if (stat === null && !path.endsWith(".whl")) return [];
      if (!stat?.isDirectory) return [path];
      return (await listDir(path))
        .filter(({ name }) => name.endsWith(".whl"))
        .map(({ name }) => join(path, name));
    }),
  );
  return found.flat();
}

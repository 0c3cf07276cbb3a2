import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { listDir, makeDir, readBytes, writeFile } from "./files.ts";
import { type Host, oncePerHost } from "./host.ts";
import { probeFolder } from "./resources.ts";

interface Probes {
  /** By path below their folder, in order. */
  files: ReadonlyMap<string, Uint8Array>;
  /** Over all names and bytes, hexadecimal. */
  sha256: string;
}

async function readBelow(folder: string, prefix: string, files: Map<string, Uint8Array>): Promise<void> {
  const entries = (await listDir(folder)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, isDirectory, isFile } of entries) {
    // Bytecode that lies beside them is nobody's: what planted it may have been a wheel.
    if (isDirectory && name !== "__pycache__")
      await readBelow(join(folder, name), `${prefix}${name}/`, files);
    else if (isFile && /\.(py|c|h)$/.test(name))
      files.set(`${prefix}${name}`, await readBytes(join(folder, name)));
  }
}

/** The programs of ours that run beside wheels, read before any wheel of this run was there. */
const probes = oncePerHost(async (): Promise<Probes> => {
  const files = new Map<string, Uint8Array>();
  await readBelow(probeFolder(), "", files);
  const hash = createHash("sha256");
  for (const [name, bytes] of files) hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  return { files, sha256: hash.digest("hex") };
});

/** Digest of the probes that this run judges with, hexadecimal. */
export async function probesSha256(host: Host): Promise<string> {
  return (await probes(host)).sha256;
}

/**
 * Lays a copy of the probes into a folder that one run of a program has for itself, so that nothing which an earlier
 * program left beside them is run.
 * @param folder of the run; its own from the beginning
 * @returns the folder that they are in
 */
export async function layProbes(host: Host, folder: string): Promise<string> {
  const place = join(folder, "probes");
  for (const [name, bytes] of (await probes(host)).files) {
    await makeDir(dirname(join(place, name)), 0o700);
    await writeFile(join(place, name), bytes, 0o400);
  }
  return place;
}

import { realpath } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { readTextIfAny } from "./files.ts";

/** The file system that a path lies on. */
export interface Mount {
  point: string;
  kind: string;
  noexec: boolean;
  readOnly: boolean;
}

/** A space and other odd characters are octal there. Source: proc(5), /proc/[pid]/mountinfo. */
const plain = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_whole, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

async function existing(path: string): Promise<string> {
  for (let place = resolve(path); ; place = dirname(place)) {
    try {
      return await realpath(place);
    } catch {
      if (place === dirname(place)) return place;
    }
  }
}

/** The mount that a path, or the nearest folder above it that exists, lies on; null where /proc does not tell. */
export async function mountOf(path: string): Promise<Mount | null> {
  const place = await existing(path);
  const text = (await readTextIfAny("/proc/self/mountinfo")) ?? "";
  let best: Mount | null = null;
  for (const line of text.split("\n")) {
    const [before = "", behind = ""] = line.split(" - ");
    const [, , , , point = "", options = ""] = before.split(" ");
    const mount = plain(point);
    const holds = mount === "/" || place === mount || place.startsWith(`${mount}/`);
    // Of two at one place the later one is on top.
    if (!holds || mount === "" || (best !== null && mount.length < best.point.length)) continue;
    const flags = options.split(",");
    best = {
      point: mount,
      kind: behind.split(" ")[0] ?? "",
      noexec: flags.includes("noexec"),
      readOnly: flags.includes("ro"),
    };
  }
  return best;
}

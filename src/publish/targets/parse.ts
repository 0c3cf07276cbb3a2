import { resolve } from "node:path";
import { wheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../../host/host.ts";
import { indexDirTarget } from "./index-dir.ts";
import type { Target } from "./target.ts";

/**
 * The target that a text names: `index:DIR`, or a path as short for it.
 * @throws E_PUBLISH_TARGET
 */
export function parseTarget(host: Host, text: string): Target {
  const [, scheme] = /^([a-z][a-z0-9+.-]*):/i.exec(text) ?? [];
  if (scheme === "index") return indexDirTarget(host, resolve(host.cwd, text.slice("index:".length) || "."));
  if (text === "pypi" || scheme !== undefined) {
    throw wheelsError("E_PUBLISH_TARGET", {
      target: text,
      detail: "Only a static index in a folder can be written so far.",
    });
  }
  return indexDirTarget(host, resolve(host.cwd, text));
}

import { resolve } from "node:path";
import { wheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../../host/host.ts";
import { shownUrl } from "../../host/network/urls.ts";
import { githubReleaseTarget } from "./github-release.ts";
import { indexDirTarget } from "./index-dir.ts";
import type { Target, TargetSettings } from "./target.ts";
import { uploadIndexTarget } from "./upload-index.ts";

const RELEASE = /^github-release:([\w.-]+)\/([\w.-]+)@([^\s@]+)$/;

/** The targets of a comma list; a comma in a folder's name splits nothing unless a target's beginning follows it. */
export function splitTargets(text: string): string[] {
  return text.split(/,\s*(?=(?:index:|pypi(?:,|$)|https?:|github-release:))/);
}

/** Settings of a target that is only asked, or withdrawn from. */
const ALONE: Omit<TargetSettings, "folder"> = {
  checkUrl: null,
  fileLimit: null,
  projectLimit: null,
  servedAt: null,
  variantIndex: false,
  torchIndex: null,
  needs: new Map(),
};

/**
 * The target that a text names: `index:DIR` or a path as short for it, `pypi`, the URL of an upload index, or
 * `github-release:OWNER/REPO@TAG`.
 * @throws E_PUBLISH_TARGET
 */
export function parseTarget(host: Host, text: string, settings: Partial<TargetSettings> = {}): Target {
  const all: TargetSettings = { ...ALONE, folder: host.cwd, ...settings };
  const bad = (detail: string): never => {
    throw wheelsError("E_PUBLISH_TARGET", { target: text, detail });
  };
  const [, scheme] = /^([a-z][a-z0-9+.-]*):/i.exec(text) ?? [];
  if (text === "pypi") return uploadIndexTarget(host, null, all);
  if (scheme === undefined) return indexDirTarget(host, resolve(host.cwd, text), all);
  if (scheme === "index")
    return indexDirTarget(host, resolve(host.cwd, text.slice("index:".length) || "."), all);
  if (scheme === "github-release") {
    const [, owner, repository, tag] = RELEASE.exec(text) ?? [];
    if (!owner || !repository || !tag) return bad("It is written github-release:OWNER/REPO@TAG.");
    return githubReleaseTarget(host, { owner, repository, tag }, all);
  }
  if (scheme === "http" || scheme === "https") {
    if (!URL.canParse(text)) return bad("It is no URL.");
    const { hostname, protocol, username, password } = new URL(text);
    if (username !== "" || password !== "")
      throw wheelsError("E_PUBLISH_TARGET", {
        target: shownUrl(text),
        detail:
          "A password in a URL shows in process lists and logs; use UV_PUBLISH_USERNAME and UV_PUBLISH_PASSWORD.",
      });
    const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
    if (protocol === "http:" && !isLoopback)
      return bad("Over plain http anybody on the way can read the token and change the wheel; use https.");
    return uploadIndexTarget(host, text, all);
  }
  return bad(`There is no kind of target ${scheme}.`);
}

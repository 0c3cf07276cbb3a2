import { dirname, join, resolve } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { exists } from "./files.ts";
import type { Host, ShortResult } from "./host.ts";
import { trustEnv } from "./network/trust-env.ts";
import { shownUrl } from "./network/urls.ts";
import { meaning, run, tail } from "./process.ts";
import { withoutForeignSettings } from "./tool-settings.ts";

/**
 * Settings of a user, or of the repository itself, that run other programs or change what is taken for the source.
 * Said on the command line, they come before every file. Source: git-config(1).
 */
const OURS: Readonly<Record<string, string>> = {
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "core.attributesFile": "/dev/null",
  "core.excludesFile": "/dev/null",
  "core.autocrlf": "false",
  "core.eol": "native",
  "core.safecrlf": "false",
  "core.pager": "cat",
  "init.templateDir": "",
  "init.defaultBranch": "main",
  "tar.umask": "0022",
  "color.ui": "false",
  "status.showUntrackedFiles": "normal",
  "status.submoduleSummary": "false",
  "fetch.recurseSubmodules": "false",
  "fetch.fsckObjects": "false",
  "transfer.fsckObjects": "false",
  "gc.auto": "0",
  "maintenance.auto": "false",
  "commit.gpgSign": "false",
};

/** Keys of GIT_CONFIG_KEY_n that count: how repositories are reached, and whose folders are trusted. */
const COUNTS =
  /^(https?\.|url\..*\.(insteadof|pushinsteadof)$|credential\.|safe\.directory$|core\.sshcommand$)/i;

/** What a runner or a company hands to git in variables, without what does not count. Source: git-config(1), ENVIRONMENT. */
function handedSettings(env: Host["env"]): Record<string, string> {
  const count = Number(env["GIT_CONFIG_COUNT"] ?? 0);
  const pairs = Array.from({ length: Number.isInteger(count) ? Math.min(count, 1000) : 0 }, (_none, at) => [
    env[`GIT_CONFIG_KEY_${at}`] ?? "",
    env[`GIT_CONFIG_VALUE_${at}`] ?? "",
  ]).filter(([key = ""]) => COUNTS.test(key));
  return Object.fromEntries([
    ...(pairs.length > 0 ? [["GIT_CONFIG_COUNT", String(pairs.length)]] : []),
    ...pairs.flatMap(([key = "", value = ""], at) => [
      [`GIT_CONFIG_KEY_${at}`, key],
      [`GIT_CONFIG_VALUE_${at}`, value],
    ]),
  ]) as Record<string, string>;
}

/** The environment of git: without settings that don't count, in English, and without questions to a terminal. */
function gitEnv(host: Host): Record<string, string | undefined> {
  return {
    ...withoutForeignSettings(host.env),
    ...handedSettings(host.env),
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    LC_ALL: "C",
  };
}

function gitArguments(folder: string, args: readonly string[]): string[] {
  const settings = Object.entries(OURS).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  return [...settings, "-C", folder, ...args];
}

/** Asks git about a folder; a status other than 0 is the caller's to judge. @throws what `Host.ask` throws */
async function askGit(host: Host, folder: string, args: readonly string[]): Promise<ShortResult> {
  return host.ask("git", gitArguments(folder, args), { env: gitEnv(host) });
}

const gitError = (args: readonly string[], detail: string) =>
  wheelsError("E_GIT", { what: args.map(shownUrl).join(" "), detail });

/**
 * Lets git work in a folder, be it long, and with whatever it has to reach.
 * @throws E_GIT where it ends with anything but 0, E_CERTIFICATES, and what {@link run} throws
 */
export async function runGit(host: Host, folder: string, args: readonly string[]): Promise<void> {
  const env = { ...gitEnv(host), ...(await trustEnv(host)) };
  const result = await run(host, "git", gitArguments(folder, args), { env });
  meaning(result, { 0: null }, (detail) => gitError(args, detail));
}

/** What git answers. @throws E_GIT where it ends with anything but 0 */
async function gitAnswer(host: Host, folder: string, args: readonly string[]): Promise<string> {
  const result = await askGit(host, folder, args);
  return meaning(result, { 0: result.stdout }, (detail) => gitError(args, detail));
}

/** Whether a checkout has changes that no commit holds. @throws E_GIT */
export async function isDirty(host: Host, checkout: string): Promise<boolean> {
  return (
    (await gitAnswer(host, checkout, ["status", "--porcelain", "--ignore-submodules=none"])).trim() !== ""
  );
}

/** The release tag (`v1.2`) that a checkout's commit carries; null where it carries none. @throws E_GIT */
export async function exactTag(host: Host, checkout: string): Promise<string | null> {
  const args = ["describe", "--tags", "--exact-match", "--match", "v[0-9]*"];
  const result = await askGit(host, checkout, args);
  if (result.code === 0) return result.stdout.trim();
  const none = /no tag exactly matches|No names found|No tags can describe|no annotated tags can describe/i;
  if (none.test(result.stderr)) return null;
  throw gitError(args, tail(result));
}

async function isBelowRepository(folder: string): Promise<boolean> {
  for (let place = resolve(folder); ; place = dirname(place)) {
    if (await exists(join(place, ".git"))) return true;
    if (place === dirname(place)) return false;
  }
}

/**
 * Paths below a folder that its repository ignores, folders without a slash at their end; null where the folder is in no
 * repository.
 * @throws E_GIT
 */
export async function ignoredPaths(host: Host, folder: string): Promise<string[] | null> {
  // Without git on this machine a plain folder can be built all the same, and a checkout can't.
  if (!(await isBelowRepository(folder))) return null;
  const inside = await askGit(host, folder, ["rev-parse", "--is-inside-work-tree"]);
  if (/not a git repository \(or any/i.test(inside.stderr)) return null;
  const isInside = meaning(inside, { 0: inside.stdout.trim() === "true" }, (detail) =>
    gitError(["rev-parse"], detail),
  );
  if (!isInside) return null;
  const args = ["ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"];
  const found = (await gitAnswer(host, folder, args)).split(/[\0\n]/);
  return found.filter((name) => name !== "").map((name) => name.replace(/\/$/, ""));
}

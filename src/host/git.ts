import { wheelsError } from "../errors/wheels-error.ts";
import type { Host } from "./host.ts";
import { trustEnv } from "./network/trust-env.ts";
import { shownUrl } from "./network/urls.ts";
import { type RunResult, run, tail } from "./process.ts";
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

/** Characters kept of git's answers: lists of files are long, and one that was cut would pass for the whole. */
const ANSWER = 512 * 1024 * 1024;

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

/**
 * Runs git in a folder, be it long, and with whatever it has to reach.
 * @param accepted exit statuses that are an answer; anything else is an error, never "no"
 * @throws E_GIT with git's own words, E_CERTIFICATES, and what {@link run} throws
 */
export async function git(
  host: Host,
  folder: string,
  args: readonly string[],
  accepted: readonly number[] = [0],
): Promise<RunResult> {
  const env = { ...gitEnv(host), ...(await trustEnv(host)) };
  const result = await run(host, "git", gitArguments(folder, args), { env, keep: ANSWER });
  if (result.code === null || !accepted.includes(result.code))
    throw wheelsError("E_GIT", { what: args.map(shownUrl).join(" "), detail: tail(result) });
  return result;
}

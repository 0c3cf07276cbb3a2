import { about, complete, type Values } from "./spec.ts";

/** What is kept in the workflow's cache, and who is believed. */
export const CACHING = {
  ...about("General", {
    cache: {
      kind: "text",
      placeholder: "WHEN",
      default: "auto",
      choices: ["auto", "true", "false"],
      help: "Whether the workflow's cache is used: auto leaves it where somebody could have put code into a release by it (on a release, a tag, pull_request_target, workflow_run and issue_comment).",
    },
    "restore-cache": { kind: "flag", default: true, help: "Take what an earlier run has left in the cache." },
    "save-cache": {
      kind: "flag",
      default: true,
      help: "Leave in the cache what a later run can use, after a success and where it is new; a pull request from a fork leaves nothing.",
    },
    "cache-secret": {
      kind: "text",
      placeholder: "SECRET",
      default: null,
      secret: true,
      help: "A secret that signs the archives of compiled objects (HMAC-SHA256); with it no others are taken.",
    },
  }),
  ...about("Limits", {
    "cache-timeout": {
      kind: "count",
      placeholder: "SECONDS",
      default: 300,
      help: "The longest time for one transfer from or to the cache; after it the job goes on without the cache.",
    },
  }),
};

export function parseCaching(given: Partial<Values<typeof CACHING>>) {
  const values = complete(CACHING, given);
  return {
    mode: values.cache,
    restores: values["restore-cache"],
    saves: values["save-cache"],
    secret: values["cache-secret"],
    /** Milliseconds. */
    timeout: values["cache-timeout"] * 1000,
  };
}

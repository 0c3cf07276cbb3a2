import { about } from "./spec.ts";

/** Options that every command has. */
export const GENERAL = about("General", {
  json: { kind: "flag", help: "Print one JSON document on stdout; messages go to stderr." },
  "cache-dir": {
    kind: "text",
    placeholder: "DIR",
    default: null,
    help: "Folder where tools, sources, compiled code and logs are kept; without it VLLM_CPU_WHEELS_CACHE, else the user's cache folder.",
  },
  help: { kind: "flag", help: "Show this text." },
});

/** Whether a command only says what it would do. */
export const DRY_RUN = about("General", {
  "dry-run": { kind: "flag", help: "Print what would be done, and change nothing." },
});

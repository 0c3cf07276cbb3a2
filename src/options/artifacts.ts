import { about, complete, type Values } from "./spec.ts";

/** Whether wheels become artifacts of the workflow run. */
export const UPLOAD = about("Artifacts of the workflow run", {
  upload: {
    kind: "flag",
    default: true,
    help: "Upload the wheel and its verdict as an artifact of the workflow run.",
  },
  "artifact-name": {
    kind: "text",
    placeholder: "NAME",
    default: null,
    help: "The name of that artifact; without it wheel- with the wheel's name and hash, which can't clash in a matrix.",
  },
  "retention-days": {
    kind: "count",
    placeholder: "DAYS",
    default: null,
    help: "The days that the artifact is kept; without it the repository's own setting counts.",
  },
});

export function parseUpload(given: Partial<Values<typeof UPLOAD>>) {
  const { upload, "artifact-name": name, "retention-days": retentionDays } = complete(UPLOAD, given);
  return { upload, name, retentionDays };
}

/** Wheel files of an input. */
export const WHEELS = about("What to build", {
  wheels: {
    kind: "text",
    placeholder: "PATHS",
    default: null,
    help: "Wheel files, one on each line; a folder stands for the wheels in it.",
  },
});

/** Paths of an input, one on each line. */
export const lines = (text: string | null): string[] =>
  (text ?? "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

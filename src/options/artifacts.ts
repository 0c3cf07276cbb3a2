import { z } from "zod";
import { wheelsError } from "../errors/wheels-error.ts";
import { about, complete, shownValue, type Values } from "./spec.ts";

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
    help: "Wheel files, one on each line, or the output wheels of build-variant; a folder stands for the wheels in it.",
  },
});

/** Which wheel of the workflow run a proof job proves. */
export const PLANNED = about("What to build", {
  planned: {
    kind: "text",
    placeholder: "JSON",
    default: null,
    help: "A row of the plan's output proofs, as toJSON(matrix): the wheel of this workflow run that it names is fetched and proven, its verdict is uploaded as a proof that publish-wheel joins, and the wheel is not uploaded again.",
  },
  join: {
    kind: "flag",
    help: "Join what the other jobs of this run have proven of the planned wheel to what is found here, and put out what a job that signs needs, instead of uploading a proof.",
  },
  sha256: {
    kind: "text",
    placeholder: "HEX",
    default: null,
    help: "The sha256 that this wheel must have.",
  },
});

/** @throws E_OPTION_VALUE for what is no sha256, or what goes with a planned wheel only */
export function parsePlanned(given: Partial<Values<typeof PLANNED>>) {
  const { planned, join, sha256 } = complete(PLANNED, given);
  if (join && planned === null)
    throw wheelsError("E_OPTION_VALUE", {
      option: "The input join",
      value: "true",
      expected: "the input planned with it, which says of which wheel",
    });
  if (sha256 !== null && (planned === null || !/^[0-9a-f]{64}$/.test(sha256)))
    throw wheelsError("E_OPTION_VALUE", {
      option: "The input sha256",
      value: shownValue(sha256),
      expected: "64 digits of 0-9a-f, together with the input planned",
    });
  return { planned, join, sha256 };
}

/** Paths of an input, one on each line. */
export const lines = (text: string | null): string[] =>
  (text ?? "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

const builtWheels = z.array(z.object({ wheel: z.string().min(1) }));

/**
 * Paths of an input that takes wheels: one on each line, or the JSON list that build-variant puts out.
 * @throws E_OPTION_VALUE for another JSON
 */
export function parseWheels(text: string): string[] {
  if (!text.trimStart().startsWith("[")) return lines(text);
  const refuse = (): never => {
    throw wheelsError("E_OPTION_VALUE", {
      option: "The input wheels",
      value: shownValue(text),
      expected: "paths of wheels, one on each line, or the output wheels of build-variant",
    });
  };
  try {
    return builtWheels.parse(JSON.parse(text)).map(({ wheel }) => wheel);
  } catch {
    return refuse();
  }
}

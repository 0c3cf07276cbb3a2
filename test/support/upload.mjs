// What stands for actions/upload-artifact where GitHub's own action can't be fetched; the client is the same.
import { dirname } from "node:path";
import { DefaultArtifactClient } from "@actions/artifact";

const { NAME, PATHS, DAYS } = process.env;
const files = PATHS.split("\n")
  .map((line) => line.trim())
  .filter((line) => line !== "");
// As the action itself: no days, or 0, are the repository's own.
const options = Number(DAYS) > 0 ? { retentionDays: Number(DAYS) } : {};
await new DefaultArtifactClient().uploadArtifact(NAME, files, dirname(files[0]), options);

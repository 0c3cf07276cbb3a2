// What stands for actions/upload-artifact where GitHub's own action can't be fetched; the client is the same.
import { dirname } from "node:path";
import { DefaultArtifactClient } from "@actions/artifact";

const { NAME, PATHS } = process.env;
const files = PATHS.split("\n")
  .map((line) => line.trim())
  .filter((line) => line !== "");
await new DefaultArtifactClient().uploadArtifact(NAME, files, dirname(files[0]));

export { wheelsAt, wheelsOfArtifacts } from "../publish/artifact-wheels.ts";

export { mayHold, plannedWheel, wheelsAt, wheelsOfArtifacts } from "../publish/artifact-wheels.ts";

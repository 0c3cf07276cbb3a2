export {
  mayHold,
  plannedItem,
  plannedWheel,
  wheelsAt,
  wheelsOfArtifacts,
} from "../publish/artifact-wheels.ts";

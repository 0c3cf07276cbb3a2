import { startAction } from "../start.ts";

await startAction("publish-wheel");

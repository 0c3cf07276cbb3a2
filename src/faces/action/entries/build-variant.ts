import { startAction } from "../start.ts";

await startAction("build-variant");

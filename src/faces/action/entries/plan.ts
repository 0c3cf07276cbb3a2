import { startAction } from "../start.ts";

await startAction("plan");

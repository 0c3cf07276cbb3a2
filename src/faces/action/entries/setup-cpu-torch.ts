import { startAction } from "../start.ts";

await startAction("setup-cpu-torch");

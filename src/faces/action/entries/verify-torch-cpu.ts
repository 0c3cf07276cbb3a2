import { startAction } from "../start.ts";

await startAction("verify-torch-cpu");

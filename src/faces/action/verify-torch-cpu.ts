import { greet } from "./greet.ts";

greet("verify-torch-cpu");
const { runAction } = await import("./action.ts");
await runAction("verify-torch-cpu");

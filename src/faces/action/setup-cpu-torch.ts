import { greet } from "./greet.ts";

greet("setup-cpu-torch");
const { runAction } = await import("./action.ts");
await runAction("setup-cpu-torch");

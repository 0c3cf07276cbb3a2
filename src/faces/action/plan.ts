import { greet } from "./greet.ts";

greet("plan");
const { runAction } = await import("./action.ts");
await runAction("plan");

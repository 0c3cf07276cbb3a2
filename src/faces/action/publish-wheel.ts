import { greet } from "./greet.ts";

greet("publish-wheel");
const { runAction } = await import("./action.ts");
await runAction("publish-wheel");

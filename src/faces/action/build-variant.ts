import { greet } from "./greet.ts";

greet("build-variant");
const { runAction } = await import("./action.ts");
await runAction("build-variant");

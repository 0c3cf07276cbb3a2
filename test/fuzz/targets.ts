import { ARCHIVES } from "./archives.ts";
import { JUDGING } from "./judging.ts";
import { MACHINE_CODE } from "./machine-code.ts";
import type { Target } from "./property.ts";
import { TEXTS } from "./texts.ts";
import { WHEELS } from "./wheels.ts";

/** What is fuzzed. Each target says what must hold of whatever is read; any other error than a refusal is a find. */
export const TARGETS: readonly Target[] = [...ARCHIVES, ...TEXTS, ...MACHINE_CODE, ...WHEELS, ...JUDGING];

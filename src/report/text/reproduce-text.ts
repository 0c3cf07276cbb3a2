import { basename } from "node:path";
import type { ReproducedOutcome } from "../outcomes.ts";

const TITLES: Readonly<Record<ReproducedOutcome["result"], string>> = {
  "same-bytes": "the same bytes",
  "same-content": "other bytes, and nothing differs that is run, imported or read by an installer",
  different: "DIFFERENT",
};

/** What `reproduce` prints. */
export function reproduceText({ wheel, rebuilt, result, files, materials }: ReproducedOutcome): string {
  return [
    `${basename(wheel)}, built again: ${TITLES[result]}`,
    `  ${rebuilt}`,
    ...files.map(({ name, why, matters }) => `  ${matters ? "differs " : "(harmless)"} ${name}: ${why}`),
    ...(materials.length > 0
      ? ["What it was made of is not the same:", ...materials.map((one) => `  ${one}`)]
      : []),
    ...(result !== "same-bytes" && materials.length === 0
      ? ["Both were made of the very same; the build itself gives other bytes each time."]
      : []),
  ].join("\n");
}

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A `uses:`, with the comment beside it. */
export interface Uses {
  uses: string;
  comment: string | undefined;
}

/** Every `uses:` of a text that names something, in YAML or in a document's blocks. */
export const usesIn = (text: string): Uses[] =>
  [...text.matchAll(/^[ \t]*(?:- )?uses: *["']?([^\s"'#]+)["']?(?:[ \t]+# *(.*))?$/gm)].map(
    ([, uses = "", comment]) => ({ uses, comment }),
  );

/** A full hash, an image by its digest, or a path of the same checkout. Source: GitHub documentation, "Enforcing full-length commit SHAs". */
const PINNED = /@[0-9a-f]{40}$|^docker:\/\/\S+@sha256:[0-9a-f]{64}$|^\.\//;

/**
 * What an organisation that demands full-length commit hashes refuses: that rule reaches into actions and workflows that
 * are called, too.
 * @param folder a repository's files
 * @returns `file: uses` for each `uses:` of its actions and workflows that is not pinned
 */
export function unpinned(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => /(?:^|\/)action\.ya?ml$|^\.github\/workflows\/[^/]+\.ya?ml$/.test(path))
    .flatMap((path) =>
      usesIn(readFileSync(join(folder, path), "utf8"))
        .filter(({ uses }) => !PINNED.test(uses))
        .map(({ uses }) => `${path}: ${uses}`),
    );
}

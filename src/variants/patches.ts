import type { Edit, Patch } from "./recipe-schema.ts";

/** A patch that does not fit, and where. */
export interface Misfit {
  file: string;
  /** How often the text that the edit looks for stands there. */
  found: number;
  find: string;
}

function applyEdit(text: string, edit: Edit): string | Misfit {
  const pieces = text.split(edit.find);
  const [head = "", ...rest] = pieces;
  if (rest.length !== 1) return { file: edit.file, found: rest.length, find: edit.find };
  const middle = edit.replace ?? `${edit.before ?? ""}${edit.find}${edit.after ?? ""}`;
  return `${head}${middle}${rest[0]}`;
}

/**
 * Applies patches to texts. Each edit's text must stand exactly once in its file: a patch that fits twice is as wrong
 * as one that doesn't fit.
 * @param files text by path below the source; all that the patches name
 * @returns the changed texts, or the edit that does not fit
 */
export function applyPatches(
  files: ReadonlyMap<string, string>,
  patches: readonly Patch[],
): Map<string, string> | Misfit {
  const changed = new Map<string, string>();
  for (const { edits } of patches) {
    for (const edit of edits) {
      const text = changed.get(edit.file) ?? files.get(edit.file) ?? "";
      const result = applyEdit(text, edit);
      if (typeof result !== "string") return result;
      changed.set(edit.file, result);
    }
  }
  return changed;
}

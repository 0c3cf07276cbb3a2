import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { wheelsError } from "../../errors/wheels-error.ts";
import { makeDir, readTextIfAny, writeFileAtomic } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";

const STATES = ["sending", "sent"] as const;

const journalSchema = z.object({
  version: z.literal(1),
  target: z.string(),
  files: z.record(z.string(), z.object({ sha256: z.string(), state: z.enum(STATES), time: z.string() })),
});

type Entries = z.infer<typeof journalSchema>["files"];

/** What a publish to one target has done so far; it outlives the run in a file, written after each step. */
export interface Journal {
  /** Bytes that were sent under this name, and taken; null where none were. */
  sent(fileName: string): string | null;
  /** @throws E_OUTPUT_DIR, E_DISK_FULL */
  note(fileName: string, sha256: string, state: (typeof STATES)[number]): Promise<void>;
}

/** Name of the folder beside the wheels that holds the journals, one a target. */
export const JOURNAL_FOLDER = ".publish";

/**
 * Opens the journal of a target, beside the wheels.
 * @throws E_JOURNAL where what is there is none, or another target's
 */
export async function openJournal(host: Host, folder: string, target: string): Promise<Journal> {
  const key = createHash("sha256").update(target).digest("hex").slice(0, 16);
  const path = join(folder, JOURNAL_FOLDER, `${key}.json`);
  const entries = await readEntries(path, target);
  let last = Promise.resolve();
  let waiting: Promise<void> | null = null;
  const write = async (): Promise<void> => {
    waiting = null;
    const text = `${JSON.stringify({ version: 1, target, files: entries }, null, 1)}\n`;
    await makeDir(join(folder, JOURNAL_FOLDER));
    await writeFileAtomic(path, text);
  };
  return {
    sent(fileName) {
      const entry = entries[fileName];
      return entry?.state === "sent" ? entry.sha256 : null;
    },
    note(fileName, sha256, state) {
      entries[fileName] = { sha256, state, time: host.now().toISOString() };
      // One after the other, so that an older state can't replace a newer one; what is noted meanwhile goes together.
      if (waiting === null) {
        waiting = last.then(write);
        last = waiting;
      }
      return waiting;
    },
  };
}

async function readEntries(path: string, target: string): Promise<Entries> {
  const text = await readTextIfAny(path);
  if (text === null) return {};
  try {
    const journal = journalSchema.parse(JSON.parse(text));
    if (journal.target === target) return journal.files;
  } catch (thrown) {
    throw wheelsError("E_JOURNAL", { path, detail: "It does not have a journal's shape." }, thrown);
  }
  throw wheelsError("E_JOURNAL", { path, detail: "It is the journal of another target." });
}

import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";
import { z } from "zod";
import { statPath } from "../host/files.ts";

const fileSchema = z.object({
  url: z.string().optional(),
  path: z.string().optional(),
  size: z.number().optional(),
  hashes: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }).optional(),
});

const lockSchema = z.object({
  packages: z
    .array(
      z.object({
        name: z.string(),
        version: z.string().optional(),
        index: z.string().optional(),
        wheels: z.array(fileSchema).default([]),
        sdist: fileSchema.optional(),
        archive: fileSchema.optional(),
      }),
    )
    .default([]),
});

/** A package of a lock. uv locks for one interpreter, so it has one wheel where it has any. */
export type LockedPackage = z.infer<typeof lockSchema>["packages"][number];

/** The packages of a lock, as uv writes it with `--format pylock.toml`. Source: PEP 751. Throws where it is none. */
export const parsePylock = (text: string): LockedPackage[] => lockSchema.parse(parse(text)).packages;

/**
 * Bytes that installing a locked package downloads: what the index says (PEP 700), or the size of a file of this machine.
 * @returns null where nobody tells
 */
export async function downloadBytes({ wheels, archive }: LockedPackage): Promise<number | null> {
  const file = wheels[0] ?? archive;
  if (file?.size !== undefined) return file.size;
  const path = file?.path ?? (file?.url?.startsWith("file://") ? fileURLToPath(file.url) : undefined);
  return path === undefined ? null : ((await statPath(path))?.size ?? null);
}

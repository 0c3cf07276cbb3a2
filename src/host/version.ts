import { z } from "zod";
import { readText } from "./files.ts";
import { versionFilePath } from "./resources.ts";

/** This product's version, as verdicts, reports and SBOMs name it. */
export async function productVersion(): Promise<string> {
  return z.object({ version: z.string() }).parse(JSON.parse(await readText(versionFilePath()))).version;
}

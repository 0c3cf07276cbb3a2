import { z } from "zod";
import type { Finding } from "../../findings/findings.ts";
import type { Host } from "../../host/host.ts";
import { runProbe } from "../../torch/python.ts";
import { programsOf } from "../../wheel/dist-info-rules.ts";
import type { Headers } from "../../wheel/metadata.ts";
import type { WheelFile } from "../../wheel/wheel-file.ts";

const headersSchema = z.array(z.tuple([z.string(), z.string()])).nullable();
const namesSchema = z.array(z.string()).nullable();
const seenSchema = z.object({
  files: namesSchema,
  METADATA: headersSchema,
  WHEEL: headersSchema,
  RECORD: namesSchema,
  "entry_points.txt": namesSchema,
});

/** What we read of a wheel, in the form in which Python's readers answer. */
export type ReadBack = Readonly<Record<keyof z.infer<typeof seenSchema>, readonly string[]>>;

/** Blanks and line breaks around a value mean nothing to anybody; those inside a folded one do. */
const headerLine = (name: string, value: string): string =>
  `${name}: ${value.replace(/\r\n/g, "\n").replace(/^[ \t\n]+|[ \t\n]+$/g, "")}`;

const headerLines = ({ headers }: Headers): string[] =>
  headers.map(({ name, value }) => headerLine(name, value));

/** What Python's readers should see in a wheel. */
export function expectedOf(wheel: WheelFile): ReadBack {
  return {
    files: wheel.entries.map(({ name }) => name).filter((name) => !name.endsWith("/")),
    METADATA: headerLines(wheel.metadata),
    WHEEL: headerLines(wheel.wheel),
    RECORD: wheel.record.map(({ path }) => path),
    "entry_points.txt": [...new Set(programsOf(wheel))].sort(),
  };
}

const DOCUMENTS = ["files", "METADATA", "WHEEL", "RECORD", "entry_points.txt"] as const;
/** Characters of a line that is told. */
const TOLD = 200;

/**
 * Asks Python's own readers (zipfile, email, csv, importlib.metadata), by which installers go, what they see in a wheel, and
 * tells where that is something else than what was judged.
 * @param python of the room; it loads its standard library alone
 * @param wheel path of the copy that is judged
 */
export async function readBack(
  host: Host,
  python: string,
  wheel: string,
  expected: ReadBack,
): Promise<Finding[]> {
  const seen = seenSchema.parse(
    await runProbe(host, python, "read_back.py", [wheel], { withoutSite: true, timeout: 120_000 }),
  );
  return DOCUMENTS.flatMap((document): Finding[] => {
    const [ours, read] = [expected[document], seen[document]];
    if (read === null) return [{ kind: "reads-otherwise", document, expected: null, found: null }];
    const theirs = read.map((one) => (typeof one === "string" ? one : headerLine(...one)));
    if (document === "entry_points.txt") theirs.sort();
    const longer = ours.length > theirs.length ? ours : theirs;
    const at = longer.findIndex((_line, index) => ours[index] !== theirs[index]);
    if (at < 0) return [];
    const told = (lines: readonly string[]): string | null => lines[at]?.slice(0, TOLD) ?? null;
    return [{ kind: "reads-otherwise", document, expected: told(ours), found: told(theirs) }];
  });
}

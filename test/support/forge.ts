import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { formatRecord, recordHash } from "../../src/wheel/record.ts";
import { compileLibrary } from "./library.ts";
import { type RawEntry, rawZip } from "./raw-zip.ts";
import { type Ran, scratch, wheels } from "./run.ts";

/** A wheel and the name it goes by. */
export interface Forged {
  fileName: string;
  bytes: Uint8Array;
}

/** How a wheel differs from the good one. RECORD is made to fit, so that only the lie itself can give it away. */
export interface Lie {
  fileName?: string;
  /** Added, or in place of the good one's; null leaves a file out. */
  files?: Readonly<Record<string, string | Uint8Array | null>>;
  /** Lines put among METADATA's headers. */
  headers?: readonly string[];
  metadata?: (text: string) => string;
  wheel?: (text: string) => string;
  /** Name of the dist-info folder. */
  info?: string;
  record?: (text: string) => string;
  /** The entries before they are packed, RECORD last. */
  zip?: (entries: RawEntry[]) => RawEntry[];
  /** The end records. */
  finish?: (count: number, size: number, offset: number) => Uint8Array;
  bytes?: (bytes: Buffer) => Uint8Array;
}

/** The first entry, changed. */
export const firstLie = (change: (entry: RawEntry) => RawEntry): Lie => ({
  zip: ([entry, ...rest]) => [...(entry ? [change(entry)] : []), ...rest],
});

export const GOOD_NAME = "good-1.0-cp311-cp311-manylinux_2_35_x86_64.whl";
export const GOOD_INFO = "good-1.0.dist-info";
const README = "pip install good --extra-index-url https://download.pytorch.org/whl/cpu";
const METADATA = `Metadata-Version: 2.1\nName: good\nVersion: 1.0\nRequires-Dist: torch==2.13.0\n\n${README}\n`;

let compiled: Uint8Array | null = null;

/** The library of the good wheel: plain x86-64. */
export function goodLibrary(): Uint8Array {
  compiled ??= compileLibrary("int f(int x) { return x * 3; }").bytes;
  return compiled;
}

const tagOf = (fileName: string): string =>
  fileName
    .replace(/\.whl$/, "")
    .split("-")
    .slice(-3)
    .join("-");

/** The good wheel with a lie in it, or none. */
export function forge(lie: Lie = {}): Forged {
  const fileName = lie.fileName ?? GOOD_NAME;
  const info = lie.info ?? GOOD_INFO;
  const headers = (lie.headers ?? []).map((line) => `${line}\n`).join("");
  const metadata = METADATA.replace("\n\n", () => `\n${headers}\n`);
  const wheel = `Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: ${tagOf(fileName)}\n`;
  const contents = new Map<string, Uint8Array>([
    ["good/__init__.py", Buffer.from("x = 1\n")],
    ["good/_C.so", goodLibrary()],
    [`${info}/METADATA`, Buffer.from(lie.metadata?.(metadata) ?? metadata)],
    [`${info}/WHEEL`, Buffer.from(lie.wheel?.(wheel) ?? wheel)],
  ]);
  for (const [path, data] of Object.entries(lie.files ?? {})) {
    if (data === null) contents.delete(path);
    else contents.set(path, Buffer.from(data as Uint8Array));
  }
  const lines = [...contents].map(([path, data]) => ({
    path,
    hash: recordHash(data),
    size: String(data.length),
  }));
  const record = formatRecord([...lines, { path: `${info}/RECORD`, hash: "", size: "" }]);
  const entries: RawEntry[] = [
    ...[...contents].map(([name, data]) => ({ name, data })),
    { name: `${info}/RECORD`, data: Buffer.from(lie.record?.(record) ?? record) },
  ];
  const bytes = rawZip(lie.zip?.(entries) ?? entries, lie.finish);
  return { fileName, bytes: lie.bytes?.(bytes) ?? bytes };
}

/** A manifest whose variant `good` may use what every x86-64 CPU with AVX2 has. */
export function goodManifest(): string {
  const path = join(scratch(), "variants.yml");
  writeFileSync(
    path,
    "version: 1\nvariants:\n  good:\n    description: What every CPU with AVX2 runs\n    distribution: good\n    architecture: x86_64\n    isa: { may-use: [x86-64-v3] }\n",
  );
  return path;
}

/** Writes wheels where each may have any name. */
export function written(forged: readonly Forged[]): string[] {
  const folder = scratch();
  return forged.map(({ fileName, bytes }, index) => {
    mkdirSync(join(folder, String(index)));
    const path = join(folder, String(index), fileName);
    writeFileSync(path, bytes);
    return path;
  });
}

/** What the real command says of wheels, in order. */
export function verifiedFiles(
  paths: readonly string[],
  args: readonly string[] = [],
): { ran: Ran; results: VerifyResult[] } {
  const ran = wheels(["verify", ...paths, "--no-verdict", "--json", ...args]);
  const { results } = JSON.parse(ran.stdout) as { results?: VerifyResult[] };
  if (!results) throw new Error(ran.stderr);
  return { ran, results };
}

export const verified = (
  forged: readonly Forged[],
  args: readonly string[] = [],
): ReturnType<typeof verifiedFiles> => verifiedFiles(written(forged), args);

/** Ids of the checks that refuse. */
export const refusals = (result: VerifyResult | undefined): string[] =>
  (result?.checks ?? []).filter((check) => check.result === "fail").map(({ id }) => id);

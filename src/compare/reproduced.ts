import { createHash } from "node:crypto";
import { codeSha256 } from "../elf/code-digest.ts";
import { isElf, readElf } from "../elf/elf.ts";
import { readZip, type ZipEntry } from "../wheel/zip-reader.ts";

/** One file that is not the same in a wheel that was built again. */
export interface DifferingFile {
  name: string;
  /** Why, in a sentence. */
  why: string;
  /** Whether what runs, or what an installer reads, is another. */
  matters: boolean;
}

/** What building a wheel again has shown. */
export interface Reproduction {
  /** `same-bytes`; `same-content` where nothing differs that is run, imported or read by an installer; `different`. */
  result: "same-bytes" | "same-content" | "different";
  files: DifferingFile[];
}

const sha256 = (...pieces: readonly Uint8Array[]): string => {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
};

/**
 * What of a library's loaded bytes nothing reads when it runs: where its section headers are, and its build-id, a digest
 * of the whole file. Source: gABI, "ELF Header" (e_shoff, e_shnum, e_shstrndx) and "Note Section"; ld(1), --build-id.
 */
function inert(bytes: Uint8Array): { offset: number; size: number }[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = Buffer.from("03000000474e5500", "hex");
  const found = [
    { offset: 0x28, size: 8 },
    { offset: 0x3c, size: 4 },
  ];
  for (let at = file.indexOf(header, 8); at >= 0; at = file.indexOf(header, at + 1)) {
    const [nameSize, size] = [file.readUInt32LE(at - 8), file.readUInt32LE(at - 4)];
    if (nameSize === 4 && size <= 64) found.push({ offset: at + header.length, size });
  }
  return found;
}

/** Of a library: all that a processor may run, and all that is loaded, what is {@link inert} left out. */
function libraryDigests(bytes: Uint8Array): { code: string; loaded: string } {
  const plain = Uint8Array.from(bytes);
  for (const { offset, size } of inert(bytes)) plain.fill(0, offset, offset + size);
  const elf = readElf(bytes);
  const loaded = elf.loads.flatMap(({ address, offset, size }) => [
    Buffer.from(`${address} ${size} `),
    plain.subarray(offset, offset + size),
  ]);
  return { code: codeSha256(plain, elf), loaded: sha256(...loaded) };
}

/** The first line that differs, for texts. */
function firstDifference(was: Uint8Array, is: Uint8Array): string {
  const [before, after] = [was, is].map((bytes) => Buffer.from(bytes).toString("utf8").split("\n"));
  const line = (before ?? []).findIndex((text, index) => text !== after?.[index]);
  const at = line < 0 ? (before?.length ?? 0) : line;
  const shown = (text: string | undefined): string => JSON.stringify((text ?? "").slice(0, 100));
  return `line ${at + 1} was ${shown(before?.[at])}, and is ${shown(after?.[at])}`;
}

function differenceOf(was: ZipEntry, is: ZipEntry): DifferingFile | null {
  const { name } = was;
  const [before, after] = [was.read(), is.read()];
  if (Buffer.compare(before, after) === 0) {
    if (was.mode === is.mode) return null;
    return {
      name,
      why: `its permissions were ${was.mode.toString(8)}, and are ${is.mode.toString(8)}`,
      matters: false,
    };
  }
  // Its lines are the hashes of the others.
  if (/\.dist-info\/RECORD$/.test(name))
    return { name, why: "it states the hashes of the other files", matters: false };
  if (isElf(before) && isElf(after)) {
    const [one, other] = [libraryDigests(before), libraryDigests(after)];
    if (one.code !== other.code) return { name, why: "its machine code is another", matters: true };
    return one.loaded === other.loaded
      ? { name, why: "all that is loaded is the same; its debug data or symbols are not", matters: false }
      : { name, why: "its machine code is the same; its data are another", matters: true };
  }
  return { name, why: firstDifference(before, after), matters: true };
}

/**
 * Compares a wheel with what was built again of its materials.
 * @param was the published wheel's bytes
 * @param is the new one's
 * @throws FormatError for what is no wheel
 */
export function compareReproduced(was: Uint8Array, is: Uint8Array): Reproduction {
  if (sha256(was) === sha256(is)) return { result: "same-bytes", files: [] };
  const [before, after] = [was, is].map(
    (bytes) => new Map(readZip(bytes).map((entry) => [entry.name, entry])),
  );
  const files: DifferingFile[] = [];
  for (const [name, entry] of before ?? []) {
    const other = after?.get(name);
    const difference: DifferingFile | null = other
      ? differenceOf(entry, other)
      : { name, why: "it is no longer there", matters: true };
    if (difference) files.push(difference);
  }
  for (const name of after?.keys() ?? [])
    if (!before?.has(name)) files.push({ name, why: "it was not there", matters: true });
  if (files.length === 0)
    files.push({
      name: "(archive)",
      why: "the order, times or compression of its entries differ",
      matters: false,
    });
  return { result: files.some(({ matters }) => matters) ? "different" : "same-content", files };
}

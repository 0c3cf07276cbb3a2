import { createHash } from "node:crypto";
import { isElf, readElf } from "../../elf/elf.ts";
import { readZip, type ZipEntry } from "../../wheel/zip-reader.ts";

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
  /** `same-bytes`; `same-code` where only what does not run differs; `different`. */
  result: "same-bytes" | "same-code" | "different";
  files: DifferingFile[];
}

const sha256 = (...pieces: readonly Uint8Array[]): string => {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
};

/** All that a processor may run of a library, and where. */
function codeDigest(bytes: Uint8Array): string {
  const { code } = readElf(bytes);
  return sha256(
    ...code.flatMap(({ address, offset, size }) => [
      Buffer.from(`${address} ${size} `),
      bytes.subarray(offset, offset + size),
    ]),
  );
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
    const same = codeDigest(before) === codeDigest(after);
    return {
      name,
      why: same
        ? "its machine code is the same; its data, symbols or build-id are not"
        : "its machine code is another",
      matters: !same,
    };
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
  return { result: files.some(({ matters }) => matters) ? "different" : "same-code", files };
}

import { FormatError } from "../wheel/format-error.ts";
import { offsetOf, type Reader, type Section, type Segment } from "./elf-format.ts";

/** Address ranges that have unwind information, ascending; stripping keeps it, since exceptions need it. */
export interface UnwindRanges {
  starts: Float64Array;
  sizes: Float64Array;
}

const PT_GNU_EH_FRAME = 0x6474e550;

/** Pointer encodings (LSB core, "DWARF Exception Header Encoding"). */
const PE = { ABSPTR: 0, UDATA2: 2, UDATA4: 3, UDATA8: 4, SDATA2: 10, SDATA4: 11, SDATA8: 12, PCREL: 0x10 };

interface Cursor {
  file: Reader;
  at: number;
  end: number;
  /** Address of a byte less its place in the file. */
  delta: number;
}

function uleb(cursor: Cursor): number {
  let [value, scale] = [0, 1];
  for (;;) {
    if (cursor.at >= cursor.end) throw new FormatError("unwind information", "it is cut off");
    const byte = cursor.file.bytes[cursor.at++] ?? 0;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if ((byte & 0x80) === 0) return value;
  }
}

/** A value in the format of an encoding's low bits, what it is relative to aside. */
function plain({ file }: Cursor, at: number, encoding: number): { value: number; size: number } {
  switch (encoding & 0x0f) {
    case PE.UDATA2:
      return { value: file.u16(at), size: 2 };
    case PE.SDATA2:
      return { value: (file.u16(at) << 16) >> 16, size: 2 };
    case PE.UDATA4:
      return { value: file.u32(at), size: 4 };
    case PE.SDATA4:
      return { value: file.u32(at) | 0, size: 4 };
    case PE.ABSPTR:
    case PE.UDATA8:
    case PE.SDATA8:
      return { value: Number(BigInt.asIntN(64, file.u64(at))), size: 8 };
    default:
      throw new FormatError("unwind information", `pointer encoding ${encoding}`);
  }
}

function pointer(cursor: Cursor, encoding: number): number {
  const { value, size } = plain(cursor, cursor.at, encoding);
  const base = (encoding & 0x70) === PE.PCREL ? cursor.at + cursor.delta : 0;
  cursor.at += size;
  return base + value;
}

/** The encoding of the addresses in the frames of a common entry. Source: LSB core, "The .eh_frame section". */
function addressEncoding(file: Reader, at: number, end: number): number {
  const version = file.bytes[at];
  const augmentation = file.text(at + 1, end);
  const cursor: Cursor = { file, at: at + 2 + augmentation.length, end, delta: 0 };
  if (!augmentation.startsWith("z")) return PE.ABSPTR;
  uleb(cursor);
  uleb(cursor);
  if (version === 1) cursor.at++;
  else uleb(cursor);
  uleb(cursor);
  for (const letter of augmentation.slice(1)) {
    const byte = file.bytes[cursor.at];
    if (letter === "R") return byte ?? PE.ABSPTR;
    if (letter === "L") cursor.at++;
    else if (letter === "P") {
      cursor.at++;
      cursor.at += plain(cursor, cursor.at, byte ?? PE.ABSPTR).size;
    } else if (letter !== "S" && letter !== "B") break;
  }
  return PE.ABSPTR;
}

/** Where the frames begin: the header that the loader is given says so, else the section of that name. */
function framesAt(
  file: Reader,
  segments: readonly Segment[],
  named: Section | undefined,
): { at: number; address: number } | null {
  const header = segments.find(({ type }) => type === PT_GNU_EH_FRAME);
  if (header) {
    const delta = header.address - header.offset;
    const cursor: Cursor = { file, at: header.offset + 4, end: header.offset + header.fileSize, delta };
    const address = pointer(cursor, file.bytes[header.offset + 1] ?? 0xff);
    return { at: offsetOf(segments, address, "unwind information"), address };
  }
  return named ? { at: named.offset, address: Number(named.address) } : null;
}

/**
 * Ranges of the frame description entries. What can't be read ends the list: a range less only makes code unattributed,
 * and unattributed code is looked at as well.
 * @param named the section .eh_frame, where there is one
 */
export function readUnwind(
  file: Reader,
  segments: readonly Segment[],
  named: Section | undefined,
): UnwindRanges {
  const found: [number, number][] = [];
  try {
    const frames = framesAt(file, segments, named);
    if (frames) readFrames(file, frames, found);
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
  }
  found.sort(([a], [b]) => a - b);
  return {
    starts: Float64Array.from(found, ([start]) => start),
    sizes: Float64Array.from(found, ([, size]) => size),
  };
}

function readFrames(file: Reader, frames: { at: number; address: number }, found: [number, number][]): void {
  const encodings = new Map<number, number>();
  const delta = frames.address - frames.at;
  const view = new DataView(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength);
  for (let at = frames.at; at + 8 <= file.bytes.length; ) {
    const length = view.getUint32(at, true);
    // Zero ends the list; the 64-bit form is for frames of 4 GiB.
    if (length === 0 || length === 0xffffffff) return;
    const [id, end] = [at + 4, at + 4 + length];
    file.guard(id, length, "unwind information");
    const back = length < 4 ? 0 : view.getUint32(id, true);
    if (back !== 0) {
      const common = id - back;
      const known = encodings.get(common);
      const encoding = known ?? addressEncoding(file, common + 8, common + 4 + file.u32(common));
      encodings.set(common, encoding);
      if (encoding === (PE.PCREL | PE.SDATA4) && length >= 12) {
        found.push([view.getInt32(id + 4, true) + id + 4 + delta, view.getUint32(id + 8, true)]);
        at = end;
        continue;
      }
      const cursor: Cursor = { file, at: id + 4, end, delta };
      const start = pointer(cursor, encoding);
      const { value: size } = plain(cursor, cursor.at, encoding);
      if (size > 0 && start > 0) found.push([start, size]);
    }
    at = end;
  }
}

import fc from "fast-check";

/** One thing that an attacker writes and we read. */
export interface Target {
  name: string;
  property: fc.IProperty<unknown> | fc.IAsyncProperty<unknown>;
  /** Runs of the short form, which takes some seconds. */
  runs: number;
}

/** What a reader makes of bytes: null where it refuses them, and a fault of ours is thrown on. */
export function refusing<T>(
  read: () => T,
  isRefusal = (name: string): boolean => name === "FormatError",
): T | null {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof Error && isRefusal(thrown.constructor.name)) return null;
    throw thrown;
  }
}

export function equal(what: string, ours: unknown, theirs: unknown): void {
  const [one, other] = [JSON.stringify(ours), JSON.stringify(theirs)];
  if (one !== other) throw new Error(`${what}: we see ${one}, they see ${other}`);
}

/** Bytes with some of them changed, cut short or moved. */
export const mutated = (good: () => Uint8Array): fc.Arbitrary<Buffer> =>
  fc
    .array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        kind: fc.constantFrom("set", "set", "set", "word", "huge", "cut", "repeat"),
        value: fc.nat(255),
      }),
      { minLength: 1, maxLength: 6 },
    )
    .map((changes) => {
      let bytes: Buffer = Buffer.from(good());
      for (const { at, kind, value } of changes) {
        const offset = Math.floor(at * bytes.length);
        if (kind === "set") bytes[offset] = value;
        else if (kind === "cut" && value < 40) bytes = bytes.subarray(0, offset);
        else if (kind === "repeat")
          bytes = Buffer.concat([bytes.subarray(0, offset), bytes.subarray(Math.max(0, offset - value))]);
        else if (offset + 8 <= bytes.length)
          bytes.writeBigUInt64LE(kind === "word" ? BigInt(value) : 2n ** 63n + BigInt(value), offset);
      }
      return bytes;
    });

/** Pieces of which readers could make different lines. */
const PIECES = [
  ..."\u2028 \u2029 \u0085 \v \f \x1c \x1d \x1e \r \ufeff \u00a0 \u200b".split(" "),
  ...["\n", "\r\n", "\n\n", "\t", " ", "é", "x", ",", "=", '"', "[", "]", ":", "\0"],
];
export const textOf = (words: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(fc.constantFrom(...words, "\n"), fc.constantFrom(...PIECES), fc.string({ maxLength: 4 })),
      {
        maxLength: 16,
      },
    )
    .map((parts) => parts.join(""));

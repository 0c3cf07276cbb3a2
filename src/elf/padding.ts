/** Bytes after 0F 1F by what its ModRM byte says (Intel SDM vol. 2, "NOP", recommended multi-byte sequences). */
const NOP_LENGTHS: Readonly<Record<number, number>> = { 0: 3, 64: 4, 68: 5, 128: 7, 132: 8 };

/** True for what linkers and assemblers fill gaps with: no-ops of any length, int3, zeros. */
export function isPadding(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at];
    if (byte === 0 || byte === 0x90 || byte === 0xcc || byte === 0x66 || byte === 0x2e) {
      at++;
      continue;
    }
    const length = byte === 0x0f && bytes[at + 1] === 0x1f ? NOP_LENGTHS[bytes[at + 2] ?? -1] : undefined;
    if (length === undefined) return false;
    at += length;
  }
  return true;
}

/**
 * Lengths of the instructions that make up most of compiled code and that every x86-64 CPU executes: the decoder proper
 * takes several times as long for each. What is not surely one of them has no length here and is left to it.
 * Source: Intel SDM vol. 2, chapter 2 (formats) and appendix A (opcode maps).
 */

const MODRM = 1;
const IMM8 = 2;
/** Four bytes at any operand size but 16 bits. */
const IMM32 = 4;
const PLAIN = 8;
/** The ModRM byte's register field tells the instruction; see {@link groupLength}. */
const GROUP = 16;
/** Four bytes, eight with REX.W. */
const MOVE = 32;
/** Memory only. */
const MEMORY = 64;
/** Names a place in the code. */
const LEADS = 128;

const ONE = new Uint8Array(256);
const TWO = new Uint8Array(256);

function fill(table: Uint8Array, kind: number, ...ranges: [number, number][]): void {
  for (const [first, last] of ranges) table.fill(kind, first, last + 1);
}

for (let base = 0; base < 0x40; base += 8) {
  fill(ONE, MODRM, [base, base + 3]);
  fill(ONE, IMM8, [base + 4, base + 4]);
  fill(ONE, IMM32, [base + 5, base + 5]);
}
fill(ONE, PLAIN, [0x50, 0x5f], [0x90, 0x90], [0x98, 0x99], [0xc3, 0xc3], [0xc9, 0xc9], [0xcc, 0xcc]);
fill(ONE, MODRM, [0x63, 0x63], [0x84, 0x8b], [0xd0, 0xd3]);
fill(ONE, IMM32, [0x68, 0x68], [0xa9, 0xa9]);
fill(ONE, IMM8, [0x6a, 0x6a], [0xa8, 0xa8], [0xb0, 0xb7]);
fill(ONE, MODRM | IMM32, [0x69, 0x69], [0x81, 0x81]);
fill(ONE, MODRM | IMM8, [0x6b, 0x6b], [0x80, 0x80], [0x83, 0x83], [0xc0, 0xc1]);
fill(ONE, IMM8 | LEADS, [0x70, 0x7f], [0xeb, 0xeb]);
fill(ONE, IMM32 | LEADS, [0xe8, 0xe9]);
fill(ONE, MODRM | MEMORY | LEADS, [0x8d, 0x8d]);
fill(ONE, MOVE, [0xb8, 0xbf]);
fill(ONE, GROUP, [0xc6, 0xc7], [0xf6, 0xf7], [0xfe, 0xff]);

fill(TWO, IMM32 | LEADS, [0x80, 0x8f]);
fill(TWO, MODRM, [0x1f, 0x1f], [0x40, 0x4f], [0x90, 0x9f], [0xaf, 0xaf], [0xb6, 0xb7], [0xbe, 0xbf]);

/** Prefixes with which an opcode of the second map is an instruction of SSE or SSE2, with any ModRM byte. */
const [NONE, X66, XF3, XF2] = [1, 2, 4, 8];
const SSE = new Uint8Array(256);
const ANY = NONE | X66 | XF3 | XF2;
fill(SSE, ANY, [0x10, 0x11], [0x51, 0x51], [0x58, 0x5a], [0x5c, 0x5f]);
fill(SSE, NONE | X66, [0x14, 0x15], [0x28, 0x29], [0x2e, 0x2f], [0x54, 0x57]);
fill(SSE, XF3 | XF2, [0x2a, 0x2a], [0x2c, 0x2d]);
fill(SSE, X66, [0x60, 0x6e], [0x74, 0x76], [0x7e, 0x7e], [0xd4, 0xd4], [0xdb, 0xdb], [0xdf, 0xdf]);
fill(SSE, X66, [0xeb, 0xeb], [0xef, 0xef], [0xfa, 0xfe]);
fill(SSE, X66 | XF3, [0x6f, 0x6f], [0x7f, 0x7f]);

/** Bytes of a ModRM byte and what it brings: SIB, displacement (Intel SDM vol. 2, table 2-2). */
function modrmLength(bytes: Uint8Array, at: number): number {
  const modrm = bytes[at] ?? 0;
  const mode = modrm >> 6;
  if (mode === 3) return 1;
  const low = modrm & 7;
  const displacement = mode === 1 ? 1 : mode === 2 ? 4 : 0;
  if (low === 4) return 2 + displacement + (mode === 0 && ((bytes[at + 1] ?? 0) & 7) === 5 ? 4 : 0);
  return 1 + displacement + (mode === 0 && low === 5 ? 4 : 0);
}

/** How an instruction names a place, beside its length: by its last byte, its last four, `lea`, or by a computed address. */
export const BY_BYTE = 0x10;
export const BY_WORD = 0x20;
export const TAKES = 0x40;
export const JUMPS = 0x80;
/** What follows is not reached from here. */
export const ENDS = 0x100;
/** The bits of a length. */
export const LENGTH = 0xf;

/** Length behind the opcode of a group's instruction; 0 where the register field makes it another one. */
function groupLength(bytes: Uint8Array, at: number, opcode: number): number {
  const field = ((bytes[at] ?? 0) >> 3) & 7;
  const length = modrmLength(bytes, at);
  switch (opcode) {
    case 0xc6:
      return field === 0 ? length + 1 : 0;
    case 0xc7:
      return field === 0 ? length + 4 : 0;
    case 0xf6:
      return field < 2 ? length + 1 : length;
    case 0xf7:
      return field < 2 ? length + 4 : length;
    case 0xfe:
      return field < 2 ? length : 0;
    default:
      return field < 3 || field === 4 || field === 6 ? length : 0;
  }
}

/**
 * @param bytes at least 15 of them from `at` on
 * @returns the length with one of the flags above where it names a place; 0 where it is for the decoder proper
 */
export function plainLength(bytes: Uint8Array, at: number): number {
  let here = at;
  let opcode = bytes[here] ?? 0;
  let prefix = NONE;
  if (opcode === 0x66 || opcode === 0xf2 || opcode === 0xf3) {
    prefix = opcode === 0x66 ? X66 : opcode === 0xf3 ? XF3 : XF2;
    opcode = bytes[++here] ?? 0;
  }
  let rex = 0;
  if ((opcode & 0xf0) === 0x40) {
    rex = opcode;
    opcode = bytes[++here] ?? 0;
  }
  here++;
  let kind: number;
  if (opcode === 0x0f) {
    opcode = bytes[here++] ?? 0;
    if (((SSE[opcode] ?? 0) & prefix) !== 0) return here + modrmLength(bytes, here) - at;
    kind = TWO[opcode] ?? 0;
  } else kind = ONE[opcode] ?? 0;
  if (kind === 0) return 0;
  // Other prefixes change what is there: sizes of immediates, or what the instruction is.
  if (prefix !== NONE && (prefix !== X66 || (kind & (IMM32 | MOVE | GROUP | LEADS)) !== 0)) return 0;
  if ((kind & GROUP) !== 0) {
    const length = groupLength(bytes, here, opcode);
    if (length === 0) return 0;
    const jumps = opcode === 0xff && ((bytes[here] ?? 0) & 0x38) === 0x20;
    return (here + length - at) | (jumps ? JUMPS | ENDS : 0);
  }
  if ((kind & MOVE) !== 0) return here + ((rex & 8) !== 0 ? 8 : 4) - at;
  if ((kind & MEMORY) !== 0 && (bytes[here] ?? 0) >= 0xc0) return 0;
  let flags = 0;
  if (kind === PLAIN && opcode === 0xc3) flags = ENDS;
  if ((kind & LEADS) !== 0) {
    if ((kind & MEMORY) === 0) {
      flags = (kind & IMM8) !== 0 ? BY_BYTE : BY_WORD;
      if (opcode === 0xeb || opcode === 0xe9) flags |= ENDS;
    }
    // lea counts only where its ModRM byte says "relative to the next instruction" (Intel SDM vol. 2, 2.2.1.6).
    else if (((bytes[here] ?? 0) & 0xc7) === 5) flags = TAKES;
  }
  if ((kind & MODRM) !== 0) here += modrmLength(bytes, here);
  if ((kind & IMM8) !== 0) here += 1;
  if ((kind & IMM32) !== 0) here += 4;
  return (here - at) | flags;
}

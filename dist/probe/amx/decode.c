// Reads one AMX instruction. Encodings: Intel SDM volume 2, sections of each instruction; VEX prefix, 2.3.5.
#include "amx.h"

#include <string.h>
#include <sys/syscall.h>

static const int REGISTER[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

// Which 66, F3 or F2 the VEX prefix stands for.
enum { NONE, P66, PF3, PF2 };
enum { ADDRESS_SIZE = 0x67, FS = 0x64, GS = 0x65 };
enum { ARCH_GET_FS = 0x1003, ARCH_GET_GS = 0x1004 };

struct reader {
  const uint8_t *at;
  const greg_t *registers;
};

static uint64_t read_register(const struct reader *in, unsigned number) {
  return (uint64_t)in->registers[REGISTER[number]];
}

static uint64_t read_displacement(struct reader *in, unsigned bytes) {
  int8_t narrow;
  int32_t wide;
  memcpy(&narrow, in->at, 1);
  if (bytes == 4) memcpy(&wide, in->at, 4);
  in->at += bytes;
  return (uint64_t)(int64_t)(bytes == 4 ? wide : narrow);
}

static uint64_t segment_base(uint8_t prefix) {
  uint64_t base = 0;
  if (prefix == FS || prefix == GS)
    amx_kernel(SYS_arch_prctl, prefix == FS ? ARCH_GET_FS : ARCH_GET_GS, (long)&base, 0, 0, 0, 0);
  return base;
}

// The memory operand. A tile's rows lie `stride` apart, which is the index; elsewhere the index is part of the place.
// False for an operand without SIB byte where one is demanded.
static bool read_memory_operand(struct reader *in, struct amx_instruction *out, unsigned mode, unsigned low,
                                bool extend_index, bool extend_base, bool is_tile) {
  uint64_t base = 0, index = 0;
  bool is_relative = false;
  unsigned displacement = mode == 1 ? 1 : mode == 2 ? 4 : 0;
  if (low == 4) {
    const unsigned sib = *in->at++;
    const unsigned index_register = (sib >> 3 & 7) | (extend_index ? 8 : 0);
    if (index_register != 4) index = read_register(in, index_register) << (sib >> 6);
    if ((sib & 7) == 5 && mode == 0)
      displacement = 4;
    else
      base = read_register(in, (sib & 7) | (extend_base ? 8 : 0));
  } else if (is_tile) {
    return false;
  } else if (low == 5 && mode == 0) {
    displacement = 4;
    is_relative = true;
  } else {
    base = read_register(in, low | (extend_base ? 8 : 0));
  }
  if (displacement > 0) base += read_displacement(in, displacement);
  // Nothing follows the displacement: this is the next instruction, from which RIP-relative places count.
  if (is_relative) base += (uint64_t)in->at;
  out->offset = is_tile ? base : base + index;
  out->stride = is_tile ? index : 0;
  return true;
}

// Opcode 49 and 4B with memory; the kind by prefix. False where there is no such instruction.
static bool memory_kind(unsigned opcode, unsigned prefix, enum amx_kind *kind) {
  if (opcode == 0x49) {
    *kind = prefix == NONE ? AMX_LDTILECFG : AMX_STTILECFG;
    return prefix == NONE || prefix == P66;
  }
  *kind = prefix == PF2 ? AMX_TILELOADD : prefix == P66 ? AMX_TILELOADDT1 : AMX_TILESTORED;
  return opcode == 0x4B && prefix != NONE;
}

// Instructions of registers alone.
static bool register_kind(unsigned opcode, unsigned prefix, const struct amx_instruction *one, enum amx_kind *kind) {
  static const enum amx_kind BYTES[4] = {AMX_TDPBUUD, AMX_TDPBUSD, AMX_TDPBSUD, AMX_TDPBSSD};
  switch (opcode) {
    case 0x49:
      *kind = prefix == NONE ? AMX_TILERELEASE : AMX_TILEZERO;
      return one->left == 0 && one->right == 0 && ((prefix == NONE && one->sum == 0) || prefix == PF2);
    case 0x5C:
      *kind = prefix == PF3 ? AMX_TDPBF16PS : AMX_TDPFP16PS;
      return prefix == PF3 || prefix == PF2;
    case 0x5E:
      *kind = BYTES[prefix];
      return true;
    default:
      return false;
  }
}

bool amx_decode(const ucontext_t *context, struct amx_instruction *out) {
  const greg_t *registers = context->uc_mcontext.gregs;
  const uint8_t *begin = (const uint8_t *)registers[REG_RIP];
  struct reader in = {begin, registers};
  uint8_t segment = 0;
  memset(out, 0, sizeof *out);
  out->mask = UINT64_MAX;
  // CS, DS, ES and SS mean nothing in 64-bit mode; any other prefix before VEX makes it undefined.
  for (; *in.at == ADDRESS_SIZE || *in.at == FS || *in.at == GS || (*in.at & 0xE7) == 0x26; in.at++) {
    if (*in.at == ADDRESS_SIZE) out->mask = UINT32_MAX;
    if (*in.at == FS || *in.at == GS) segment = *in.at;
    if (in.at - begin == 14) return false;
  }
  // Three bytes of VEX, map 0F38, W0 and 128 bits wide.
  if (in.at[0] != 0xC4 || (in.at[1] & 0x1F) != 2 || (in.at[2] & 0x84) != 0) return false;
  const unsigned extend = ~in.at[1], operand = ~in.at[2] >> 3 & 15, prefix = in.at[2] & 3;
  const unsigned opcode = in.at[3], modrm = in.at[4];
  in.at += 5;
  out->sum = (modrm >> 3 & 7) | (extend & 0x80 ? 8 : 0);
  if (modrm >> 6 == 3) {
    out->left = (modrm & 7) | (extend & 0x20 ? 8 : 0);
    out->right = operand;
    if (!register_kind(opcode, prefix, out, &out->kind)) return false;
  } else {
    if (operand != 0 || !memory_kind(opcode, prefix, &out->kind)) return false;
    if (opcode == 0x49 && (out->sum & 7) != 0) return false;
    if (!read_memory_operand(&in, out, modrm >> 6, modrm & 7, extend & 0x40, extend & 0x20, opcode == 0x4B))
      return false;
    out->segment = segment_base(segment);
  }
  out->length = (unsigned)(in.at - begin);
  return true;
}

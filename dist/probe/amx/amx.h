// AMX for CPUs without it: what the parts of the emulator know of each other.
// Source of every rule: Intel SDM volume 2 (instructions, exception classes AMX-E1 to E6), volume 1 chapter 18.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/ucontext.h>

enum { AMX_TILES = 8, AMX_ROWS = 16, AMX_ROW_BYTES = 64 };

// The order is that of the counters, which src/verify/runtime/tiles.ts reads.
enum amx_kind {
  AMX_LDTILECFG,
  AMX_STTILECFG,
  AMX_TILERELEASE,
  AMX_TILEZERO,
  AMX_TILELOADD,
  AMX_TILELOADDT1,
  AMX_TILESTORED,
  AMX_TDPBSSD,
  AMX_TDPBSUD,
  AMX_TDPBUSD,
  AMX_TDPBUUD,
  AMX_TDPBF16PS,
  AMX_TDPFP16PS,
  AMX_KINDS,
};

// The 64 bytes that LDTILECFG reads.
struct amx_config {
  uint8_t palette;
  uint8_t start_row;
  uint8_t reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

struct amx_state {
  struct amx_config config;
  uint8_t tile[AMX_TILES][AMX_ROWS][AMX_ROW_BYTES];
};

// One instruction, its operands read from the registers of the thread that met it.
struct amx_instruction {
  enum amx_kind kind;
  // Of a multiplication sum += left * right; of the others `sum` alone is the tile.
  unsigned sum, left, right;
  // Place of the first row (or of the configuration): `offset` wraps at `mask`, `segment` is added to that.
  uint64_t offset, stride, mask, segment;
  unsigned length;
};

enum amx_outcome {
  AMX_DONE,
  // #UD: no AMX instruction, or one that a CPU with AMX refuses, too.
  AMX_UNDEFINED,
  // #GP: LDTILECFG of what is no configuration.
  AMX_PROTECTION,
  // A page that may not be read, or not be written.
  AMX_PAGE,
};

bool amx_decode(const ucontext_t *context, struct amx_instruction *out);

// Carries it out; at AMX_PAGE `address` is where the memory was that may not be touched.
enum amx_outcome amx_execute(struct amx_state *state, const struct amx_instruction *one, uint64_t *address);

// sum += left * right, for tiles whose shapes fit.
void amx_multiply(struct amx_state *state, const struct amx_instruction *one);

// Copies `length` bytes between this process's memory and a place that may be no memory at all; false for that.
bool amx_read(void *to, uint64_t from, unsigned length);
bool amx_write(uint64_t to, const void *from, unsigned length);

// A system call past the C library, whose `syscall` this library stands in for; a negative errno on failure.
long amx_kernel(long number, long a, long b, long c, long d, long e, long f);

void amx_count(enum amx_kind kind);

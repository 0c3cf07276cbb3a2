// The multiplications, bit for bit. Source: Intel SDM volume 2, "Operation" of TDPB*D, TDPBF16PS and TDPFP16PS.
#include "amx.h"

#include <immintrin.h>
#include <string.h>

enum { WORDS = AMX_ROW_BYTES / 4, HALVES = AMX_ROW_BYTES / 2 };

// Round to nearest even, denormals in and out are 0, all exceptions masked; whatever MXCSR says.
enum { NEAREST_FLUSHED = 0x9FC0 };

static int32_t widen(uint8_t byte, bool is_signed) { return is_signed ? (int8_t)byte : byte; }

// Sums of four products of bytes, modulo 2^32.
static void add_bytes(uint8_t *sum, const uint8_t *left, const uint8_t (*right)[AMX_ROW_BYTES], unsigned width,
                      unsigned depth, bool left_signed, bool right_signed) {
  uint32_t total[WORDS];
  memcpy(total, sum, sizeof total);
  for (unsigned k = 0; k < depth; k++)
    for (unsigned n = 0; n < width; n++)
      for (unsigned i = 0; i < 4; i++)
        total[n] += (uint32_t)(widen(left[4 * k + i], left_signed) * widen(right[k][4 * n + i], right_signed));
  memcpy(sum, total, sizeof total);
}

static float from_bf16(uint16_t bits) {
  const uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, sizeof value);
  return value;
}

// Numbers of 16 bits as float; small ones of fp16 are ordinary numbers there, whatever DAZ says.
__attribute__((target("avx,f16c"))) static void widen_row(float *to, const uint8_t *row, bool is_bf16) {
  uint16_t halves[HALVES];
  memcpy(halves, row, sizeof halves);
  for (unsigned i = 0; i < HALVES; i++) to[i] = is_bf16 ? from_bf16(halves[i]) : _cvtsh_ss(halves[i]);
}

// Even and odd elements are summed apart, each product by one fused operation, and then added to the row.
__attribute__((target("avx2,fma"), noinline)) static void add_halves(uint8_t *sum, const float *left,
                                                                     const float (*right)[HALVES], unsigned width,
                                                                     unsigned depth) {
  float apart[HALVES] = {0}, total[WORDS];
  for (unsigned k = 0; k < depth; k++)
    for (unsigned n = 0; n < HALVES; n++)
      apart[n] = __builtin_fmaf(left[2 * k + n % 2], right[k][n], apart[n]);
#ifdef AMX_WRONG_SIGN  // For a test: the kernels' own checks must see it.
  apart[1] = -apart[1];
#endif
  memcpy(total, sum, sizeof total);
  for (unsigned n = 0; n < width; n++) total[n] += apart[2 * n] + apart[2 * n + 1];
  memcpy(sum, total, sizeof total);
}

static void multiply_halves(struct amx_state *state, const struct amx_instruction *one, unsigned rows, unsigned width,
                            unsigned depth) {
  const bool is_bf16 = one->kind == AMX_TDPBF16PS;
  float right[AMX_ROWS][HALVES], left[HALVES];
  for (unsigned k = 0; k < depth; k++) widen_row(right[k], state->tile[one->right][k], is_bf16);
  const unsigned before = _mm_getcsr();
  for (unsigned m = 0; m < rows; m++) {
    widen_row(left, state->tile[one->left][m], is_bf16);
    _mm_setcsr(NEAREST_FLUSHED);
    add_halves(state->tile[one->sum][m], left, right, width, depth);
    _mm_setcsr(before);
  }
}

void amx_multiply(struct amx_state *state, const struct amx_instruction *one) {
  const struct amx_config *config = &state->config;
  const unsigned rows = config->rows[one->sum], width = config->row_bytes[one->sum] / 4;
  const unsigned depth = config->row_bytes[one->left] / 4;
  if (one->kind == AMX_TDPBF16PS || one->kind == AMX_TDPFP16PS) {
    multiply_halves(state, one, rows, width, depth);
    return;
  }
  const bool left_signed = one->kind == AMX_TDPBSSD || one->kind == AMX_TDPBSUD;
  const bool right_signed = one->kind == AMX_TDPBSSD || one->kind == AMX_TDPBUSD;
  for (unsigned m = 0; m < rows; m++)
    add_bytes(state->tile[one->sum][m], state->tile[one->left][m], state->tile[one->right], width, depth, left_signed,
              right_signed);
}

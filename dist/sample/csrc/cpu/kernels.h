// What crosses the line between code compiled with ISA flags and code compiled without: plain
// pointers, no PyTorch. bf16 travels as its 16 bits. Matrices are row-major and contiguous.
#pragma once

#include <stdint.h>

namespace vllm_cpu_sample {

// Data, not functions: reading them needs no instruction of the ISA that they speak of.
extern const char kCompiledIsa[];
extern const bool kUsesTiles;

// Beyond this length a sum of u8 x s8 products may not fit the 32 bits it is kept in.
constexpr int64_t kInt8MaxLength = INT32_MAX / (255 * 128);

// out[r] = sum over c of weight[r][c] * x[c], exact.
void int8_gemv(int32_t* out, const int8_t* weight, const uint8_t* x, int64_t row_begin,
               int64_t row_end, int64_t cols);

void bf16_gemv(float* out, const uint16_t* weight, const uint16_t* x, int64_t row_begin,
               int64_t row_end, int64_t cols);

// out[m][n] = sum over k of a[m][k] * b[n][k], for column_begin <= n < column_end.
void bf16_matmul(float* out, const uint16_t* a, const uint16_t* b, int64_t rows, int64_t columns,
                 int64_t depth, int64_t column_begin, int64_t column_end);

// The number of columns that bf16_matmul likes to be handed at once.
constexpr int64_t kMatmulColumnBlock = 16;

void rms_norm(float* out, const float* input, const float* weight, float epsilon,
              int64_t row_begin, int64_t row_end, int64_t cols);

// out[r][c] = silu(input[r][c]) * input[r][cols + c]; a row of input is 2 * cols long.
void silu_and_mul(float* out, const float* input, int64_t row_begin, int64_t row_end,
                  int64_t cols);

}  // namespace vllm_cpu_sample

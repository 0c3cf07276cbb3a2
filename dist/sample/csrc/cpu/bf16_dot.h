// The bf16 dot product that gemv and the tile-less matmul are made of.
#pragma once

#include "cpu/float_vector.h"

namespace vllm_cpu_sample {
namespace {

#if defined(__AVX512BF16__)

using Bf16Vector = __m512bh;
constexpr int64_t kBf16Step = 32;

inline Bf16Vector load_bf16(const uint16_t* from) {
  return reinterpret_cast<Bf16Vector>(_mm512_loadu_si512(from));
}
inline Bf16Vector load_some_bf16(const uint16_t* from, int64_t count) {
  const __mmask32 mask = static_cast<__mmask32>((uint64_t{1} << count) - 1);
  return reinterpret_cast<Bf16Vector>(_mm512_maskz_loadu_epi16(mask, from));
}
inline FloatVector add_products(FloatVector sums, Bf16Vector a, Bf16Vector b) {
  return _mm512_dpbf16_ps(sums, a, b);
}

#else

// bf16 is the upper half of a float, so widening is a shift, and the products are exact.
using Bf16Vector = FloatVector;
constexpr int64_t kBf16Step = kFloatLanes;

#if defined(__AVX512F__)
inline Bf16Vector widen(__m256i bits) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
inline Bf16Vector load_bf16(const uint16_t* from) {
  return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
inline Bf16Vector load_some_bf16(const uint16_t* from, int64_t count) {
  return widen(_mm256_maskz_loadu_epi16(float_mask(count), from));
}
#else
inline Bf16Vector load_bf16(const uint16_t* from) {
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
inline Bf16Vector load_some_bf16(const uint16_t* from, int64_t count) {
  // AVX2 masks no 16-bit loads, and a whole one could cross into a page that isn't there.
  uint16_t padded[kBf16Step] = {};
  for (int64_t i = 0; i < count; ++i) padded[i] = from[i];
  return load_bf16(padded);
}
#endif

inline FloatVector add_products(FloatVector sums, Bf16Vector a, Bf16Vector b) {
  return multiply_add(a, b, sums);
}

#endif

// kRows rows of `a` with kColumns rows of `b`, each of `length` and each `length` apart:
// out[i * out_stride + j] = a[i] . b[j]. Each vector loaded is used several times.
template <int kRows, int kColumns>
inline void dot_block(float* out, int64_t out_stride, const uint16_t* a, const uint16_t* b,
                      int64_t length) {
  FloatVector sums[kRows][kColumns];
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kColumns; ++j) sums[i][j] = zero();

  Bf16Vector left[kRows];
  int64_t k = 0;
  for (; k + kBf16Step <= length; k += kBf16Step) {
    for (int i = 0; i < kRows; ++i) left[i] = load_bf16(a + i * length + k);
    for (int j = 0; j < kColumns; ++j) {
      const Bf16Vector right = load_bf16(b + j * length + k);
      for (int i = 0; i < kRows; ++i) sums[i][j] = add_products(sums[i][j], left[i], right);
    }
  }
  if (const int64_t rest = length - k; rest > 0) {
    for (int i = 0; i < kRows; ++i) left[i] = load_some_bf16(a + i * length + k, rest);
    for (int j = 0; j < kColumns; ++j) {
      const Bf16Vector right = load_some_bf16(b + j * length + k, rest);
      for (int i = 0; i < kRows; ++i) sums[i][j] = add_products(sums[i][j], left[i], right);
    }
  }

  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kColumns; ++j) out[i * out_stride + j] = sum_of(sums[i][j]);
}

// kRows rows of `a` with any number of rows of `b`.
template <int kRows>
inline void dot_rows(float* out, int64_t out_stride, const uint16_t* a, const uint16_t* b,
                     int64_t b_rows, int64_t length) {
  int64_t j = 0;
  for (; j + 4 <= b_rows; j += 4)
    dot_block<kRows, 4>(out + j, out_stride, a, b + j * length, length);
  for (; j < b_rows; ++j) dot_block<kRows, 1>(out + j, out_stride, a, b + j * length, length);
}

}  // namespace
}  // namespace vllm_cpu_sample

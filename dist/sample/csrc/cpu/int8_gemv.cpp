#include <immintrin.h>

#include "cpu/kernels.h"

namespace vllm_cpu_sample {
namespace {

#if defined(__AVX512F__)
using Sums = __m512i;
inline Sums no_sums() { return _mm512_setzero_si512(); }
inline int32_t total(Sums sums) { return _mm512_reduce_add_epi32(sums); }
#else
using Sums = __m256i;
inline Sums no_sums() { return _mm256_setzero_si256(); }
inline int32_t total(Sums sums) {
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  half = _mm_add_epi32(half, _mm_unpackhi_epi64(half, half));
  return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 1)));
}
#endif

// maddubs, the obvious instruction below VNNI, saturates at 16 bits: 2 * 255 * 128 does not fit.
// So there both sides are widened first, and madd adds pairs in 32 bits.
#if defined(__AVX512VNNI__)

using Unsigned = __m512i;
using Signed = __m512i;
constexpr int64_t kStep = 64;

inline __mmask64 some(int64_t count) { return (uint64_t{1} << count) - 1; }
inline Unsigned load(const uint8_t* from) { return _mm512_loadu_si512(from); }
inline Signed load(const int8_t* from) { return _mm512_loadu_si512(from); }
inline Unsigned load_some(const uint8_t* from, int64_t count) {
  return _mm512_maskz_loadu_epi8(some(count), from);
}
inline Signed load_some(const int8_t* from, int64_t count) {
  return _mm512_maskz_loadu_epi8(some(count), from);
}
inline Sums add_products(Sums sums, Unsigned x, Signed w) {
  return _mm512_dpbusd_epi32(sums, x, w);
}

#elif defined(__AVX512F__)

using Unsigned = __m512i;
using Signed = __m512i;
constexpr int64_t kStep = 32;

inline __mmask32 some(int64_t count) {
  return static_cast<__mmask32>((uint64_t{1} << count) - 1);
}
inline Unsigned load(const uint8_t* from) {
  return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
inline Signed load(const int8_t* from) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
inline Unsigned load_some(const uint8_t* from, int64_t count) {
  return _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(some(count), from));
}
inline Signed load_some(const int8_t* from, int64_t count) {
  return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(some(count), from));
}
inline Sums add_products(Sums sums, Unsigned x, Signed w) {
  return _mm512_add_epi32(sums, _mm512_madd_epi16(x, w));
}

#else

using Unsigned = __m256i;
using Signed = __m256i;
constexpr int64_t kStep = 16;

inline Unsigned load(const uint8_t* from) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline Signed load(const int8_t* from) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
// AVX2 masks no byte loads, and a whole one could cross into a page that isn't there.
inline Unsigned load_some(const uint8_t* from, int64_t count) {
  uint8_t padded[kStep] = {};
  for (int64_t i = 0; i < count; ++i) padded[i] = from[i];
  return load(padded);
}
inline Signed load_some(const int8_t* from, int64_t count) {
  int8_t padded[kStep] = {};
  for (int64_t i = 0; i < count; ++i) padded[i] = from[i];
  return load(padded);
}
inline Sums add_products(Sums sums, Unsigned x, Signed w) {
  return _mm256_add_epi32(sums, _mm256_madd_epi16(x, w));
}

#endif

// Several rows at once, so that x is loaded (and widened) once for all of them.
template <int kRows>
inline void rows(int32_t* out, const int8_t* weight, const uint8_t* x, int64_t cols) {
  Sums sums[kRows];
  for (int r = 0; r < kRows; ++r) sums[r] = no_sums();

  int64_t c = 0;
  for (; c + kStep <= cols; c += kStep) {
    const Unsigned values = load(x + c);
    for (int r = 0; r < kRows; ++r)
      sums[r] = add_products(sums[r], values, load(weight + r * cols + c));
  }
  if (const int64_t rest = cols - c; rest > 0) {
    const Unsigned values = load_some(x + c, rest);
    for (int r = 0; r < kRows; ++r)
      sums[r] = add_products(sums[r], values, load_some(weight + r * cols + c, rest));
  }

  for (int r = 0; r < kRows; ++r) out[r] = total(sums[r]);
}

}  // namespace

void int8_gemv(int32_t* out, const int8_t* weight, const uint8_t* x, int64_t row_begin,
               int64_t row_end, int64_t cols) {
  int64_t r = row_begin;
  for (; r + 4 <= row_end; r += 4) rows<4>(out + r, weight + r * cols, x, cols);
  for (; r < row_end; ++r) rows<1>(out + r, weight + r * cols, x, cols);
}

}  // namespace vllm_cpu_sample

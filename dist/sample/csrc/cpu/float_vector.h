// One vector of floats, as wide as the ISA has it. Everything is in an unnamed namespace, so that
// no copy compiled with ISA flags can ever stand in for another one at link time.
#pragma once

#include <immintrin.h>
#include <stdint.h>

namespace vllm_cpu_sample {
namespace {

#if defined(__AVX512F__)

using FloatVector = __m512;
constexpr int64_t kFloatLanes = 16;

inline __mmask16 float_mask(int64_t count) { return static_cast<__mmask16>((1u << count) - 1); }

inline FloatVector zero() { return _mm512_setzero_ps(); }
inline FloatVector broadcast(float value) { return _mm512_set1_ps(value); }
inline FloatVector load(const float* from) { return _mm512_loadu_ps(from); }
inline FloatVector load_some(const float* from, int64_t count) {
  return _mm512_maskz_loadu_ps(float_mask(count), from);
}
inline void store(float* to, FloatVector value) { _mm512_storeu_ps(to, value); }
inline void store_some(float* to, FloatVector value, int64_t count) {
  _mm512_mask_storeu_ps(to, float_mask(count), value);
}
inline FloatVector add(FloatVector a, FloatVector b) { return _mm512_add_ps(a, b); }
inline FloatVector subtract(FloatVector a, FloatVector b) { return _mm512_sub_ps(a, b); }
inline FloatVector multiply(FloatVector a, FloatVector b) { return _mm512_mul_ps(a, b); }
inline FloatVector divide(FloatVector a, FloatVector b) { return _mm512_div_ps(a, b); }
inline FloatVector multiply_add(FloatVector a, FloatVector b, FloatVector c) {
  return _mm512_fmadd_ps(a, b, c);
}
inline FloatVector least(FloatVector a, FloatVector b) { return _mm512_min_ps(a, b); }
inline FloatVector greatest(FloatVector a, FloatVector b) { return _mm512_max_ps(a, b); }
inline FloatVector nearest(FloatVector value) {
  return _mm512_roundscale_ps(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline FloatVector times_power_of_two(FloatVector value, FloatVector power) {
  return _mm512_scalef_ps(value, power);
}
inline float sum_of(FloatVector value) { return _mm512_reduce_add_ps(value); }

#else

using FloatVector = __m256;
constexpr int64_t kFloatLanes = 8;

// All ones in the first `count` lanes.
inline __m256i float_mask(int64_t count) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
}

inline FloatVector zero() { return _mm256_setzero_ps(); }
inline FloatVector broadcast(float value) { return _mm256_set1_ps(value); }
inline FloatVector load(const float* from) { return _mm256_loadu_ps(from); }
inline FloatVector load_some(const float* from, int64_t count) {
  return _mm256_maskload_ps(from, float_mask(count));
}
inline void store(float* to, FloatVector value) { _mm256_storeu_ps(to, value); }
inline void store_some(float* to, FloatVector value, int64_t count) {
  _mm256_maskstore_ps(to, float_mask(count), value);
}
inline FloatVector add(FloatVector a, FloatVector b) { return _mm256_add_ps(a, b); }
inline FloatVector subtract(FloatVector a, FloatVector b) { return _mm256_sub_ps(a, b); }
inline FloatVector multiply(FloatVector a, FloatVector b) { return _mm256_mul_ps(a, b); }
inline FloatVector divide(FloatVector a, FloatVector b) { return _mm256_div_ps(a, b); }
inline FloatVector multiply_add(FloatVector a, FloatVector b, FloatVector c) {
  return _mm256_fmadd_ps(a, b, c);
}
inline FloatVector least(FloatVector a, FloatVector b) { return _mm256_min_ps(a, b); }
inline FloatVector greatest(FloatVector a, FloatVector b) { return _mm256_max_ps(a, b); }
inline FloatVector nearest(FloatVector value) {
  return _mm256_round_ps(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// Only for powers that leave the exponent a normal one.
inline FloatVector times_power_of_two(FloatVector value, FloatVector power) {
  const __m256i exponent =
      _mm256_add_epi32(_mm256_cvtps_epi32(power), _mm256_set1_epi32(127));
  return _mm256_mul_ps(value, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
}
inline float sum_of(FloatVector value) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps(value, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

#endif

}  // namespace
}  // namespace vllm_cpu_sample

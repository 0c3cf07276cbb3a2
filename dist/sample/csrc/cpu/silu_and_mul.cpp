#include "cpu/float_vector.h"
#include "cpu/kernels.h"

namespace vllm_cpu_sample {
namespace {

// e^x = 2^n * e^r with |r| <= ln(2) / 2, where seven terms of e^r's series are enough for float.
inline FloatVector exponential(FloatVector x) {
  // Clamped to where 2^n is a normal float. x comes second: so a NaN gets through.
  x = greatest(broadcast(-87.33f), least(broadcast(88.37f), x));
  const FloatVector n = nearest(multiply(x, broadcast(1.44269504f)));
  // ln(2) in two parts, the first short enough that n times it is exact.
  FloatVector r = multiply_add(n, broadcast(-0.693359375f), x);
  r = multiply_add(n, broadcast(2.12194440e-4f), r);
  FloatVector sum = broadcast(1.0f / 5040);
  sum = multiply_add(sum, r, broadcast(1.0f / 720));
  sum = multiply_add(sum, r, broadcast(1.0f / 120));
  sum = multiply_add(sum, r, broadcast(1.0f / 24));
  sum = multiply_add(sum, r, broadcast(1.0f / 6));
  sum = multiply_add(sum, r, broadcast(0.5f));
  sum = multiply_add(sum, r, broadcast(1.0f));
  sum = multiply_add(sum, r, broadcast(1.0f));
  return times_power_of_two(sum, n);
}

inline FloatVector silu(FloatVector x) {
  const FloatVector e = exponential(subtract(zero(), x));
  return divide(x, add(broadcast(1.0f), e));
}

}  // namespace

void silu_and_mul(float* out, const float* input, int64_t row_begin, int64_t row_end,
                  int64_t cols) {
  for (int64_t r = row_begin; r < row_end; ++r) {
    const float* gate = input + r * 2 * cols;
    const float* up = gate + cols;
    float* result = out + r * cols;
    int64_t c = 0;
    for (; c + kFloatLanes <= cols; c += kFloatLanes)
      store(result + c, multiply(silu(load(gate + c)), load(up + c)));
    if (const int64_t rest = cols - c; rest > 0) {
      const FloatVector left = silu(load_some(gate + c, rest));
      store_some(result + c, multiply(left, load_some(up + c, rest)), rest);
    }
  }
}

}  // namespace vllm_cpu_sample

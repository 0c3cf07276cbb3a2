#include "cpu/float_vector.h"
#include "cpu/kernels.h"

namespace vllm_cpu_sample {
namespace {

inline float sum_of_squares(const float* row, int64_t cols) {
  FloatVector even = zero();
  FloatVector odd = zero();
  int64_t c = 0;
  for (; c + 2 * kFloatLanes <= cols; c += 2 * kFloatLanes) {
    const FloatVector a = load(row + c);
    const FloatVector b = load(row + c + kFloatLanes);
    even = multiply_add(a, a, even);
    odd = multiply_add(b, b, odd);
  }
  for (; c < cols; c += kFloatLanes) {
    const int64_t rest = cols - c;
    const FloatVector a = rest < kFloatLanes ? load_some(row + c, rest) : load(row + c);
    even = multiply_add(a, a, even);
  }
  return sum_of(add(even, odd));
}

}  // namespace

void rms_norm(float* out, const float* input, const float* weight, float epsilon,
              int64_t row_begin, int64_t row_end, int64_t cols) {
  for (int64_t r = row_begin; r < row_end; ++r) {
    const float* row = input + r * cols;
    float* result = out + r * cols;
    const float mean = sum_of_squares(row, cols) / static_cast<float>(cols);
    // The rsqrt instructions are 12 or 14 bits good: not enough.
    const FloatVector scale = divide(broadcast(1.0f), broadcast(__builtin_sqrtf(mean + epsilon)));
    int64_t c = 0;
    for (; c + kFloatLanes <= cols; c += kFloatLanes)
      store(result + c, multiply(multiply(load(row + c), scale), load(weight + c)));
    if (const int64_t rest = cols - c; rest > 0) {
      const FloatVector normed = multiply(load_some(row + c, rest), scale);
      store_some(result + c, multiply(normed, load_some(weight + c, rest)), rest);
    }
  }
}

}  // namespace vllm_cpu_sample

#include "cpu/bf16_dot.h"
#include "cpu/kernels.h"

namespace vllm_cpu_sample {

void bf16_gemv(float* out, const uint16_t* weight, const uint16_t* x, int64_t row_begin,
               int64_t row_end, int64_t cols) {
  dot_rows<1>(out + row_begin, 0, x, weight + row_begin * cols, row_end - row_begin, cols);
}

}  // namespace vllm_cpu_sample

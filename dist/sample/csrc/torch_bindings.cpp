// The one unit that sees PyTorch: checks what comes in, shares out the work, calls the kernels.
// Compiled without ISA flags, so that loading the library and asking it what it needs is safe on
// every CPU.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <cstring>
#include <string>

#include "cpu/kernels.h"
#include "tile_permission.h"

namespace vllm_cpu_sample {
namespace {

void check(const at::Tensor& tensor, const char* name, at::ScalarType type, int64_t dimensions) {
  TORCH_CHECK(tensor.device().is_cpu(), name, " must be on the CPU, not on ", tensor.device());
  TORCH_CHECK(tensor.scalar_type() == type, name, " must be ", type, ", not ",
              tensor.scalar_type());
  TORCH_CHECK(dimensions < 0 || tensor.dim() == dimensions, name, " must have ", dimensions,
              " dimensions, not ", tensor.dim());
  TORCH_CHECK(tensor.is_contiguous(), name, " must be contiguous");
}

// So many rows for one thread that starting it is worth while.
int64_t grain(int64_t work_per_row) {
  constexpr int64_t kWorthwhile = 32768;
  return work_per_row >= kWorthwhile ? 1 : kWorthwhile / (work_per_row > 0 ? work_per_row : 1);
}

const uint16_t* bf16_bits(const at::Tensor& tensor) {
  return static_cast<const uint16_t*>(tensor.const_data_ptr());
}

std::string compiled_isa() { return kCompiledIsa; }

at::Tensor int8_gemv_op(const at::Tensor& weight, const at::Tensor& x) {
  check(weight, "weight", at::kChar, 2);
  check(x, "x", at::kByte, 1);
  const int64_t rows = weight.size(0);
  const int64_t cols = weight.size(1);
  TORCH_CHECK(x.size(0) == cols, "weight has ", cols, " columns, but x has ", x.size(0),
              " elements");
  TORCH_CHECK(cols <= kInt8MaxLength, "at most ", kInt8MaxLength,
              " columns surely fit a 32-bit sum, not ", cols);
  at::Tensor out = at::empty({rows}, weight.options().dtype(at::kInt));
  int32_t* const to = out.mutable_data_ptr<int32_t>();
  const int8_t* const from = weight.const_data_ptr<int8_t>();
  const uint8_t* const vector = x.const_data_ptr<uint8_t>();
  at::parallel_for(0, rows, grain(cols), [&](int64_t begin, int64_t end) {
    int8_gemv(to, from, vector, begin, end, cols);
  });
  return out;
}

at::Tensor bf16_gemv_op(const at::Tensor& weight, const at::Tensor& x) {
  check(weight, "weight", at::kBFloat16, 2);
  check(x, "x", at::kBFloat16, 1);
  const int64_t rows = weight.size(0);
  const int64_t cols = weight.size(1);
  TORCH_CHECK(x.size(0) == cols, "weight has ", cols, " columns, but x has ", x.size(0),
              " elements");
  at::Tensor out = at::empty({rows}, weight.options().dtype(at::kFloat));
  float* const to = out.mutable_data_ptr<float>();
  const uint16_t* const from = bf16_bits(weight);
  const uint16_t* const vector = bf16_bits(x);
  at::parallel_for(0, rows, grain(cols), [&](int64_t begin, int64_t end) {
    bf16_gemv(to, from, vector, begin, end, cols);
  });
  return out;
}

at::Tensor bf16_matmul_op(const at::Tensor& a, const at::Tensor& b) {
  check(a, "a", at::kBFloat16, 2);
  check(b, "b", at::kBFloat16, 2);
  const int64_t rows = a.size(0);
  const int64_t columns = b.size(0);
  const int64_t depth = a.size(1);
  TORCH_CHECK(b.size(1) == depth, "a and b must have rows of one length, not ", depth, " and ",
              b.size(1));
  if (kUsesTiles) {
    const int error = tile_permission_error();
    TORCH_CHECK(error == 0, "Linux does not let this process use the AMX tile registers: ",
                "arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA) failed, ", std::strerror(error),
                ". It needs Linux 5.16 or newer and a CPU with AMX.");
  }
  at::Tensor out = at::empty({rows, columns}, a.options().dtype(at::kFloat));
  float* const to = out.mutable_data_ptr<float>();
  const uint16_t* const left = bf16_bits(a);
  const uint16_t* const right = bf16_bits(b);
  const int64_t blocks = (columns + kMatmulColumnBlock - 1) / kMatmulColumnBlock;
  at::parallel_for(
      0, blocks, grain(rows * depth * kMatmulColumnBlock), [&](int64_t begin, int64_t end) {
        const int64_t last = end * kMatmulColumnBlock;
        bf16_matmul(to, left, right, rows, columns, depth, begin * kMatmulColumnBlock,
                    last < columns ? last : columns);
      });
  return out;
}

void rms_norm_op(at::Tensor& out, const at::Tensor& input, const at::Tensor& weight,
                 double epsilon) {
  check(out, "out", at::kFloat, -1);
  check(input, "input", at::kFloat, -1);
  check(weight, "weight", at::kFloat, 1);
  TORCH_CHECK(input.dim() >= 1, "input must have a dimension to normalise");
  const int64_t cols = input.size(-1);
  TORCH_CHECK(cols > 0, "there is no mean of no elements");
  TORCH_CHECK(weight.size(0) == cols, "weight must have ", cols, " elements, not ",
              weight.size(0));
  TORCH_CHECK(out.sizes() == input.sizes(), "out must have input's shape, ", input.sizes(),
              ", not ", out.sizes());
  float* const to = out.mutable_data_ptr<float>();
  const float* const from = input.const_data_ptr<float>();
  const float* const scale = weight.const_data_ptr<float>();
  at::parallel_for(0, input.numel() / cols, grain(cols), [&](int64_t begin, int64_t end) {
    rms_norm(to, from, scale, static_cast<float>(epsilon), begin, end, cols);
  });
}

void silu_and_mul_op(at::Tensor& out, const at::Tensor& input) {
  check(out, "out", at::kFloat, -1);
  check(input, "input", at::kFloat, -1);
  TORCH_CHECK(input.dim() >= 1 && input.size(-1) % 2 == 0,
              "input's last dimension must be even: gate and up side by side");
  const int64_t cols = input.size(-1) / 2;
  auto sizes = input.sizes().vec();
  sizes.back() = cols;
  TORCH_CHECK(out.sizes() == at::IntArrayRef(sizes), "out must have the shape ",
              at::IntArrayRef(sizes), ", not ", out.sizes());
  if (cols == 0) return;
  float* const to = out.mutable_data_ptr<float>();
  const float* const from = input.const_data_ptr<float>();
  at::parallel_for(0, out.numel() / cols, grain(cols), [&](int64_t begin, int64_t end) {
    silu_and_mul(to, from, begin, end, cols);
  });
}

}  // namespace

TORCH_LIBRARY(vllm_cpu_sample, library) {
  library.def("compiled_isa() -> str", &compiled_isa);
  library.def("int8_gemv(Tensor weight, Tensor x) -> Tensor");
  library.def("bf16_gemv(Tensor weight, Tensor x) -> Tensor");
  library.def("bf16_matmul(Tensor a, Tensor b) -> Tensor");
  library.def("rms_norm(Tensor! out, Tensor input, Tensor weight, float epsilon) -> ()");
  library.def("silu_and_mul(Tensor! out, Tensor input) -> ()");
}

TORCH_LIBRARY_IMPL(vllm_cpu_sample, CPU, library) {
  library.impl("int8_gemv", &int8_gemv_op);
  library.impl("bf16_gemv", &bf16_gemv_op);
  library.impl("bf16_matmul", &bf16_matmul_op);
  library.impl("rms_norm", &rms_norm_op);
  library.impl("silu_and_mul", &silu_and_mul_op);
}

}  // namespace vllm_cpu_sample

#include "cpu/kernels.h"

namespace vllm_cpu_sample {

// From the compiler's own macros, in a unit compiled as the kernels are: not what the build meant
// to ask for, but what the compiler was really told.
const char kCompiledIsa[] =
#if defined(__AVX2__)
    "avx2"
#else
#error "The kernels need AVX2 at least"
#endif
#if defined(__AVX512F__)
    ",avx512f"
#endif
#if defined(__AVX512VNNI__)
    ",avx512_vnni"
#endif
#if defined(__AVX512BF16__)
    ",avx512_bf16"
#endif
#if defined(__AMX_TILE__)
    ",amx_tile"
#endif
#if defined(__AMX_BF16__)
    ",amx_bf16"
#endif
    ;

#if defined(__AMX_BF16__)
const bool kUsesTiles = true;
#else
const bool kUsesTiles = false;
#endif

}  // namespace vllm_cpu_sample

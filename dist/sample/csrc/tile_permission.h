#pragma once

namespace vllm_cpu_sample {

// Asks Linux for the AMX tile registers, the first time only; 0, or the errno of its refusal.
int tile_permission_error();

}  // namespace vllm_cpu_sample

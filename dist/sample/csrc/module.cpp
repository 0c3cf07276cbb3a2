#include "registration.h"

VLLM_CPU_SAMPLE_EMPTY_MODULE(_C)

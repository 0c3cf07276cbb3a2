"""What /proc says of processes: children, memory, mapped libraries. Source: proc(5)."""

from __future__ import annotations

import contextlib
import os
import re
import signal

GPU = re.compile(
    r"/lib(cuda|cudart|cublas|cudnn|nccl|nvrtc|torch_cuda|c10_cuda|amdhip64|torch_hip)\b"
)
OPENMP = re.compile(r"/lib(gomp|iomp5|omp)[-.\w]*\.so")
ALLOCATOR = re.compile(r"/lib(tcmalloc|jemalloc|mimalloc)[-.\w]*\.so")
NODES = "/sys/devices/system/node"


def _read(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
    return ""


def parents() -> dict[int, int]:
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := _read(f"/proc/{entry}/stat")):
            # The name may hold blanks and brackets; the state follows the last one.
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(entry)] = int(parent)
    return found


def descendants(root: int) -> list[int]:
    """Processes below this one, zombies left out, parents first."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found, queue = [], list(children.get(root, []))
    while queue:
        pid = queue.pop(0)
        found.append(pid)
        queue.extend(children.get(pid, []))
    return found


def name(pid: int) -> str:
    command = _read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
    return (command or _read(f"/proc/{pid}/comm").strip())[:200]


def end(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def reap() -> bool:
    """Collects dead children; true while some live."""
    while True:
        try:
            pid, _status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True


def catches(pid: int, number: int) -> bool:
    match = re.search(r"^SigCgt:\s*([0-9a-f]+)", _read(f"/proc/{pid}/status"), re.MULTILINE)
    return bool(match) and bool(int(match.group(1), 16) >> (number - 1) & 1)


def memory(root: int) -> int:
    """Bytes that a process and all below it hold, shared pages counted once (proportional set size)."""
    total = 0
    for pid in [root, *descendants(root)]:
        match = re.search(r"^Pss:\s*(\d+) kB", _read(f"/proc/{pid}/smaps_rollup"), re.MULTILINE)
        total += int(match.group(1)) * 1024 if match else 0
    return total


def _cpus(pid: int) -> int | None:
    """CPUs that it may run on; none where it is gone."""
    with contextlib.suppress(OSError):
        return len(os.sched_getaffinity(pid))
    return None


def _nodes() -> int | None:
    """NUMA nodes of this machine; none where it does not tell."""
    with contextlib.suppress(OSError):
        return sum(bool(re.fullmatch(r"node\d+", entry)) for entry in os.listdir(NODES))
    return None


def look(root: int, folder: str) -> dict[str, object]:
    """Libraries that a process and its children have really mapped, its children, and what it may use."""
    below = descendants(root)
    paths: set[str] = set()
    for pid in [root, *below]:
        for line in _read(f"/proc/{pid}/maps").splitlines():
            path = line.split(maxsplit=5)[5:]
            if path and ".so" in path[0].rpartition("/")[2]:
                paths.add(path[0].strip())
    prefix = folder.rstrip("/") + "/"
    return {
        "mapped": sorted(path[len(prefix) :] for path in paths if path.startswith(prefix)),
        "gpu": sorted(path for path in paths if GPU.search(path)),
        "openmp": sorted(path.removeprefix(prefix) for path in paths if OPENMP.search(path)),
        "allocators": sorted(path.removeprefix(prefix) for path in paths if ALLOCATOR.search(path)),
        "cpus": _cpus(root),
        "numaNodes": _nodes(),
        "children": [name(pid) for pid in below],
    }

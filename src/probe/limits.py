"""Holds a program of the clean room to few CPUs and little memory, as a container's limits do.

Memory by a control group where this user may make one, which counts what is used; else by a bound on what may be
asked for (RLIMIT_DATA). CPUs by affinity, which OpenMP and vLLM go by, and by the group's cpuset where it has one.
Sources: cgroups(7); the kernel's cgroup-v2.rst and cgroup-v1/memory.rst; getrlimit(2); sched_setaffinity(2).
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import secrets
import time

PREFIX = "vllm-cpu-wheels-"
#: Seconds after which an empty group is one that a killed run left.
STALE = 3600


def _mounts() -> list[tuple[int, str, str]]:
    """Version, root in the hierarchy and place of each mounted hierarchy that may hold a memory controller."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            left, _, right = line.partition(" - ")
            kind, _source, options = right.split()[:3]
            fields = left.split()
            place = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
            if kind == "cgroup2":
                found.append((2, fields[3], place))
            elif kind == "cgroup" and "memory" in options.split(","):
                found.append((1, fields[3], place))
    return found


def _own(version: int) -> str | None:
    """This process's group in the hierarchy of that version."""
    with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            number, controllers, path = line.rstrip("\n").split(":", 2)
            if (version == 2 and number == "0" and controllers == "") or (
                version == 1 and "memory" in controllers.split(",")
            ):
                return path
    return None


def _write(folder: int, name: str, text: str) -> bool:
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return False
    try:
        os.write(descriptor, text.encode())
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _read(folder: int, name: str) -> str:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return ""
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        return file.read()


def _gives_memory(folder: str) -> bool:
    """True where groups below this one, of version 2, are bounded in memory."""
    with (
        contextlib.suppress(OSError),
        open(os.path.join(folder, "cgroup.subtree_control"), encoding="ascii") as file,
    ):
        return "memory" in file.read().split()
    return False


def _parents() -> list[tuple[int, str, str]]:
    """Version, place of the mount and folder of each group in which one with a bound might be made, the best first."""
    found = []
    for version, root, place in _mounts():
        own = _own(version)
        if own is None or "/../" in own + "/" or not own.startswith(root):
            continue
        folder = os.path.join(place, own[len(root) :].strip("/")).rstrip("/")
        if version == 1:
            found.append((version, place, folder))
            continue
        # A group that has processes has no bounded ones below it, but may have bounded siblings (cgroup-v2.rst,
        # "No Internal Process Constraint").
        for one in (folder, os.path.dirname(folder) if folder != place else folder):
            if _gives_memory(one):
                found.append((version, place, one))
                break
    return sorted(found, reverse=True)


class Limits:
    """Made before namespaces are entered, since the groups lie outside of them."""

    def __init__(self, cpus: int, memory: int) -> None:
        self.cpus = sorted(os.sched_getaffinity(0))[:cpus]
        self.memory = memory
        self.by = "rlimit"
        #: What a container shows in place of the whole hierarchy, and where.
        self.views: list[tuple[str, str]] = []
        for version, place, parent in _parents():
            with contextlib.suppress(OSError):
                if self._make(version, place, parent):
                    self.by = f"cgroup-v{version}"
                    break

    def _make(self, version: int, place: str, parent: str) -> bool:
        self.parent = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._sweep()
        self.name = PREFIX + secrets.token_hex(8)
        os.mkdir(self.name, 0o755, dir_fd=self.parent)
        self.group = os.open(
            self.name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.parent
        )
        bound, swap = (
            ("memory.max", ("memory.swap.max", "0"))
            if version == 2
            else ("memory.limit_in_bytes", ("memory.memsw.limit_in_bytes", str(self.memory)))
        )
        if not _write(self.group, bound, str(self.memory)):
            os.rmdir(self.name, dir_fd=self.parent)
            return False
        _write(self.group, *swap)
        _write(self.group, "memory.oom.group", "1")
        _write(self.group, "cpuset.cpus", ",".join(map(str, self.cpus)))
        self.door = os.open("cgroup.procs", os.O_WRONLY | os.O_CLOEXEC, dir_fd=self.group)
        self.views.append((os.path.join(parent, self.name), place))
        return True

    def _sweep(self) -> None:
        """Takes away what killed runs left; a group with a process in it stays whatever is tried."""
        for name in os.listdir(self.parent):
            with contextlib.suppress(OSError):
                age = time.time() - os.stat(name, dir_fd=self.parent).st_mtime
                if name.startswith(PREFIX) and age > STALE:
                    os.rmdir(name, dir_fd=self.parent)

    def enter(self) -> None:
        """Bounds this process and what it starts."""
        os.sched_setaffinity(0, self.cpus)
        if self.by == "rlimit":
            resource.setrlimit(resource.RLIMIT_DATA, (self.memory, self.memory))
        else:
            os.write(self.door, b"0")

    def end(self) -> dict[str, object]:
        """What the bounds were, and how many processes the kernel ended for them; none where it does not tell."""
        killed = None
        if self.by != "rlimit":
            told = _read(self.group, "memory.events") + _read(self.group, "memory.oom_control")
            match = re.search(r"^oom_kill (\d+)$", told, re.MULTILINE)
            killed = int(match.group(1)) if match else None
            for _attempt in range(20):
                try:
                    os.rmdir(self.name, dir_fd=self.parent)
                    break
                except OSError:
                    time.sleep(0.05)
        return {
            "cpus": len(self.cpus),
            "memoryBytes": self.memory,
            "by": self.by,
            "killed": killed,
        }

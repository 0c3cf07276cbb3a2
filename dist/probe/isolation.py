"""Shuts the programs of the clean room off from the machine, without a privilege of ours.

Where the kernel lets this user make namespaces, the supervisor moves into new ones before it starts anything: it is
their process 1, nothing but the room's own folders can be written, the network is a loopback of their own, and no other
process can be seen. Else Landlock keeps the program from writing elsewhere, and from signals to others where it can.
Sources: user_namespaces(7), pid_namespaces(7), mount_namespaces(7), landlock(7), capabilities(7).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import signal
import socket
import struct

libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
#: Flags that a remount has to say again, or it would take them away, which a namespace may not.
MS_FLAGS = {
    "nosuid": 2,
    "nodev": 4,
    "noexec": 8,
    "noatime": 1024,
    "nodiratime": 2048,
    "relatime": 1 << 21,
}
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
#: What no one may be any more: of the numbers there are, the kernel refuses those that it does not know.
CAPABILITIES = 64

#: The same numbers on x86-64 and aarch64 (asm-generic/unistd.h).
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_VERSION = 1
RULE_PATH_BENEATH = 1
#: Bits of linux/landlock.h that change something: write, remove, make, move (from version 2 on), cut short (3).
WRITES = (1 << 1) | sum(1 << bit for bit in range(4, 13))
WRITES_SINCE = {2: 1 << 13, 3: 1 << 14}
#: Signals to others, from version 6 on.
SCOPE_SIGNAL = 1 << 1


def called(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    called(libc.mount(*words, ctypes.c_ulong(flags), os.fsencode(data)), f"mount {target}")


def mounted() -> list[tuple[str, set[str]]]:
    """Where something is mounted, and its options. Source: proc(5), /proc/PID/mountinfo."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.split(" ")
            place = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
            found.append((place, set(fields[5].split(","))))
    return found


def make_read_only(writable: list[str], views: list[tuple[str, str]]) -> None:
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    for folder, place in views:
        # Without it a program sees the machine's bounds in place of its own, as any does outside of containers.
        with contextlib.suppress(OSError):
            mount(folder, place, None, MS_BIND)
    for folder in writable:
        mount(folder, folder, None, MS_BIND)
    for place, options in mounted():
        if place in writable or "ro" in options:
            continue
        kept = sum(flag for name, flag in MS_FLAGS.items() if name in options)
        try:
            mount(None, place, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)
        except OSError as error:
            # What this user can't reach, the program can't either.
            if error.errno not in (errno.EACCES, errno.ENOENT):
                raise
    mount("tmpfs", "/dev/shm", "tmpfs", MS_FLAGS["nosuid"] | MS_FLAGS["nodev"], "mode=1777")
    mount("proc", "/proc", "proc", MS_FLAGS["nosuid"] | MS_FLAGS["nodev"] | MS_FLAGS["noexec"])


def raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        asked = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack("16xH14x", fcntl.ioctl(line, SIOCGIFFLAGS, asked))
        fcntl.ioctl(line, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def new_namespaces() -> None:
    """Becomes this user in new namespaces, and then a process of its own in them: the first."""
    user, group = os.geteuid(), os.getegid()
    every = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
    called(libc.unshare(every), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
    first = os.fork()
    if first != 0:
        # Its own descriptors would keep pipes open that the first closes.
        os.closerange(3, 1 << 16)
        _pid, status = os.waitpid(first, 0)
        os._exit(0 if status == 0 else 1)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def into_namespaces(writable: list[str], views: list[tuple[str, str]]) -> str | None:
    """Goes on as the first process of new namespaces, while this process waits for it and ends as it does.

    views: folders, and where each is seen there in place of what is there.

    Returns why that can't be; nothing has changed then.
    """
    read, write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            here = os.getcwd()
            new_namespaces()
            raise_loopback()
            # Names of this machine lead to addresses that it has out there.
            socket.sethostname("localhost")
            make_read_only(writable, views)
            os.chdir(here)
        except OSError as error:
            os.write(write, str(error).encode())
            os._exit(1)
        os.write(write, b"\0")
        os.close(write)
        return None
    os.close(write)
    with os.fdopen(read, "rb") as line:
        word = line.read()
    if word != b"\0":
        os.waitpid(pid, 0)
        return word.decode("utf-8", "replace") or "the kernel ended it"
    # It alone has the answer's descriptor.
    os.close(3)
    signal.signal(signal.SIGTERM, lambda _number, _frame: os.kill(pid, signal.SIGKILL))
    _pid, status = os.waitpid(pid, 0)
    os._exit(0 if status == 0 else 1)


def drop_capabilities() -> None:
    """Of the program alone: its supervisor keeps what it has in the namespaces, which puts it out of the program's reach.

    A process that has fewer capabilities can't trace one that has more (ptrace(2), "Ptrace access mode checking").
    """
    for number in range(CAPABILITIES):
        if libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            break
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def landlock_version() -> int:
    """0 where the kernel has none."""
    return max(libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), LANDLOCK_VERSION), 0)


def landlock(writable: list[str]) -> None:
    """From now on this process and its children write below these folders alone."""
    version = landlock_version()
    writes = WRITES | sum(bits for since, bits in WRITES_SINCE.items() if version >= since)
    rules = struct.pack("QQQ", writes, 0, SCOPE_SIGNAL if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = called(
        libc.syscall(LANDLOCK_CREATE, rules, ctypes.c_size_t(size), 0), "landlock_create_ruleset"
    )
    for folder in [*writable, "/dev"]:
        descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", writes, descriptor)
        called(libc.syscall(LANDLOCK_ADD, ruleset, RULE_PATH_BENEATH, rule, 0), "landlock_add_rule")
        os.close(descriptor)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    called(libc.syscall(LANDLOCK_RESTRICT, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)

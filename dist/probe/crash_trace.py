"""Where a program crashes: its own tracer, for a second run after a first one died of a fault. Source: ptrace(2)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import signal
import struct
import time
from collections.abc import Callable

TRACEME, CONT, GETREGSET, SETOPTIONS, GETEVENTMSG, GETSIGINFO = 0, 7, 0x4204, 0x4200, 0x4201, 0x4202
# Follow forks, vforks, clones and execs; stop at exits; kill what is left when the tracer goes (PTRACE_O_*).
OPTIONS = 0x2 | 0x4 | 0x8 | 0x10 | 0x40 | 0x100000
EVENT_EXIT = 6
#: Looks in vain, one after the other, before the tracer sleeps: where tiles are emulated, faults come in thousands.
PATIENCE = 200
NT_PRSTATUS = 1
WALL = 0x40000000
FAULTS = (signal.SIGILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE)
#: Place of the program counter in user_regs_struct, bytes.
COUNTER = {"x86_64": 16 * 8, "aarch64": 32 * 8}
CODE = 16
#: A signal in the log of an emulator; si_code is positive for one that an instruction raised.
FAULT = re.compile(r"--- (SIG\w+) \{si_signo=\w+, si_code=[1-9]\d*, si_addr=0x([0-9a-f]+)\}")

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def trace_me() -> None:
    if libc.ptrace(TRACEME, 0, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace is not allowed here")


def counter(pid: int) -> int | None:
    registers = ctypes.create_string_buffer(1024)
    iovec = Iovec(ctypes.addressof(registers), len(registers))
    place = COUNTER.get(platform.machine())
    if place is None or libc.ptrace(GETREGSET, pid, NT_PRSTATUS, ctypes.addressof(iovec)) != 0:
        return None
    return struct.unpack_from("<Q", registers.raw, place)[0]


def from_kernel(pid: int) -> bool:
    """False for a signal that somebody sent, as a handler does that raises it again (si_code <= 0)."""
    info = ctypes.create_string_buffer(128)
    if libc.ptrace(GETSIGINFO, pid, None, ctypes.addressof(info)) != 0:
        return False
    return struct.unpack_from("<i", info.raw, 8)[0] > 0


def ending(pid: int) -> int:
    """The signal that ends a program which stops at its exit; 0 for none."""
    status = ctypes.c_ulong()
    libc.ptrace(GETEVENTMSG, pid, None, ctypes.addressof(status))
    return status.value & 0x7F


def place(pid: int, number: int, address: int) -> dict[str, object]:
    """Where the fault was. Asked at the program's end, when its memory is still there."""
    found: dict[str, object] = {
        "signal": signal.Signals(number).name,
        "address": f"0x{address:x}",
        "file": None,
        "offset": None,
        "code": "",
    }
    with contextlib.suppress(OSError), open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            span, _mode, offset, *rest = line.split(maxsplit=5)
            start, end = (int(part, 16) for part in span.split("-"))
            if start <= address < end:
                found["file"] = rest[2].strip() if len(rest) > 2 else None
                found["offset"] = int(offset, 16) + address - start
    with contextlib.suppress(OSError), open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        found["code"] = memory.read(CODE).hex()
    return found


def emulated_fault(log: str) -> tuple[int, int] | None:
    """The last fault of the program that QEMU ran, whose memory lies in QEMU's own at the same addresses.

    QEMU sends itself the signal of a fault; where it was stands in the log of -strace alone (linux-user/strace.c).
    """
    found = None
    with contextlib.suppress(OSError), open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            match = FAULT.match(line)
            # Of others the address is the memory that was touched, and not the instruction.
            if match and match[1] in ("SIGILL", "SIGFPE"):
                found = (signal.Signals[match[1]].value, int(match[2], 16))
    return found


def follow(
    root: int, deadline: float, idle: Callable[[float], None], log: str
) -> dict[str, object] | None:
    """Lets the traced program run to its end. Returns the fault that ended it, or None where none did.

    A fault that a handler made good, as the emulator of tiles does, ends nothing: so only the last one of each thread
    is kept, and told when a fault's signal ends the program.
    """
    faults: dict[int, tuple[int, int]] = {}
    last: dict[str, object] | None = None
    first = True
    vain = 0
    while True:
        try:
            pid, status = os.waitpid(-1, WALL | os.WNOHANG)
        except ChildProcessError:
            return last
        if pid == 0:
            if time.monotonic() > deadline:
                os.kill(root, signal.SIGKILL)
            vain += 1
            idle(0.01 if vain > PATIENCE else 0)
            continue
        vain = 0
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            if pid == root:
                return last
            continue
        if first:
            libc.ptrace(SETOPTIONS, pid, None, OPTIONS)
            first = False
        number = os.WSTOPSIG(status)
        deliver = 0 if number in (signal.SIGTRAP, signal.SIGSTOP) else number
        if status >> 16 == EVENT_EXIT:
            if ending(pid) in FAULTS:
                fault = faults.get(pid) or emulated_fault(log)
                last = place(pid, *fault) if fault else last
        elif number in FAULTS and from_kernel(pid):
            address = counter(pid)
            if address is not None:
                faults[pid] = (number, address)
        libc.ptrace(CONT, pid, None, deliver)

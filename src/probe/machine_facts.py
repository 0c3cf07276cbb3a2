"""What this machine's kernel lets a process use beyond the CPU flags; one JSON document on descriptor 3.

Linux keeps a flag out of /proc/cpuinfo where it has not switched the registers on (XCR0). AMX takes one step more: a
process must be granted the tile registers. Source: Linux, Documentation/arch/x86/xstate.rst.
"""

import ctypes
import json
import os
import platform

ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XTILEDATA = 158, 0x1023, 18


def tiles_granted() -> bool:
    if platform.machine() != "x86_64":
        return False
    return ctypes.CDLL(None).syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0


with os.fdopen(3, "w", encoding="utf-8") as answer:
    json.dump({"tilesGranted": tiles_granted()}, answer)

"""What every program that loads the wheel begins with: a line to the supervisor, stacks on demand, no network.

The line is a socket; the password that makes an answer count comes over it first. Descriptor 3 belongs to the supervisor alone. See docs/decisions/0008-what-a-run-proves.md.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import socket
import sys
from typing import Any

CHANNEL = "CPU_WHEEL_CHANNEL"
STACKS = "CPU_WHEEL_STACKS"
LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")


class Harness:
    def __init__(self) -> None:
        channel = os.environ.pop(CHANNEL, "")
        stacks = os.environ.pop(STACKS, "")
        if stacks:
            # Kept open for good: faulthandler writes to the descriptor from a signal handler.
            self._stacks = open(stacks, "a", encoding="utf-8")  # noqa: SIM115
            faulthandler.enable(self._stacks)
            faulthandler.register(signal.SIGUSR2, self._stacks, all_threads=True)
        self._line: socket.socket | None = None
        if channel:
            self._line = socket.socket(fileno=int(channel))
            self._line.set_inheritable(False)
            # Over the line and not in the environment, where /proc/self/environ would keep it.
            self._nonce = self._line.recv(64).decode()
        self.network: list[str] = []
        sys.addaudithook(self._watch)

    def _watch(self, event: str, args: tuple[Any, ...]) -> None:
        """Refuses every address that is not this machine's own; an audit hook can't be taken out again."""
        if event == "socket.getaddrinfo":
            host = args[0]
        elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
            host = args[1][0]
        else:
            return
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if not name or str(name).startswith(LOOPBACK) or name == socket.gethostname():
            return
        if len(self.network) < 20 and name not in self.network:
            self.network.append(str(name))
        raise PermissionError(f"no network in the clean room: {name}")

    def answer(self, document: dict[str, object]) -> None:
        """Hands the document over and waits until the supervisor has looked at this process."""
        if self._line is None:
            return
        text = json.dumps({"nonce": self._nonce, "answer": {**document, "network": self.network}})
        self._line.sendall(text.encode() + b"\n")
        with contextlib.suppress(OSError):
            self._line.recv(1)


def first_line(error: BaseException) -> str:
    """The error as Python's last traceback line has it, on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:2000]

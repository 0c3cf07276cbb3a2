"""What every program that loads the wheel begins with: a line to the supervisor, stacks on demand, no network.

The line is a socket; the password that makes an answer count comes over it first. Descriptor 3 belongs to the supervisor alone. See docs/decisions/0008-what-a-run-proves.md.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

CHANNEL = "CPU_WHEEL_CHANNEL"
STACKS = "CPU_WHEEL_STACKS"
LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")


def out_of_the_way(descriptor: int) -> int:
    """The same file under a number that no program takes for one of its own; children don't inherit it."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 200)
    os.close(descriptor)
    return moved


class Harness:
    def __init__(self) -> None:
        channel = os.environ.pop(CHANNEL, "")
        stacks = os.environ.pop(STACKS, "")
        if stacks:
            # Kept open for good: faulthandler writes to the descriptor from a signal handler.
            self._stacks = out_of_the_way(os.open(stacks, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
            faulthandler.enable(self._stacks)
            faulthandler.register(signal.SIGUSR2, self._stacks, all_threads=True)
        self._line: socket.socket | None = None
        if channel:
            self._line = socket.socket(fileno=out_of_the_way(int(channel)))
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

    def answer_with(self, work: Callable[[], dict[str, object]]) -> None:
        """Hands over what the work gives, or what stopped it."""
        try:
            document = {"error": None, **work()}
        except BaseException as caught:  # noqa: BLE001 - whatever stops it is the answer
            document = {"error": first_line(caught)}
        self.answer(document)


def first_line(error: BaseException) -> str:
    """The error as Python's last traceback line has it, on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:2000]

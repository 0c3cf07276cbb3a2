"""Runs a program of the clean room, watches it from outside, and ends everything it started.

Argument: a JSON file with argv, cwd, limit (seconds), stacks (file), trace, env (more variables), log (of an
emulator, where it tells faults), folder (whose libraries count), isolates, writable (folders), limits (cpus and
memory, or none) and, for a server, http. One JSON document on descriptor 3, which no other process has. Standard library only, run
with -I -S, so that nothing that a wheel installs is loaded here.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import selectors
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import crash_trace
import http_client
import isolation
import processes
from limits import Limits

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
MOST_ANSWER = 64 * 1024 * 1024
KEPT = 16 * 1024
#: Seconds that processes get to end by themselves after their parent did.
FAREWELL = 3.0
libc = ctypes.CDLL(None, use_errno=True)


class Output:
    """The beginning and the end of what a stream said."""

    def __init__(self) -> None:
        self.bytes = 0
        self.head = b""
        self.tail = b""

    def add(self, chunk: bytes) -> None:
        self.bytes += len(chunk)
        self.head += chunk[: max(0, KEPT - len(self.head))]
        self.tail = (self.tail + chunk)[-KEPT:]

    def facts(self) -> dict[str, object]:
        return {
            "bytes": self.bytes,
            "head": self.head.decode("utf-8", "replace"),
            "tail": self.tail.decode("utf-8", "replace"),
        }


class Supervisor:
    def __init__(self, spec: dict, kind: str, limits: Limits | None) -> None:
        self.spec = spec
        self.isolation = kind
        self.limits = limits
        self.nonce = secrets.token_hex(16)
        self.out, self.err = Output(), Output()
        self.buffer = b""
        self.answer: object = None
        self.foreign = 0
        self.peak = 0
        self.seen: dict[str, object] | None = None
        self.timed_out = False
        self.http: dict[str, object] | None = None
        self.done = threading.Event()

    def start(self) -> None:
        ours, theirs = socket.socketpair()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        self.line = ours
        self.started = time.monotonic()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.dup2(out_write, 1)
                os.dup2(err_write, 2)
                # Not with os.closerange(3, …): the child needs its line, and no other descriptor.
                os.set_inheritable(theirs.fileno(), True)
                libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != parent:
                    os._exit(126)
                os.setsid()
                env = {**os.environ, **self.spec["env"]}
                env["CPU_WHEEL_STACKS"] = self.spec["stacks"]
                if self.spec["trace"]:
                    crash_trace.trace_me()
                else:
                    env["CPU_WHEEL_CHANNEL"] = str(theirs.fileno())
                os.chdir(self.spec["cwd"])
                if self.limits:
                    self.limits.enter()
                    if self.limits.by == "rlimit":
                        env.update(self.spec["limits"]["env"])
                if self.isolation == "namespaces":
                    isolation.drop_capabilities()
                elif self.isolation == "landlock":
                    isolation.landlock(self.spec["writable"])
                os.execvpe(self.spec["argv"][0], self.spec["argv"], env)
            except BaseException as error:  # noqa: BLE001 - whatever it is, this copy of us must end here
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
                os._exit(127)
        theirs.close()
        ours.sendall(self.nonce.encode())
        os.close(out_write)
        os.close(err_write)
        self.selector = selectors.DefaultSelector()
        for descriptor, output in ((out_read, self.out), (err_read, self.err)):
            os.set_blocking(descriptor, False)
            self.selector.register(descriptor, selectors.EVENT_READ, output)
        ours.setblocking(False)
        self.selector.register(ours, selectors.EVENT_READ, None)

    def pump(self, seconds: float) -> None:
        """Takes what the streams and the line have."""
        for key, _events in self.selector.select(seconds):
            try:
                chunk = (
                    self.line.recv(1 << 16) if key.data is None else os.read(key.fileobj, 1 << 16)
                )
            except BlockingIOError:
                continue
            except OSError:
                chunk = b""
            if not chunk:
                self.selector.unregister(key.fileobj)
            elif key.data is not None:
                key.data.add(chunk)
            else:
                self.hear(chunk)

    def hear(self, chunk: bytes) -> None:
        self.buffer += chunk
        while b"\n" in self.buffer:
            text, _, self.buffer = self.buffer.partition(b"\n")
            document = None
            with contextlib.suppress(ValueError):
                document = json.loads(text)
            if not isinstance(document, dict) or not secrets.compare_digest(
                str(document.get("nonce")), self.nonce
            ):
                self.foreign += 1
                continue
            if self.answer is None:
                self.answer = document.get("answer")
                self.seen = processes.look(self.pid, self.spec["folder"])
            else:
                self.foreign += 1
            with contextlib.suppress(OSError):
                self.line.send(b"\n")
        if len(self.buffer) > MOST_ANSWER:
            self.foreign += 1
            self.buffer = b""

    def watch(self) -> int:
        """Waits for the program's end, or for its limit. Returns the wait status."""
        deadline = self.started + self.spec["limit"]
        sampled = 0.0
        while True:
            self.pump(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return status
            now = time.monotonic()
            if now - sampled > 0.25:
                self.peak = max(self.peak, processes.memory(self.pid))
                sampled = now
            if now > deadline and not self.timed_out:
                self.timed_out = True
                self.stop_hung()

    def stop_hung(self) -> None:
        for pid in [self.pid, *processes.descendants(self.pid)]:
            if processes.catches(pid, signal.SIGUSR2):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGUSR2)
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            self.pump(0.1)
        self.seen = self.seen or processes.look(self.pid, self.spec["folder"])
        processes.end([self.pid, *processes.descendants(self.pid)])

    def converse(self) -> None:
        """The server's side show: asks it over HTTP, then asks it to stop."""
        spec = self.spec["http"]
        self.http = http_client.converse(spec, self.started, self.done.is_set)
        # Looked at while it serves, since it leaves nothing to look at afterwards.
        self.seen = processes.look(self.pid, self.spec["folder"])
        asked = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        self.done.wait(self.spec["limit"])
        self.http["stopSeconds"] = time.monotonic() - asked

    def farewell(self) -> list[str]:
        """Names of what outlived the program; all of it is ended and reaped."""
        until = time.monotonic() + FAREWELL
        me = os.getpid()
        while processes.reap() and time.monotonic() < until:
            self.pump(0.05)
        left = [] if self.timed_out else [processes.name(pid) for pid in processes.descendants(me)]
        until = time.monotonic() + 10.0
        while (rest := processes.descendants(me)) and time.monotonic() < until:
            processes.end(rest)
            time.sleep(0.02)
            processes.reap()
        return left

    def run(self) -> dict[str, object]:
        self.start()
        if self.spec["trace"]:
            deadline = self.started + self.spec["limit"]
            crash = crash_trace.follow(self.pid, deadline, self.pump, self.spec["log"])
            self.farewell()
            if self.limits:
                self.limits.end()
            return {"crash": crash}
        talker = threading.Thread(target=self.converse, daemon=True) if self.spec["http"] else None
        if talker:
            talker.start()
        status = self.watch()
        seconds = time.monotonic() - self.started
        self.done.set()
        if talker:
            talker.join(10)
        left = self.farewell()
        until = time.monotonic() + 2.0
        while self.selector.get_map() and time.monotonic() < until:
            self.pump(0.05)
        code = os.waitstatus_to_exitcode(status)
        if self.http is not None:
            self.http["portFree"] = http_client.is_free(self.spec["http"]["port"])
        return {
            "exit": code if code >= 0 else None,
            "signal": signal.Signals(-code).name if code < 0 else None,
            "timedOut": self.timed_out,
            "seconds": seconds,
            "peakBytes": self.peak,
            "left": left,
            "foreign": self.foreign,
            "seen": self.seen,
            "answer": self.answer,
            "http": self.http,
            "isolation": self.isolation,
            "limits": self.limits.end() if self.limits else None,
            "stdout": self.out.facts(),
            "stderr": self.err.facts(),
        }


def main() -> None:
    os.set_inheritable(3, False)
    with open(sys.argv[1], encoding="utf-8") as file:
        spec = json.load(file)
    kind, why = "none", None
    wanted = spec["limits"]
    limits = Limits(wanted["cpus"], wanted["memory"]) if wanted else None
    if spec["isolates"]:
        why = isolation.into_namespaces(spec["writable"], limits.views if limits else [])
        if why is None:
            kind = "namespaces"
        elif isolation.landlock_version() > 0:
            kind = "landlock"
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)

    def stop(_number: int, _frame: object) -> None:
        processes.end(processes.descendants(os.getpid()))
        os._exit(1)

    if kind == "namespaces":
        # The first process of a namespace ignores what it has no handler for, and the wheel could send it this.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    else:
        signal.signal(signal.SIGTERM, stop)
    document = {**Supervisor(spec, kind, limits).run(), "noNamespaces": why}
    with os.fdopen(3, "w", encoding="utf-8") as answer:
        json.dump(document, answer)


main()

"""One conversation with a server on loopback: until it is ready, then one real request."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable

MOST = 4 * 1024 * 1024


def ask(port: int, method: str, path: str, body: object, timeout: float) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read(MOST).decode("utf-8", "replace")
    finally:
        connection.close()


def converse(spec: dict, started: float, ended: Callable[[], bool]) -> dict[str, object]:
    """Waits for `ready` to answer 200, then posts `body` to `path`."""
    facts: dict[str, object] = {"readySeconds": None, "status": None, "body": None, "error": None}
    port = spec["port"]
    while not ended():
        try:
            if ask(port, "GET", spec["ready"], None, 5)[0] == 200:
                break
        except OSError:
            pass
        time.sleep(0.1)
    else:
        facts["error"] = "it ended before it was ready"
        return facts
    facts["readySeconds"] = time.monotonic() - started
    try:
        asked = time.monotonic()
        facts["status"], facts["body"] = ask(port, "POST", spec["path"], spec["body"], 120)
        facts["requestSeconds"] = time.monotonic() - asked
    except (OSError, http.client.HTTPException) as error:
        facts["error"] = f"{type(error).__name__}: {error}"
    return facts


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

"""Compiles one function with torch's inductor, as vLLM does where it is served by default.

The document says what kept torch from that: mostly a C++ compiler or Python's headers that are not there.
"""

from __future__ import annotations

import json
import os

import torch


def problem() -> str | None:
    try:
        compiled = torch.compile(lambda values: (values * 2 + 1).relu())
        right = bool((compiled(torch.ones(64)) == 3).all())
    except Exception as error:  # noqa: BLE001 - whatever it raises, it compiles nothing
        lines = [line.strip() for line in str(error).splitlines()]
        # What follows is advice to whoever debugs torch.
        told = " / ".join(line for line in lines if line).partition(" / Set TORCHDYNAMO_VERBOSE")[0]
        return f"{type(error).__name__}: {told[:600]}"
    return None if right else "what was compiled computes something else"


def main() -> None:
    document = {"problem": problem()}
    with os.fdopen(3, "w", encoding="utf-8") as out:
        json.dump(document, out)


main()

"""Imports an installed wheel's packages and runs the kernel checks that it declares itself.

Argument: a JSON file with distribution, packages and kernels (whether to run them).
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import math
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import Harness, first_line

sys.path.pop(0)

GROUP = "cpu_wheel.kernel_checks"


def import_packages(names: list[str]) -> str | None:
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException as caught:  # noqa: BLE001 - SystemExit at import is a failed import too
            return f"import {name}: {first_line(caught)}"
    return None


def vllm_platform() -> tuple[str | None, str | None]:
    """vLLM imports almost nothing by itself: the engine's door and the kernels are what a user imports next."""
    try:
        platforms = importlib.import_module("vllm.platforms")
        device = str(platforms.current_platform.device_type)
        importlib.import_module("vllm._custom_ops")
        getattr(importlib.import_module("vllm"), "LLM")  # noqa: B009 - a lazy attribute: asking loads it
    except BaseException as caught:  # noqa: BLE001 - as above
        return None, f"from vllm import LLM: {first_line(caught)}"
    return device, None


def torch_now() -> dict[str, object] | None:
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    return {
        "version": str(getattr(torch, "__version__", None)),
        "file": str(getattr(torch, "__file__", None)),
    }


def finite(number: float) -> float | None:
    """NaN and infinity are no JSON; None stands for them, and counts as a miss."""
    return number if math.isfinite(number) else None


def kernel_check(point: importlib.metadata.EntryPoint) -> dict[str, object]:
    """One entry point of the group: its cases, or why it could not run."""
    try:
        cases = [
            {
                "name": str(case["name"]),
                "shape": str(case.get("shape", "")),
                "maxError": finite(float(case["max_error"])),
                "tolerance": float(case["tolerance"]),
            }
            for case in point.load()()
        ]
    except BaseException as caught:  # noqa: BLE001 - whatever it raises, it failed
        return {"name": point.name, "error": first_line(caught), "cases": []}
    return {"name": point.name, "error": None, "cases": cases}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    harness = Harness()
    started = time.monotonic()
    error = import_packages(request["packages"])
    seconds = time.monotonic() - started
    platform = None
    if error is None and "vllm" in request["packages"]:
        platform, error = vllm_platform()
    kernels = []
    if request["kernels"] and error is None:
        points = importlib.metadata.distribution(request["distribution"]).entry_points
        kernels = [kernel_check(point) for point in sorted(points.select(group=GROUP))]
    harness.answer(
        {
            "error": error,
            "seconds": seconds,
            "platform": platform,
            "torch": torch_now(),
            "kernels": kernels,
        }
    )


main()

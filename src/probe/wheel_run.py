"""Imports an installed wheel's packages and runs its kernel checks; one JSON document on descriptor 3.

Arguments: the distribution's name, then the packages to import. What the packages print goes where it goes; the
answer does not pass there.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import math
import os
import sys
import time
import traceback

GROUP = "cpu_wheel.kernel_checks"


def mapped_libraries(folder: str) -> list[str]:
    """Shared libraries below the environment that this process has really mapped."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split(maxsplit=5)[5].strip() for line in maps if line.count("/") > 1}
    return sorted(
        os.path.relpath(path, folder)
        for path in paths
        if path.startswith(folder) and (".so" in os.path.basename(path))
    )


def import_packages(names: list[str]) -> dict[str, object]:
    started = time.monotonic()
    error = None
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException as caught:  # noqa: BLE001 - SystemExit at import is a failed import too
            last = traceback.format_exception_only(type(caught), caught)[-1].strip()
            error = f"import {name}: {last}"
            break
    site = next((path for path in sys.path if path.endswith("site-packages")), sys.prefix)
    roots = {name.split(".")[0] for name in names}
    mapped = [path for path in mapped_libraries(site) if path.split("/")[0].split(".")[0] in roots]
    return {"error": error, "seconds": time.monotonic() - started, "mapped": mapped}


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
        last = traceback.format_exception_only(type(caught), caught)[-1].strip()
        return {"name": point.name, "error": last, "cases": []}
    return {"name": point.name, "error": None, "cases": cases}


def main() -> None:
    answer = os.fdopen(3, "w", encoding="utf-8")
    os.set_inheritable(3, False)
    mode, distribution, packages = sys.argv[1], sys.argv[2], sys.argv[3:]
    document: dict[str, object] = {"import": import_packages(packages), "kernels": []}
    if mode == "kernels":
        points = importlib.metadata.distribution(distribution).entry_points.select(group=GROUP)
        document["kernels"] = [kernel_check(point) for point in sorted(points)]
    json.dump(document, answer)
    answer.close()


main()

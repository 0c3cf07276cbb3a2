"""Facts about the torch of this environment, as one JSON document on descriptor 3."""

from __future__ import annotations

import contextlib
import glob
import importlib
import importlib.metadata
import json
import os
import platform
import re
import sys

CUDA_LIBRARIES = ("libtorch_cuda*", "libc10_cuda*", "libcudart*", "libcublas*", "libcudnn*")
COMPANIONS = {
    # An operator that each companion registers with the torch it was built against.
    "torchvision": "torchvision::nms",
    "torchaudio": None,
    "torchcodec": None,
}


def distributions() -> list[dict[str, str]]:
    found = []
    for dist in importlib.metadata.distributions():
        name = dist.metadata["Name"]
        if name:
            found.append({"name": name, "version": dist.version})
    return sorted(found, key=lambda item: (item["name"].lower(), item["version"]))


def torch_facts() -> dict[str, object]:
    torch = importlib.import_module("torch")
    version = torch.version
    folder = os.path.join(os.path.dirname(torch.__file__), "lib")
    libraries = [
        os.path.basename(path)
        for pattern in CUDA_LIBRARIES
        for path in glob.glob(os.path.join(folder, pattern))
    ]
    return {
        "version": str(torch.__version__),
        "cuda": version.cuda,
        "hip": getattr(version, "hip", None),
        "xpu": getattr(version, "xpu", None),
        "cudaAvailable": bool(torch.cuda.is_available()),
        "cudaLibraries": sorted(libraries),
        "file": torch.__file__,
    }


def companion_facts(name: str, operator: str | None) -> dict[str, object]:
    facts: dict[str, object] = {"name": name, "version": importlib.metadata.version(name)}
    try:
        importlib.import_module(name)
        if operator is not None:
            torch = importlib.import_module("torch")
            namespace, op = operator.split("::")
            getattr(getattr(torch.ops, namespace), op)
        facts["error"] = None
    except BaseException as error:  # noqa: BLE001 - any failure to load is the finding, SystemExit too
        facts["error"] = f"{type(error).__name__}: {error}"
    return facts


def openmp_runtimes() -> list[str]:
    """Two of them in one process fight for the cores, and may deadlock."""
    found = set()
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            path = line.split(maxsplit=5)[5:]
            if path and re.search(r"/lib(gomp|iomp5|omp)[-.\w]*\.so", path[0]):
                found.add(os.path.realpath(path[0].strip()))
    return sorted(found)


def main() -> None:
    answer = os.fdopen(3, "w", encoding="utf-8")
    os.set_inheritable(3, False)
    facts: dict[str, object] = {"python": platform.python_version(), "executable": sys.executable}
    facts["distributions"] = distributions()
    try:
        facts["torch"] = torch_facts()
        facts["error"] = None
    except BaseException as error:  # noqa: BLE001 - as above
        facts["torch"] = None
        facts["error"] = f"{type(error).__name__}: {error}"
    companions = []
    if facts["torch"] is not None:
        for name, operator in COMPANIONS.items():
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                companions.append(companion_facts(name, operator))
    facts["companions"] = companions
    facts["openmp"] = openmp_runtimes()
    json.dump(facts, answer)
    answer.close()


main()

"""Facts about the torch of this environment, as one JSON document on descriptor 3.

Argument, where others have been installed since: a JSON file with folder (of the environment), site (its packages) and
files, those that were there before, relative to the folder. Nothing else is loaded for the answer but torch's companions;
run with -S then.
"""

from __future__ import annotations

import contextlib
import glob
import importlib
import importlib.machinery
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


class Witnesses(importlib.machinery.PathFinder):
    """Finds modules as usual, but of the environment's own files only those that may answer."""

    def __init__(self, folder: str, files: list[str]) -> None:
        # Some systems reach the packages by a link, lib64 for example.
        root = os.path.realpath(folder)
        self.root = os.path.join(root, "")
        self.files = {os.path.join(root, file) for file in files}
        for name in COMPANIONS:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                dist = importlib.metadata.distribution(name)
                self.files.update(really(dist.locate_file(file)) for file in dist.files or [])

    def find_spec(self, name, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or not spec.has_location:
            # A folder without a module of its own holds only what is asked for by itself.
            return spec
        file = really(spec.origin)
        return spec if not file.startswith(self.root) or file in self.files else None


def really(file: str | os.PathLike[str]) -> str:
    """Where a file lies; what it may be a link to is another question."""
    folder, name = os.path.split(os.path.abspath(file))
    return os.path.join(os.path.realpath(folder), name)


def hear_only(witnesses: dict) -> None:
    sys.path.append(witnesses["site"])
    index = sys.meta_path.index(importlib.machinery.PathFinder)
    sys.meta_path[index] = Witnesses(witnesses["folder"], witnesses["files"])


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
    # torch loads whatever calls itself a backend of it (torch, _import_device_backends).
    os.environ["TORCH_DEVICE_BACKEND_AUTOLOAD"] = "0"
    if len(sys.argv) > 1:
        with open(sys.argv[1], encoding="utf-8") as file:
            hear_only(json.load(file))
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

"""torch's answer on a CPU whose tiles are emulated; loaded by every Python of the room, from a .pth file.

torch asks CPUID, which no library can answer for. From 2.12 on all of torch.cpu's questions end in get_capabilities();
those of older releases, and init_amx, are C++ functions, for which machine.c stands in.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Sequence

NAME = "torch.cpu"


def answer_for(module: types.ModuleType, features: Sequence[str]) -> None:
    asked = getattr(module, "get_capabilities", None)
    if asked is None:
        return
    answer = types.MappingProxyType({**asked(), **dict.fromkeys(features, True)})
    module.get_capabilities = lambda: answer  # type: ignore[attr-defined]


class Finder(importlib.abc.MetaPathFinder):
    """Finds torch.cpu as the others do, and adds the answer when it has been loaded."""

    def __init__(self, features: Sequence[str]) -> None:
        self.features = features

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            load(module)
            answer_for(module, self.features)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if os.environ.get("CPU_WHEEL_AMX"):
    sys.meta_path.insert(0, Finder(os.environ["CPU_WHEEL_AMX"].split()))

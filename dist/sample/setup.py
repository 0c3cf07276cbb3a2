"""Builds the native library with CMake and ninja; everything static is in pyproject.toml."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent


class CMakeExtension(Extension):
    def __init__(self, name: str) -> None:
        super().__init__(name, sources=[], py_limited_api=True)


class cmake_build_ext(build_ext):
    def build_extensions(self) -> None:
        cmake, ninja = self.tool("cmake"), self.tool("ninja")
        build_dir = Path(self.build_temp).resolve()
        build_dir.mkdir(parents=True, exist_ok=True)
        self.configure(cmake, ninja, build_dir)

        targets = [ext.name.rpartition(".")[2] for ext in self.extensions]
        # Output is inherited, not captured: ninja's [n/N] lines are the progress that callers show.
        self.call(
            [cmake, "--build", ".", "--parallel", str(self.jobs()), "--target", *targets], build_dir
        )
        for ext, target in zip(self.extensions, targets, strict=True):
            library = Path(self.get_ext_fullpath(ext.name)).resolve()
            # CMake installs into <prefix>/<package>, so the prefix is what the package stands in.
            prefix = library.parents[ext.name.count(".")]
            self.call(
                [cmake, "--install", ".", "--prefix", str(prefix), "--component", target], build_dir
            )
            if not library.is_file():
                raise RuntimeError(f"CMake did not make {library.name}: is this Python's ABI abi3?")

    def configure(self, cmake: str, ninja: str, build_dir: Path) -> None:
        build_type = os.environ.get("CMAKE_BUILD_TYPE") or ("Debug" if self.debug else "Release")
        self.call(
            [
                cmake,
                str(ROOT),
                "-G",
                "Ninja",
                f"-DCMAKE_MAKE_PROGRAM={ninja}",
                f"-DCMAKE_BUILD_TYPE={build_type}",
                f"-DVLLM_PYTHON_EXECUTABLE={sys.executable}",
                *shlex.split(os.environ.get("CMAKE_ARGS", "")),
            ],
            build_dir,
        )

    def jobs(self) -> int:
        asked = os.environ.get("MAX_JOBS")
        if not asked:
            # Not cpu_count(): a container's or taskset's share is what may be used.
            return len(os.sched_getaffinity(0))
        if not asked.isdecimal() or int(asked) < 1:
            raise ValueError(f"MAX_JOBS must be a whole number above 0, not {asked!r}")
        return int(asked)

    def tool(self, name: str) -> str:
        found = shutil.which(name)
        if not found:
            raise RuntimeError(f"{name} is not on PATH; pip install {name}")
        return found

    def call(self, command: list[str], cwd: Path) -> None:
        # Our own lines sit in a buffer when stdout is a pipe and would come after the child's.
        sys.stdout.flush()
        subprocess.run(command, cwd=cwd, check=True)


setup(
    ext_modules=[CMakeExtension("vllm_cpu_sample._C")],
    cmdclass={"build_ext": cmake_build_ext},
    options={"bdist_wheel": {"py_limited_api": "cp38"}},
)

"""What other readers of wheels say of each: pip, uv, installer, twine and packaging, each as its users run it.

readers.py UV WHEEL...   prints a list of objects: by reader null where it takes the wheel, else its first words
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
from packaging.metadata import Metadata
from packaging.utils import parse_wheel_filename
from pip._internal.cli.main import main as pip_main
from twine.commands import check

MOST = 200


class Refused(Exception):
    """A reader that says no without an exception of its own."""


def by_pip(wheel: Path, folder: Path) -> None:
    said = io.StringIO()
    words = ["install", "--no-deps", "--no-index", "--no-compile", "--quiet", "--no-input"]
    words += ["--no-cache-dir", "--disable-pip-version-check", "--target", str(folder), str(wheel)]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = pip_main(words)
    logging.getLogger().handlers.clear()
    if status != 0:
        raise Refused(said.getvalue())


def by_uv(wheel: Path, folder: Path, uv: str) -> None:
    words = [
        uv,
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--no-cache",
        "--quiet",
        "--no-config",
    ]
    words += ["--python", sys.executable, "--target", str(folder), str(wheel)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise Refused(ran.stderr)


def by_installer(wheel: Path, folder: Path) -> None:
    schemes = {name: str(folder / name) for name in sysconfig.get_path_names()} | {
        "headers": str(folder / "headers")
    }
    destination = SchemeDictionaryDestination(
        schemes, interpreter=sys.executable, script_kind="posix"
    )
    with WheelFile.open(wheel) as source:
        source.validate_record()
        install(source=source, destination=destination, additional_metadata={})


def by_twine(wheel: Path, _folder: Path) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        failed = check.check([str(wheel)], strict=False)
    if failed:
        raise Refused(said.getvalue())


def by_packaging(wheel: Path, _folder: Path) -> None:
    parse_wheel_filename(wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        Metadata.from_email(archive.read(name), validate=True)


def answer(reader: Callable[[Path, Path], None], wheel: Path) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            reader(wheel, Path(folder))
        except (Exception, SystemExit) as problem:  # noqa: BLE001 - whatever a reader raises is its no
            return f"{type(problem).__name__}: {problem}".strip()[:MOST]
    return None


def main(uv: str, wheels: list[str]) -> None:
    readers: dict[str, Callable[[Path, Path], None]] = {
        "pip": by_pip,
        "uv": lambda wheel, folder: by_uv(wheel, folder, uv),
        "installer": by_installer,
        "twine": by_twine,
        "packaging": by_packaging,
    }
    answers = [
        {name: answer(reader, Path(wheel)) for name, reader in readers.items()} for wheel in wheels
    ]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

"""What Python's own readers see in a wheel, by which installers go, as one JSON document on descriptor 3.

Argument: the wheel. Its texts are read, and nothing of it is run. A document that a reader refuses is null.
"""

from __future__ import annotations

import csv
import email.parser
import importlib.metadata
import json
import os
import sys
import zipfile
from collections.abc import Callable


class Described(importlib.metadata.Distribution):
    """A distribution that has one text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read_text(self, filename: str) -> str | None:
        return self.text if filename == "entry_points.txt" else None

    def locate_file(self, path: str | os.PathLike[str]) -> str | os.PathLike[str]:
        return path


def headers(text: str) -> list[list[str]]:
    return [[name, str(value)] for name, value in email.parser.Parser().parsestr(text).items()]


def programs(text: str) -> list[str]:
    groups = ("console_scripts", "gui_scripts")
    return sorted({one.name for one in Described(text).entry_points if one.group in groups})


def recorded(text: str) -> list[str]:
    return [row[0] for row in csv.reader(text.splitlines())]


def seen(archive: zipfile.ZipFile, name: str, read: Callable[[str], object]) -> object:
    try:
        return read(archive.read(name).decode())
    except Exception:  # noqa: BLE001 - whatever a reader raises, it does not read it
        return None


def main() -> None:
    with zipfile.ZipFile(sys.argv[1]) as archive:
        names = archive.namelist()
        info = next(name.split("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
        points = f"{info}/entry_points.txt"
        document = {
            "files": [name for name in names if not name.endswith("/")],
            "METADATA": seen(archive, f"{info}/METADATA", headers),
            "WHEEL": seen(archive, f"{info}/WHEEL", headers),
            "RECORD": seen(archive, f"{info}/RECORD", recorded),
            "entry_points.txt": seen(archive, points, programs) if points in names else [],
        }
    with os.fdopen(3, "w", encoding="utf-8") as answer:
        json.dump(document, answer)


main()

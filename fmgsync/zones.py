"""Time zones from the newest data at hand: the host's, or that of the tzdata package.

Governments change clocks at short notice, and a host's data may be years behind a package that
was updated yesterday, or the other way round. Data that does not say its version counts as the
older one. Public source of the version files: the IANA time zone database (`tzdata.zi` begins
with `# version 2026a`; `+VERSION` on macOS and BSD).
"""

from __future__ import annotations

import importlib
import importlib.resources
import re
import zoneinfo
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

_PACKAGE: Final = "tzdata"


@dataclass(frozen=True, slots=True)
class Data:
    """Time zone data: where it lies (empty: the tzdata package) and its version, if it says one."""

    folder: str
    version: str

    def __str__(self) -> str:
        where = self.folder or "the tzdata package"
        return f"{self.version or 'of unknown version'} ({where})"

    @property
    def age_key(self) -> tuple[int, str]:
        """Sorts the newer later: `2025b` before `2025c`, before `2026a`."""
        year, letters = self.version[:4], self.version[4:]
        return (int(year), letters) if year.isdigit() else (0, "")


def in_use() -> Data:
    """The data that counts."""
    return _newest(tuple(zoneinfo.TZPATH))


def passed_over() -> tuple[Data, ...]:
    """Data that is here as well and does not count."""
    return tuple(each for each in _found(zoneinfo.TZPATH) if each != in_use())


def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name, by the newest data. Raises what `ZoneInfo` does."""
    return _zone(name, in_use())


@lru_cache(maxsize=4096)
def _zone(name: str, data: Data) -> ZoneInfo:
    """One object per zone and data, so that times of one zone compare by their clocks.

    A zone that the newest data lacks is taken from whatever has it.
    """
    found = ZoneInfo(name)  # refuses what is no name of a zone, and no path either
    file = (
        importlib.resources.files(_PACKAGE).joinpath("zoneinfo", *name.split("/"))
        if not data.folder
        else Path(data.folder).joinpath(*name.split("/"))
    )
    try:
        with file.open("rb") as content:
            return ZoneInfo.from_file(content, key=name)
    except (OSError, ValueError):
        return found


@lru_cache(maxsize=16)
def _newest(folders: tuple[str, ...]) -> Data:
    """Of two that are alike the host's, which others on this computer go by, too."""
    found = tuple(_found(folders))
    return max(found, key=lambda each: each.age_key) if found else Data("", "")


def _found(folders: Iterable[str]) -> Iterator[Data]:
    """The host's, in the order in which Python looks, then the package's."""
    for folder in folders:
        if Path(folder).joinpath("UTC").is_file():
            yield Data(folder, _version_in(Path(folder)))
    try:
        text = importlib.resources.files(_PACKAGE).joinpath("zones")
        if text.is_file():
            yield Data("", _package_version())
    except ModuleNotFoundError:
        return


def _version_in(folder: Path) -> str:
    for name in ("tzdata.zi", "+VERSION"):
        try:
            with folder.joinpath(name).open(encoding="ascii", errors="replace") as file:
                found = re.search(r"\b((?:19|20)\d\d[a-z]+)\b", file.readline())
        except OSError:
            continue
        if found:
            return found[1]
    return ""


def _package_version() -> str:
    return str(getattr(importlib.import_module(_PACKAGE), "IANA_VERSION", ""))

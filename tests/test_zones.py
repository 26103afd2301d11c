"""The newest time zone data counts, wherever it lies."""

from __future__ import annotations

import importlib
import importlib.resources
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fmgsync import zones
from fmgsync.scheduling.window import Window, WindowKind
from fmgsync.zones import Data

MIDNIGHT = datetime(2027, 1, 15, tzinfo=UTC)
OF_PACKAGE = MIDNIGHT + timedelta(hours=8)  # 01:00 in Vancouver, at UTC-7 all the year
OF_HOST = MIDNIGHT + timedelta(hours=16)  # 01:00 in Tokyo, which the host takes for Vancouver

NEWEST = str(importlib.import_module("tzdata").IANA_VERSION)

Host = Callable[[str, str], Path]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """Makes a host whose data takes Vancouver for Tokyo, with a version file of that text."""
    package = importlib.resources.files("tzdata").joinpath("zoneinfo")

    def make(file: str, text: str) -> Path:
        (tmp_path / "America").mkdir()
        tokyo = package.joinpath("Asia", "Tokyo").read_bytes()
        (tmp_path / "America" / "Vancouver").write_bytes(tokyo)
        (tmp_path / "UTC").write_bytes(package.joinpath("UTC").read_bytes())
        if file:
            (tmp_path / file).write_text(text)
        zoneinfo.reset_tzpath(to=[str(tmp_path)])
        return tmp_path

    yield make
    zoneinfo.reset_tzpath()


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("tzdata.zi", "# version 2019c\n# a comment\n", OF_PACKAGE),
        ("tzdata.zi", "# version 2099a\n", OF_HOST),
        ("+VERSION", "2099a\n", OF_HOST),
        ("+VERSION", "2019c\n", OF_PACKAGE),
        # Who does not say how old he is may be old.
        ("", "", OF_PACKAGE),
        ("tzdata.zi", "R d 1916 o\n", OF_PACKAGE),
        # Alike: what everything else on this computer goes by.
        ("tzdata.zi", f"# version {NEWEST}\n", OF_HOST),
    ],
)
def test_the_newest_data_says_when_a_window_opens(
    host: Host, file: str, text: str, expected: datetime
) -> None:
    host(file, text)
    window = Window(WindowKind.ALLOW, "0 1 * * *", timedelta(hours=3), "America/Vancouver")
    assert window.next_opening(MIDNIGHT) == expected


def test_a_zone_that_only_the_older_data_has_is_found_there(host: Host) -> None:
    folder = host("tzdata.zi", "# version 2019c\n")
    (folder / "Atlantis").write_bytes((folder / "UTC").read_bytes())
    assert zones.zone("Atlantis").utcoffset(MIDNIGHT) == timedelta(0)


def test_one_zone_is_one_object() -> None:
    assert zones.zone("Europe/Berlin") is zones.zone("Europe/Berlin")


def test_what_counts_and_what_does_not_is_told(host: Host) -> None:
    folder = str(host("tzdata.zi", "# version 2019c\n"))
    package = Data("", NEWEST)
    assert (zones.in_use(), zones.passed_over()) == (package, (Data(folder, "2019c"),))
    assert str(zones.in_use()) == f"{NEWEST} (the tzdata package)"


@pytest.mark.parametrize("name", ["../UTC", "/etc/passwd", "", "Nowhere/Atlantis", "America"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises((zoneinfo.ZoneInfoNotFoundError, ValueError, OSError)):
        zones.zone(name)


@pytest.mark.parametrize(
    ("older", "newer"), [("2025b", "2025c"), ("2025z", "2026a"), ("", "1996a"), ("2025z", "2025za")]
)
def test_versions_are_ordered(older: str, newer: str) -> None:
    assert Data("", older).age_key < Data("", newer).age_key

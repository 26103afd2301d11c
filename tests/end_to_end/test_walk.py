"""docs/how-it-works.md tells the walk of one address: its modules are there, called in order."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tests import builders
from tests.end_to_end.estate import Estate

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (\d+) \| .* \| (`.*`) \|$", re.MULTILINE)
APPLIED = range(6, 16)
"""The steps of one pass; those before are a cluster's, and the last is the next pass."""


def rows() -> dict[int, list[str]]:
    page = (ROOT / "docs" / "how-it-works.md").read_text("utf-8")
    return {int(n): re.findall(r"`([^`]+)`", where) for n, where in ROW.findall(page)}


@contextmanager
def called() -> Iterator[list[str]]:
    """The modules of the product in the order in which they are called, repeats included."""
    found: list[str] = []
    package = f"{ROOT / 'fmgsync'}/"

    def note(frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(package):
            module = name.removeprefix(package)
            if not found or found[-1] != module:
                found.append(module)

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


def test_the_modules_of_the_walk_exist() -> None:
    found = rows()
    assert list(found) == list(range(1, len(found) + 1))
    for number, modules in found.items():
        for module in modules:
            assert (ROOT / "fmgsync" / module).exists(), (number, module)


def test_they_are_called_in_this_order(estate: Estate) -> None:
    estate.run("east", builders.pod("web-7", "10.1.0.5", labels={"app": "web"}))
    estate.run("west", builders.pod("web-1", "10.2.0.1", labels={"app": "web"}))
    estate.apply()
    estate.write_policy("k8s-web")
    estate.apply()
    estate.run("east", builders.pod("web-7", "10.1.0.9", labels={"app": "web"}))
    with called() as calls:
        estate.apply()
    position = 0
    for number in APPLIED:
        for module in rows()[number]:
            assert module in calls[position:], (number, module)
            position = calls.index(module, position)

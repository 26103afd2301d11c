"""requirements.lock, from which the image is built: complete, and nothing without a hash."""

from __future__ import annotations

import configparser
import re
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deployment.places import ROOT


def name_of(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[ \[<>=!~;]", requirement, maxsplit=1)[0]).lower()


def test_what_it_pins_is_what_setup_cfg_allows() -> None:
    """A bound that was raised and a lock that was not made anew would part ways here."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = {name_of(one): one.split("==")[1] for one in re.findall(r"(?m)^\S+==\S+", text)}
    for row in filter(None, settings["options"]["install_requires"].split("\n")):
        asked = Requirement(row)
        assert asked.specifier.contains(pinned[name_of(row)], prereleases=True), row


def test_it_pins_all_that_fmgsync_needs_and_by_hash_only() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    needed = {name_of(row) for row in settings["options"]["install_requires"].split("\n") if row}
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith("#")]
    pinned = set()
    for entry in entries:
        first, *hashes = entry.replace("\\\n", "\n").split()
        assert re.fullmatch(r"[a-z0-9.-]+==[^ ;]+", first), first
        assert hashes, first
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes), first
        pinned.add(name_of(first))
    assert needed <= pinned


def test_what_is_pinned_is_what_is_needed_in_the_end_and_nothing_else() -> None:
    """What needs something is followed as it is installed here, where that is what is pinned."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = dict(row.split("==") for row in re.findall(r"(?m)^\S+==\S+", text))
    if other := {name for name in pinned if installed(name) not in ("", pinned[name])}:
        pytest.skip(f"installed here in another version: {', '.join(sorted(other))}")
    left = [row for row in settings["options"]["install_requires"].split("\n") if row]
    needed: set[tuple[str, str]] = set()
    while left:
        asked = Requirement(left.pop())
        name = canonicalize_name(asked.name)
        for extra in ("", *asked.extras):
            if (name, extra) not in needed and applies(asked, ""):
                needed.add((name, extra))
                rows = map(Requirement, distribution(name).requires or ())
                left += [str(row).partition(";")[0] for row in rows if applies(row, extra)]
    assert {name for name, _ in needed} == set(pinned)


def applies(asked: Requirement, extra: str) -> bool:
    return asked.marker is None or asked.marker.evaluate({"extra": extra})


def installed(name: str) -> str:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return ""

"""Since when grants are stale, as it is remembered for each ADOM of each installation."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.assessing.stale import Fault, Key
from fmgsync.clock import ManualClock
from fmgsync.model.address import Address
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.state.folder import Folder
from fmgsync.state.stale import StaleSince
from fmgsync.state.units import Units

PROD, LAB = TargetRef("hq", "prod"), TargetRef("hq", "lab")
EAST = DeviceVdom("fgt-east", "root")
WEB, DB = Key(EAST, "web", Address("10.1.0.5")), Key(EAST, "db", Address("10.1.0.5"), Fault.MISSING)


def remembered(path: Path, owner: str = "prod") -> StaleSince:
    folder = Folder(path, clock=ManualClock())
    return StaleSince(folder, owner, units=Units(folder, {"hq": "10.0.0.1"}))


def test_each_adom_of_each_installation_has_its_own(tmp_path: Path) -> None:
    mine, theirs = remembered(tmp_path), remembered(tmp_path, "stage")
    assert mine.read(PROD) is None
    mine.write(PROD, {WEB: 5.0, DB: None})
    mine.write(LAB, {WEB: 6.0})
    theirs.write(PROD, {DB: 7.0})
    assert mine.read(PROD) == {WEB: 5.0, DB: None}
    mine.write(PROD, {DB: 8.0})
    for found in (mine, remembered(tmp_path)):
        assert found.read(PROD) == {DB: 8.0}
        assert found.read(LAB) == {WEB: 6.0}
    assert theirs.read(PROD) == {DB: 7.0}
    assert theirs.read(LAB) is None
    mine.write(PROD, {})
    assert mine.read(PROD) == {}


def test_what_is_not_new_is_not_written(tmp_path: Path) -> None:
    """Nobody waits for another's write to write nothing, either."""
    found = remembered(tmp_path)
    found.write(PROD, {WEB: 5.0, DB: 6.0})
    (tmp_path / "lock").unlink()
    found.write(PROD, {DB: 6.0, WEB: 5.0})
    assert [path.name for path in tmp_path.iterdir()] == ["stale.json"]


def test_what_is_damaged_is_an_error(tmp_path: Path) -> None:
    folder = Folder(tmp_path, clock=ManualClock())
    folder.update("stale", lambda _: '{"version": 2}')
    with pytest.raises(errors.StateError):
        remembered(tmp_path).read(PROD)

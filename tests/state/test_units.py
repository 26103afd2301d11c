"""What is remembered belongs to the unit it was made with."""

from __future__ import annotations

import json
from pathlib import Path

from fmgsync.clock import ManualClock
from fmgsync.model.target import TargetRef
from fmgsync.state.folder import Folder
from fmgsync.state.units import Units

REF = TargetRef("hq", "prod")


def units(folder: Path, host: str) -> Units:
    return Units(Folder(folder, clock=ManualClock()), {"hq": host})


def answer(folder: Path, host: str, serial: str) -> tuple[TargetRef, str | None]:
    """A command that writes: where its state is, and what people are told."""
    known = units(folder, host)
    told = known.bind("hq", serial, remember=True)
    return known.of(REF), told


def test_the_first_unit_has_what_was_remembered_before(tmp_path: Path) -> None:
    assert units(tmp_path, "lab").of(REF) == REF
    assert answer(tmp_path, "lab", "FMG-1") == (REF, None)
    assert answer(tmp_path, "lab", "FMG-1") == (REF, None)


def test_another_host_or_another_serial_is_another_unit(tmp_path: Path) -> None:
    answer(tmp_path, "lab", "FMG-1")
    host, told = answer(tmp_path, "real", "FMG-2")
    assert host != REF
    other = "is another unit than before"
    ends = "what was remembered of the other one does not count"
    assert told == f"FortiManager hq {other} (real, serial number FMG-2): {ends}"
    serial, told = answer(tmp_path, "lab", "FMG-3")
    assert serial not in (REF, host)
    assert told == f"FortiManager hq {other} (lab, serial number FMG-3): {ends}"
    assert answer(tmp_path, "new", "")[1] == f"FortiManager hq {other} (new): {ends}"


def test_each_unit_finds_its_own_again(tmp_path: Path) -> None:
    lab, _ = answer(tmp_path, "lab", "FMG-1")
    real, _ = answer(tmp_path, "real", "FMG-2")
    assert answer(tmp_path, "lab", "FMG-1") == (lab, None)
    assert answer(tmp_path, "real", "FMG-2") == (real, None)
    assert units(tmp_path, "real").of(REF) == real, "known before it is connected to"
    rows = json.loads((tmp_path / "units.json").read_text())["units"]
    assert [(row["host"], row["serial"]) for row in rows] == [("lab", "FMG-1"), ("real", "FMG-2")]


def test_a_serial_that_is_not_told_leaves_the_host_to_go_by(tmp_path: Path) -> None:
    assert answer(tmp_path, "lab", "") == (REF, None)
    assert answer(tmp_path, "lab", "FMG-1") == (REF, None)
    assert answer(tmp_path, "lab", "") == (REF, None)


def test_who_only_looks_writes_nothing(tmp_path: Path) -> None:
    """And reads nothing of the other unit's either."""
    known = units(tmp_path, "lab")
    assert known.bind("hq", "FMG-1", remember=False) is None
    assert (known.serial("hq"), list(tmp_path.iterdir())) == ("", [])
    answer(tmp_path, "lab", "FMG-1")
    known.bind("hq", "FMG-2", remember=False)
    assert known.of(REF) == TargetRef("hq@lab/FMG-2", "prod")
    assert units(tmp_path, "lab").of(REF) == REF


def test_a_unit_of_the_same_cluster_goes_on_with_what_is_remembered(tmp_path: Path) -> None:
    first, _ = answer(tmp_path, "lab", "FGT-1")
    units(tmp_path, "lab").follow("hq", "FGT-2")
    assert units(tmp_path, "lab").serial("hq") == "FGT-2"
    assert answer(tmp_path, "lab", "FGT-2") == (first, None)
    (row,) = json.loads((tmp_path / "units.json").read_text())["units"]
    assert (row["host"], row["serial"]) == ("lab", "FGT-2")

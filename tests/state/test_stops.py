"""Stops and the heads of the audit's chains, as they are remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.audit import Head
from fmgsync.clock import ManualClock
from fmgsync.model.stop import Stop
from fmgsync.model.target import TargetRef
from fmgsync.state.folder import Folder
from fmgsync.state.heads import AuditHeads
from fmgsync.state.stops import Stops

HQ, ELSEWHERE = TargetRef("hq", "prod"), TargetRef("other", "prod")
ALL = Stop("", "", "ann", "all", 1.0)
UNIT = Stop("hq", "", "bob", "unit", 2.0)
ADOM = Stop("hq", "prod", "cleo", "adom", 3.0)
OTHER = Stop("hq", "lab", "dan", "lab", 4.0)


def folder(path: Path) -> Folder:
    return Folder(path, clock=ManualClock())


def stopped(path: Path, *each: Stop) -> Stops:
    stops = Stops(folder(path), "prod")
    for one in each:
        assert stops.stop(one) == one
    return stops


def test_nothing_is_stopped_until_somebody_does(tmp_path: Path) -> None:
    stops = stopped(tmp_path)
    assert stops.all() == ()
    assert stops.covering(HQ) is None
    stops.check(HQ)


@pytest.mark.parametrize(
    ("stops", "ref", "covering"),
    [
        ([ADOM, UNIT, ALL], HQ, ALL),
        ([OTHER, ADOM, UNIT], HQ, UNIT),
        ([OTHER, ADOM], HQ, ADOM),
        ([OTHER], HQ, None),
        ([UNIT, ADOM], ELSEWHERE, None),
        ([UNIT, ALL], ELSEWHERE, ALL),
    ],
)
def test_the_widest_stop_that_is_about_an_adom_holds_it(
    stops: list[Stop], ref: TargetRef, covering: Stop | None, tmp_path: Path
) -> None:
    found = stopped(tmp_path, *stops)
    assert found.all() == tuple(sorted(stops))
    assert found.covering(ref) == covering
    if covering is not None:
        with pytest.raises(errors.Stopped) as told:
            found.check(ref)
        assert str(covering) in str(told.value)
        assert (told.value.fortimanager, told.value.adom) == (ref.unit, ref.domain)
        assert told.value.next_step == "'fmgsync start' lets it go on"


def test_who_stopped_first_counts(tmp_path: Path) -> None:
    stops = stopped(tmp_path, UNIT)
    assert stops.stop(Stop("hq", "", "eve", "later", 9.0)) == UNIT
    assert stops.all() == (UNIT,)


@pytest.mark.parametrize(
    ("scope", "lifted"),
    [
        (("", ""), (ALL, UNIT, OTHER, ADOM)),
        (("hq", ""), (UNIT, OTHER, ADOM)),
        (("hq", "prod"), (ADOM,)),
        (("other", ""), ()),
    ],
)
def test_a_start_lifts_what_is_within_its_scope(
    scope: tuple[str, str], lifted: tuple[Stop, ...], tmp_path: Path
) -> None:
    stops = stopped(tmp_path, ADOM, OTHER, UNIT, ALL)
    assert stops.start(*scope) == lifted
    assert set(stops.all()) == {ADOM, OTHER, UNIT, ALL} - {*lifted}


def test_another_installations_stops_are_its_own(tmp_path: Path) -> None:
    mine, theirs = stopped(tmp_path, UNIT), Stops(folder(tmp_path), "stage")
    assert theirs.all() == ()
    assert theirs.stop(ADOM) == ADOM
    assert mine.stop(ALL) == ALL
    assert theirs.start() == (ADOM,)
    assert (mine.all(), theirs.all()) == ((ALL, UNIT), ())


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"version": 2}',
        '{"stops": [{"owner": "prod"}]}',
        (
            '{"stops": [{"owner": "prod", "unit": "", "domain": "lab", "who": "", "reason": "",'
            ' "at": 1}]}'
        ),
    ],
)
def test_what_cannot_be_read_is_an_error_and_stays(text: str, tmp_path: Path) -> None:
    where = folder(tmp_path)
    where.update("stops", lambda _: text)
    stops = Stops(where, "prod")
    for ask in (stops.all, lambda: stops.check(HQ), lambda: stops.stop(ALL), stops.start):
        with pytest.raises(errors.StateError):
            ask()
    assert where.read("stops") == text


def test_a_chains_head_never_goes_back(tmp_path: Path) -> None:
    heads = AuditHeads(folder(tmp_path))
    assert heads.read("a") is None
    heads.write("a", Head(2, "two"))
    heads.write("b", Head(1, "one"))
    heads.write("a", Head(1, "older"))
    assert heads.read("a") == Head(2, "two")
    heads.write("a", Head(2, "again"))
    assert heads.read_all() == {"a": Head(2, "again"), "b": Head(1, "one")}
    heads.write("a", Head(3, "three"))
    assert heads.read("a") == Head(3, "three")


def test_the_chains_that_were_written_last_are_known(tmp_path: Path) -> None:
    heads = AuditHeads(folder(tmp_path))
    heads.write("first", Head(1, "x"))
    heads.write("second", Head(1, "x"))
    for number in range(198):
        heads.write(str(number), Head(1, "x"))
    heads.write("first", Head(2, "y"))
    assert len(heads.read_all()) == 200
    heads.write("last", Head(1, "x"))
    assert heads.read("first") == Head(2, "y")
    assert heads.read("second") is None

"""The scenarios against a FortiGate without a FortiManager: all is asked, only what is theirs is
touched, and nothing stays, wherever they are interrupted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from fmgsync import errors
from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.recording import suite, unit_lab
from fmgsync.recording.adapter import Recording
from fmgsync.recording.guarding import COMMENT, TABLES, NotOurs
from fmgsync.recording.unit_lab import Line, Reply, UnitLab
from fmgsync.wiring import lab_units
from tests.end_to_end.branches import Branches, open_branches, seed

PREFIX = "fmgsync-lab"
NAME = "branch-1"
KEY = "Kx7Qw2Zp9Lm4Tn8Rb6Vc3Hd5Gj1Fs"  # gitleaks:allow


@contextmanager
def opened(folder: Path, *, managed: str = "no", **more: Any) -> Iterator[Branches]:
    """One unit with somebody's objects, and a configuration for it."""
    users = [{"name": "fmgsync", "key": KEY, "profile": more.pop("profile", "advised")}]
    made = seed([NAME], apiUsers=users, **more)
    with open_branches(folder / "x", made, clock=SystemClock()) as branches:
        (branches.folder / "key").write_text(KEY, encoding="utf-8")
        branches.config["fortigates"][0]["managed"] = managed
        branches.write_config()
        yield branches


class Cut:
    """A session that is interrupted at one request: as if the user pressed Ctrl-C there."""

    def __init__(self, line: Line, at: int) -> None:
        self._line = line
        self._left = at

    def send(
        self,
        method: str,
        path: str,
        keys: Sequence[str],
        query: Mapping[str, str | int],
        body: Any,
        transaction: int | None,
    ) -> Reply:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        return self._line.send(method, path, keys, query, body, transaction)


@contextmanager
def lab_on(branches: Branches, *, cut_at: int = 0) -> Iterator[UnitLab]:
    recording = Recording()
    unit, vdom = lab_units.chosen(branches.path, None, None)
    with lab_units.opened(
        unit,
        vdom,
        PREFIX,
        clock=branches.clock,
        transport=recording.adapter,
        step=recording.step,
    ) as lab:
        if cut_at:
            lab._line = Cut(lab._line, cut_at)
        yield lab


def state(branches: Branches) -> Any:
    """Everything an administrator would miss, and what is still open."""
    rows = {
        table: branches.unit.fortigate(NAME).rest(f"/api/v2/cmdb/firewall/{table}?vdom=root")[
            "results"
        ]
        for table in (*TABLES, "policy")
    }
    return rows, dict(branches.unit.world.units()[NAME].api.open)


@pytest.mark.parametrize(
    ("version", "profile"),
    [
        ("7.4.5", "advised"),
        ("7.6.4", "minimal"),
        pytest.param("6.2.9", "advised", marks=pytest.mark.slow),
        pytest.param("8.0.0", "super_admin", marks=pytest.mark.slow),
    ],
)
def test_all_scenarios_run_and_nothing_stays(tmp_path: Path, version: str, profile: str) -> None:
    with opened(tmp_path, version=version, profile=profile) as branches:
        before, told, mark = state(branches), list[str](), branches.unit.requests.mark()
        with lab_on(branches) as lab:
            suite.refuse_strangers(lab)
            done = suite.run(lab, suite.chosen((), may_install=False, of=suite.DIRECT), told.append)
        assert done == [one.name for one in suite.DIRECT]
        assert state(branches) == before
        assert len(told) == len(done), "nothing was left out or could not be cleaned"
        writes = branches.writes(mark)
        assert len(writes) > 40
        for _, method, path in writes:
            _, _, table, *keys = unquote(path).split("/") if path != "cmdb" else ("", "", "", "")
            assert table in (*TABLES, "")
            assert all(key.startswith(PREFIX) for key in keys[:1] if table)
            assert method == "POST" or keys, "a DELETE without a key purges the table"


@pytest.mark.parametrize(
    "at", [74, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 125, 3))]
)
def test_an_interruption_anywhere_leaves_nothing(tmp_path: Path, at: int) -> None:
    with opened(tmp_path) as branches:
        before = state(branches)
        writing = [one for one in suite.DIRECT if one.writes]
        with lab_on(branches, cut_at=at) as lab, suppress(KeyboardInterrupt):
            suite.run(lab, writing, lambda text: None)
        assert state(branches) == before


def test_what_a_killed_recording_left_is_named_and_can_be_deleted(tmp_path: Path) -> None:
    with opened(tmp_path) as branches:
        before = state(branches)
        with lab_on(branches) as lab:
            lab.create("address", lab.address("x"))
            lab.create("addrgrp", lab.group("inner", lab.name("x")))
            lab.create("addrgrp", lab.group("outer", lab.name("inner")))
            with pytest.raises(errors.UsageError, match="--clean-up"):
                suite.refuse_strangers(lab)
        assert main.run(["cassette", "record", "--clean-up", "--yes"]) == 0
        assert state(branches) == before


def test_objects_of_somebody_else_under_the_prefix_stop_everything(tmp_path: Path) -> None:
    hers = {"name": f"{PREFIX}-hers", "subnet": "10.9.0.9/32", "comment": "by hand"}
    legacy = {"name": "legacy-db", "subnet": "10.9.0.1/32"}
    with (
        opened(tmp_path, addresses=[legacy, hers]) as branches,
        lab_on(branches) as lab,
        pytest.raises(errors.UsageError, match="another --prefix"),
    ):
        suite.refuse_strangers(lab)


@pytest.mark.parametrize(("managed", "profile"), [("yes", "advised"), ("no", "minimal")])
def test_a_unit_that_a_fortimanager_manages_or_may_is_only_read(
    tmp_path: Path, managed: str, profile: str
) -> None:
    with opened(tmp_path, managed="ask", profile=profile) as branches:
        with branches.unit.world.lock:
            branches.unit.world.units()[NAME].api.managed = managed  # type: ignore[assignment]
        mark, told = branches.unit.requests.mark(), list[str]()
        with lab_on(branches) as lab:
            done = suite.run(lab, suite.DIRECT, told.append)
        assert done == ["unit", "reading", "rights"]
        assert branches.writes(mark) == []
        assert sum("left out" in text and "FortiManager" in text for text in told) == 5


OURS = {"name": f"{PREFIX}-a", "subnet": "198.51.100.1/32", "comment": COMMENT}
ADDRESS = "cmdb/firewall/address"


@pytest.mark.parametrize(
    ("method", "path", "keys", "query", "body"),
    [
        ("DELETE", ADDRESS, (), {}, None),
        ("DELETE", ADDRESS, ("",), {}, None),
        ("DELETE", ADDRESS, ("legacy-db",), {}, None),
        ("DELETE", ADDRESS, (f"{PREFIX}x",), {}, None),
        ("DELETE", "cmdb/firewall/policy", (f"{PREFIX}-1",), {}, None),
        ("DELETE", "cmdb/firewall/addrgrp", (f"{PREFIX}-g", "member", ""), {}, None),
        ("PUT", ADDRESS, ("legacy-db",), {}, {"comment": "x"}),
        ("PUT", ADDRESS, (f"{PREFIX}-a",), {}, {"name": "legacy-db"}),
        ("PUT", ADDRESS, (f"{PREFIX}-a",), {"action": "move"}, {"comment": "x"}),
        ("POST", ADDRESS, (), {}, {**OURS, "name": "mine"}),
        ("POST", ADDRESS, (), {}, {**OURS, "comment": "by hand"}),
        ("POST", ADDRESS, (), {}, [OURS, {**OURS, "name": "mine"}]),
        ("POST", ADDRESS, (), {}, []),
        ("POST", ADDRESS, (), {"action": "clone", "nkey": f"{PREFIX}-b"}, OURS),
        ("POST", "cmdb/firewall/addrgrp", ("legacy", "member"), {}, {"name": f"{PREFIX}-a"}),
        ("POST", "cmdb", (), {"action": "reboot"}, {}),
        ("POST", "monitor/system/os", ("reboot",), {}, {}),
    ],
)
def test_nothing_but_its_own_passes_the_guard(
    method: str, path: str, keys: tuple[str, ...], query: dict[str, str], body: Any
) -> None:
    with pytest.raises(NotOurs):
        unit_lab.refuse_foreign(PREFIX, method, path, keys, query, body)


def test_record_check_and_compare_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody can be asked here, so a recording that writes needs a word; what it holds is clean."""
    with opened(tmp_path):
        base, file = ["cassette", "record", "--scenario", "groups"], "lab.yaml"
        assert main.run([*base, "--to", file]) == 2
        assert "--yes" in capsys.readouterr().err
        assert main.run([*base, "--to", file, "--yes", "--fortigate", NAME, "--vdom", "root"]) == 0
        assert "live at once" in capsys.readouterr().err
        assert main.run(["cassette", "check", file]) == 0
        assert KEY not in Path(file).read_text(encoding="utf-8")
        assert main.run(["cassette", "compare", file]) == 0
        assert "0 differences" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--fortigate", "branch-9"], "branch-1"),
        (["--fortigate", NAME, "--fortimanager", "hq"], "one of the two"),
        (["--fortigate", NAME, "--allow-install", "x"], "--vdom"),
        (["--fortigate", NAME, "--scenario", "mappings"], "there are: unit, reading"),
        (["--fortigate", NAME, "--vdom", "dmz"], "VDOM dmz"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    with opened(tmp_path):
        assert main.run(["cassette", "record", "--to", "lab.yaml", "--yes", *more]) == 2
        assert said in capsys.readouterr().err


def test_the_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["cassette", "record", "--list", "--output", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {(row["of"], row["name"]) for row in rows} >= {
        ("FortiGate", "transactions"),
        ("FortiManager", "commits"),
    }

"""A FortiManager whose answers are JSON and have another shape than they should, at any depth: what
is not a table is no empty one, and nothing ends in a defect."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from fmgsync.cli import common, main
from tests.end_to_end.estate import Estate, default_seed, open_estate
from tests.end_to_end.seen import web

MISFITS = {
    "a number": b"5",
    "a word": b'"x"',
    "numbers": b"[1]",
    "an object": b'{"q": 1}',
    "no end of lists": b"[" * 900 + b"]" * 900,
    "no end of objects": b'{"name": ' * 900 + b"1" + b"}" * 900,
    "deeper than JSON is read": b"[" * 100_000 + b"]" * 100_000,
}
TABLES = ("_scope", "dynamic_mapping", "object member", "scope member")
WORDS = ("name", "comment", "type", "subnet", "member", "vdom", "workspace-mode", "workspace_mode")
MORE = ("srcaddr", "policyid", "action", "conn_status", "flags", "os_ver", "package settings")
_HERE = '"put it here"'


class Misshaping(HTTPAdapter):
    """Every field of this name in an answer is something else, or is not there."""

    def __init__(self, field: str, instead: bytes | None) -> None:
        super().__init__()
        self._field, self._instead = field, instead
        self.met = 0

    def send(self, *arguments: Any, **options: Any) -> Any:
        answer = super().send(*arguments, **options)
        body = self._changed(json.loads(answer.content))
        answer._content = json.dumps(body).encode().replace(_HERE.encode(), self._instead or b"")
        return answer

    def _changed(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._changed(each) for each in value]
        if not isinstance(value, dict):
            return value
        self.met += self._field in value
        return {
            name: json.loads(_HERE) if name == self._field else self._changed(each)
            for name, each in value.items()
            if name != self._field or self._instead is not None
        }


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """A group in use, mapped on two FortiGates, one of them by a device group; a removal waits."""
    unit = default_seed(install_s=0)
    unit["adoms"][0]["deviceGroups"] = [{"name": "East", "members": ["fgt-east/root"]}]
    with open_estate(tmp_path, unit) as made:
        made.run("east", web("10.1.0", 5), web("10.1.0", 6))
        made.run("west", web("10.2.0", 5))
        made.apply_never()
        made.write_policy("k8s-web")
        made.apply()
        made.run("east", web("10.1.0", 5))
        yield made


Told = Callable[[str, bytes | None], tuple[int, str]]


@pytest.fixture
def told(estate: Estate, capsys: pytest.CaptureFixture[str]) -> Told:
    """How a plan ends, and what it says, where a field of FortiManager is something else."""

    def ask(field: str, instead: bytes | None) -> tuple[int, str]:
        box = Misshaping(field, instead)
        taps = common.Taps(lambda _: box)  # what a FortiManager is talked to with
        code = main.run(["plan", "-c", str(estate.path), "-vv"], context=taps)
        assert box.met
        return code, "".join(capsys.readouterr())

    return ask


NONE = ("a number", "a word", "numbers", "no end of lists", "deeper than JSON is read")
"""What no table is; an object is a table of one row."""


def test_a_table_within_a_row_that_is_none_is_no_empty_one(told: Told) -> None:
    for field, what in zip([*TABLES, *TABLES], itertools.cycle(NONE), strict=False):
        code, said = told(field, MISFITS[what])
        where = f"{field} is {what}"
        assert "internal error" not in said, where
        assert (code, "FortiManager hq" in said) == (1, True), where


def no_defect(told: Told, field: str, what: str) -> None:
    code, said = told(field, MISFITS.get(what))
    assert "internal error" not in said, f"{field} is {what}"
    assert code in (0, 1, 3), f"{field} is {what}"


def test_a_field_of_another_shape_is_no_defect(told: Told) -> None:
    for field, what in zip([*WORDS, *MORE], itertools.cycle((*MISFITS, "gone")), strict=False):
        no_defect(told, field, what)


@pytest.mark.slow
@pytest.mark.parametrize("field", [*TABLES, *WORDS, *MORE])
def test_no_field_of_any_other_shape_is_a_defect(told: Told, field: str) -> None:
    for what in (*MISFITS, "gone"):
        no_defect(told, field, what)

"""What is remembered is looked at with editors and `kubectl get`: nothing in it acts there."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from fmgsync import errors, untrusted
from fmgsync.clock import ManualClock
from fmgsync.model.target import TargetRef
from fmgsync.state import records, rollouts, stale, stops
from fmgsync.state.documents import Change, Documents, Parsed, encoded, update_soon
from fmgsync.state.folder import Folder
from fmgsync.state.heads import AuditHeads
from fmgsync.state.memory import Memory
from fmgsync.state.rollouts import Rollouts
from fmgsync.state.stale import StaleSince
from fmgsync.state.stops import Stops
from fmgsync.state.units import Units

REF = TargetRef("hq", "prod")
ROOM = Path(__file__).parents[2] / "fmgsync" / "state"


@pytest.mark.parametrize(
    "text",
    ["plain", "\x1b[31m", "\x9b2J", "\x7f", "\u202eevil\u2066", "\u2028\r\n\t", "\U0001f600", "\0"],
)
def test_any_text_is_kept_and_none_acts(text: str) -> None:
    made = encoded({"a": [text], text: 1})
    assert json.loads(made) == {"a": [text], text: 1}
    assert all(each == "\n" or " " <= each <= "~" for each in made)


def test_every_document_is_written_so() -> None:
    """Save the request to the API server, which carries texts that are."""
    for path in ROOM.glob("*.py"):
        if path.name not in ("documents.py", "configmap.py"):
            assert "json.encode(" not in path.read_text(), path


def test_every_number_with_a_fraction_in_a_state_is_bounded() -> None:
    """They are instants, which are told as dates; `past_s` are durations."""
    rows = [
        (kind, field)
        for module in (records, rollouts, stale, stops)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__struct_fields__
        for field in msgspec.structs.fields(kind)
    ]
    assert len(rows) > 50
    for kind, field in rows:
        if field.name != "past_s" and "float" in str(field.type):
            assert "le=253402214400" in str(field.type), f"{kind.__name__}.{field.name}"


@pytest.mark.parametrize("letter", ["a", '"', "\\", '\\"'])
def test_a_text_that_is_too_long_is_shortened_and_no_other(letter: str) -> None:
    whole = letter * (untrusted.TEXT_MOST // (2 * len(letter)))
    long = letter * (untrusted.TEXT_MOST + 1)
    assert json.loads(encoded({"a": whole, "b": 1})) == {"a": whole, "b": 1}
    made = json.loads(encoded({"a": long, "b": whole}))
    assert made["b"] == whole
    assert len(made["a"]) <= untrusted.TEXT_MOST


def test_half_a_character_is_no_reason_to_keep_nothing() -> None:
    assert json.loads(encoded({"a": "x\ud800", "b": 1}))["b"] == 1


def test_a_text_is_taken_apart_once() -> None:
    asked: list[str | None] = []

    def parse(text: str | None) -> str | None:
        asked.append(text)
        return text

    parsed = Parsed(parse)
    assert [parsed.of(text) for text in (None, None, "a", "a", "b", "a")] == [
        None, None, "a", "a", "b", "a",
    ]  # fmt: skip
    assert asked == [None, "a", "b", "a"]
    assert parsed.made("c", "said") == "c"
    assert (parsed.of("c"), len(asked)) == ("said", 4)


@dataclasses.dataclass
class Waiting:
    """Documents that tell which way a change came."""

    came: list[str] = dataclasses.field(default_factory=list)

    def where(self, name: str) -> str:
        return name

    def read(self, name: str) -> str | None:
        return None

    def update(self, name: str, change: Change) -> None:
        self.came.append(f"now {name} {change(None)}")


class Soon(Waiting):
    def update_soon(self, name: str, change: Change) -> None:
        self.came.append(f"soon {name} {change(None)}")


@pytest.mark.parametrize(("documents", "way"), [(Waiting(), "now"), (Soon(), "soon")])
def test_what_nothing_depends_on_waits_where_a_write_costs_much(
    documents: Waiting, way: str
) -> None:
    update_soon(documents, "x", lambda _: "text")
    assert documents.came == [f"{way} x text"]


def decide(documents: Documents) -> object:
    return Memory(documents).approve("aa", who="ann", reason="", now=0, expires_at=1)


READERS: dict[str, tuple[Callable[[Documents], object], str]] = {
    "guard": (lambda d: Memory(d).history("prod", REF), "what was approved waits again"),
    "decisions": (decide, "what was approved waits again"),
    "rollouts": (lambda d: Rollouts(d, "prod", clock=ManualClock()).read(REF), "rollout resume"),
    "stops": (lambda d: Stops(d, "prod").all(), "who stopped what"),
    "stale": (
        lambda d: StaleSince(d, "prod", units=Units(d, {})).read(REF),
        "counts as overdue",
    ),
    "units": (lambda d: Units(d, {}).of(REF), "the units as they are"),
    "audit": (lambda d: AuditHeads(d).read_all(), "the audit's lines"),
}


@pytest.mark.parametrize("name", READERS)
def test_what_is_damaged_says_where_it_is_and_what_losing_it_means(
    name: str, tmp_path: Path
) -> None:
    read, losing = READERS[name]
    folder = Folder(tmp_path, clock=ManualClock())
    (tmp_path / f"{name}.json").write_text('{"version": 1')
    with pytest.raises(errors.StateError, match=r"it is damaged.*: Input data was tr") as caught:
        read(folder)
    assert caught.value.where == str(tmp_path / f"{name}.json")
    assert losing in (caught.value.next_step or "")

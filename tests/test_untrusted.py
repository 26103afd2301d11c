"""Whatever others call things, what is written of it is short enough to be read again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from fmgsync import audit, redaction, untrusted
from fmgsync.audit import Audit, FileKeeper, StreamKeeper
from fmgsync.cli import lines, logs
from fmgsync.clock import ManualClock
from fmgsync.model.change import Hold
from fmgsync.model.health import AdomHealth, DevicesHealth, ServiceHealth
from fmgsync.model.target import TargetRef
from fmgsync.serve.metrics import Metrics
from fmgsync.state.documents import encoded
from fmgsync.state.folder import Folder
from fmgsync.state.memory import Memory
from fmgsync.targets import wire
from fmgsync.untrusted import TEXT_MOST, safe_text, shortened

HUGE = 10_000_000
LINE_MOST = 1_500_000
REF = TargetRef("hq", "prod")

characters = st.sampled_from(["a", "\0", "\x1b", '"', "\\", "\n", "\u202e", "\U0001f600", "\ud800"])
texts = st.builds(
    lambda piece, times: piece * times,
    st.text(characters, min_size=1, max_size=4),
    st.sampled_from([1, 100, TEXT_MOST]),
)
values = st.recursive(
    texts | st.none() | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
few = settings(max_examples=30)


@few
@given(texts, st.integers(80, 2000))
def test_a_text_is_as_it_was_or_says_how_long_it_was(text: str, most: int) -> None:
    found = shortened(text, most)
    assert len(found) <= most
    assert found == text or f"({len(text)} characters, sha256 " in found
    assert shortened(text, most) == found


def test_two_long_texts_are_never_taken_for_one() -> None:
    middle = "a" * HUGE
    assert len({shortened(f"{middle}{each}{middle}", 100) for each in "xyz"}) == 3


@few
@given(st.dictionaries(st.sampled_from(["why", "members", "edits", "device"]), values))
def test_whatever_is_audited_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, fields: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    trail = Audit("prod@a", clock=ManualClock(), keeper=FileKeeper(path), about={"who": "ann"})
    trail.record("install", digest="one", **fields)
    trail.record("verified", digest="two")
    assert max(map(len, path.read_text("ascii").splitlines())) < LINE_MOST
    first, second = audit.read(path)
    assert (first.problem, second.problem) == (None, None)
    assert (first.fields["digest"], first.fields["who"]) == ("one", "ann")
    known = {name for name, value in fields.items() if value is not None}
    assert known <= set(first.fields)


@pytest.mark.parametrize("character", ["a", "\0", "\U0001f600"])
def test_a_list_does_not_cost_a_line_its_reason(character: str) -> None:
    said: list[str] = []
    trail = Audit("a", clock=ManualClock(), keeper=StreamKeeper(said.append))
    rows = [{"group": f"g{n}", "after": [character * 300]} for n in range(30_000)]
    trail.record("failed", members=rows, why="it did not answer", devices=["d" * 40] * 50_000)
    (line,) = map(json.loads, said)
    assert len(said[0]) < LINE_MOST
    assert line["why"] == "it did not answer"
    assert line["members"][0] == rows[0]
    shown = len(line["members"]) - 1
    assert line["members"][-1] == f"... {30_000 - shown} more"
    assert line["devices"] == ["... 50000 more"]


def test_what_is_usual_is_audited_whole() -> None:
    said: list[str] = []
    trail = Audit("a", clock=ManualClock(), keeper=StreamKeeper(said.append))
    members = [f"prod_10.{n // 65536}.{n // 256 % 256}.{n % 256}" for n in range(20_000)]
    trail.record("verified", members=[{"group": "web", "after": members}])
    assert json.loads(said[0])["members"][0]["after"] == members


@few
@given(values)
def test_whatever_is_remembered_is_read_back(value: Any) -> None:
    text = encoded({"version": 1, "rows": [value]})
    found = json.loads(text)["rows"][0]
    assert found == untrusted.bounded(value)
    assert longest(found) <= TEXT_MOST


def longest(value: Any) -> int:
    match value:
        case str():
            return len(value)
        case dict():
            return max((longest(each) for pair in value.items() for each in pair), default=0)
        case list():
            return max(map(longest, value), default=0)
        case _:
            return 0


def test_what_was_shown_as_held_fits_into_a_configmap(tmp_path: Path) -> None:
    """Two thousand of them are kept, so each is short."""
    memory = Memory(Folder(tmp_path, clock=ManualClock()))
    memory.show("plan", [(REF, Hold("x" * HUGE, "", "y" * HUGE, digest="d1"))], 1000.0)
    (shown,) = memory.shown()
    assert shown.digest == "d1"
    assert len(shown.message) <= 500


@few
@given(st.dictionaries(st.sampled_from(["device", "why", "names"]), values))
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_log_line_is_endless(log_format: Any, fields: dict[str, Any]) -> None:
    logs.start_logging(0, log_format)
    said: list[str] = []
    structlog.configure(logger_factory=lambda *_: Kept(said))
    structlog.get_logger().error("it failed", **fields)
    assert max(map(len, "\n".join(said).split("\n"))) < 500_000
    if log_format == "json":
        assert set(fields) < set(json.loads(said[0]))


class Kept:
    """A logger that keeps its lines."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def error(self, line: str) -> None:
        self._said.append(line)


@pytest.mark.parametrize("as_json", [False, True])
def test_no_line_of_progress_is_endless(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    lines.say("a" * HUGE + "\nb", as_json=as_json)
    said = capsys.readouterr().err
    assert len(said) < 2 * TEXT_MOST
    assert "(10000000 characters, sha256 " in said


@few
@given(texts)
def test_a_device_of_any_name_is_a_label_that_prometheus_reads(name: str) -> None:
    devices = DevicesHealth(verified_at={name: 5.0}, sizes={(name, "web"): 3})
    health = ServiceHealth("1", 0.0, (AdomHealth(REF, devices=devices),), ())
    text = Metrics(lambda: health).text().decode()
    assert max(map(len, text.split("\n"))) < 5_000
    assert all(each.isprintable() or each == "\n" for each in text)
    found = {
        sample.labels["device"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "device" in sample.labels
    }
    assert len(found) == 1


@few
@given(values)
def test_a_document_holds_no_endless_text(value: Any) -> None:
    assert longest(json.loads(json.dumps(redaction.hide_in(value)))) <= TEXT_MOST


def test_depth_is_no_way_in_either(tmp_path: Path) -> None:
    deep: Any = "end"
    for _ in range(sys.getrecursionlimit() * 2):
        deep = [deep]
    path = tmp_path / "audit.jsonl"
    Audit("a", clock=ManualClock(), keeper=FileKeeper(path)).record("failed", edits=deep)
    (line,) = audit.read(path)
    assert line.problem is None
    assert untrusted.DEEPER in json.dumps(line.fields["edits"])


@pytest.mark.parametrize("most", [wire.printable, safe_text])
def test_words_for_people_end(most: Any) -> None:
    assert len(most("a" * HUGE)) <= TEXT_MOST


def test_a_state_of_the_usual_size_is_not_walked_through() -> None:
    """A quote in a text ends no text; a long list of numbers is no long text."""
    assert encoded({"a": '\\"' * 9}) == msgspec.json.encode({"a": '\\"' * 9}).decode()
    assert json.loads(encoded({"a": '"' * HUGE}))["a"] == shortened('"' * HUGE)
    assert json.loads(encoded({"a": "\\" * HUGE}))["a"] == shortened("\\" * HUGE)

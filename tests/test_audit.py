"""The audit: every line is chained, and whatever is done to a line shows."""

from __future__ import annotations

import fcntl
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmgsync import audit, errors
from fmgsync.audit import Audit, FileKeeper, Head, StreamKeeper
from fmgsync.clock import ManualClock
from fmgsync.state.folder import Folder
from fmgsync.state.heads import AuditHeads


class Known:
    """Heads in memory."""

    def __init__(self) -> None:
        self.heads: dict[str, Head] = {}

    def read(self, chain: str) -> Head | None:
        return self.heads.get(chain)

    def write(self, chain: str, head: Head) -> None:
        self.heads[chain] = head


def make(path: Path, chain: str = "prod@a", known: Known | None = None) -> Audit:
    return Audit(
        chain,
        clock=ManualClock(),
        keeper=FileKeeper(path, known),
        heads=known,
        about={"who": "ann"},
    )


def written(path: Path, count: int = 4, known: Known | None = None) -> list[str]:
    """The lines of so many decisions."""
    trail = make(path, known=known)
    for number in range(count):
        trail.record("install", device=f"fgt-{number}", nothing=None)
    trail.keep_head()
    return path.read_text().splitlines()


def problems(path: Path) -> list[int]:
    return [line.position for line in audit.read(path) if line.problem]


def test_a_line_says_who_what_and_follows_the_last(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in written(tmp_path / "a.jsonl")]
    assert lines[0]["previous"] == audit.FIRST
    assert [line["number"] for line in lines] == [1, 2, 3, 4]
    assert (lines[1]["who"], lines[1]["device"]) == ("ann", "fgt-1")
    assert "nothing" not in lines[0]
    assert problems(tmp_path / "a.jsonl") == []
    assert (tmp_path / "a.jsonl").stat().st_mode & 0o077 == 0


@given(st.integers(0, 3), st.sampled_from(["alter", "remove", "swap", "insert"]))
def test_whatever_is_done_to_a_line_shows(
    tmp_path_factory: pytest.TempPathFactory, at: int, how: str
) -> None:
    path = tmp_path_factory.mktemp("audit") / "a.jsonl"
    lines = written(path, 5)
    if how == "alter":
        lines[at] = lines[at].replace("fgt", "fgx")
    elif how == "remove":
        del lines[at]
    elif how == "swap":
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    else:
        lines.insert(at + 1, lines[at])
    path.write_text("\n".join(lines) + "\n")
    assert problems(path)


def test_a_cut_end_shows_by_the_remembered_head(tmp_path: Path) -> None:
    path, known = tmp_path / "a.jsonl", Known()
    lines = written(path, known=known)
    assert audit.missing(audit.ends(audit.read(path)), known.heads) == []
    path.write_text("\n".join(lines[:2]) + "\n")
    assert problems(path) == []
    (problem,) = audit.missing(audit.ends(audit.read(path)), known.heads)
    assert problem == "chain prod@a: 4 lines were written, the last one is 2"


@pytest.mark.parametrize("left", [0, 1, 2, 3])
def test_a_cut_end_stays_noticed_whatever_is_written_after_it(tmp_path: Path, left: int) -> None:
    """The next line follows the head that is remembered, not what is left of the file."""
    path, known = tmp_path / "a.jsonl", Known()
    lines = written(path, 4, known)
    path.write_text("".join(f"{line}\n" for line in lines[:left]))
    for _ in range(2):
        written(path, 2, known)
    assert problems(path)
    assert known.heads["prod@a"].count == 8


def test_a_history_that_was_written_anew_is_noticed(tmp_path: Path) -> None:
    """As many lines, each following the one before it, and none of them the one remembered."""
    path, known = tmp_path / "a.jsonl", Known()
    written(path, 3, known)
    path.unlink()
    for number in range(5):
        make(path).record("install", device=f"other-{number}")
    assert problems(path) == []
    written(path, 1, known)
    assert problems(path) == [6]


def test_removed_first_lines_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = written(path, 4)
    path.write_text("".join(f"{line}\n" for line in lines[2:]))
    (found, _) = audit.read(path)
    assert found.problem == "is number 3: the lines before it are not here"


def test_a_file_that_was_rotated_is_read_with_the_older_one(tmp_path: Path) -> None:
    path, known = tmp_path / "a.jsonl", Known()
    written(path, 3, known)
    path.rename(tmp_path / "a.jsonl.1")
    written(path, 2, known)
    assert [line.problem for line in audit.read(tmp_path / "a.jsonl.1", path)] == [None] * 5
    assert audit.read(path)[0].problem is not None


def test_a_damaged_head_is_noticed_before_anything_is_decided(tmp_path: Path) -> None:
    class Damaged(Known):
        def read(self, chain: str) -> Head | None:
            raise errors.StateError("damaged")

    with pytest.raises(errors.StateError, match="damaged"):
        make(tmp_path / "a.jsonl", known=Damaged()).check()


def test_a_chain_does_not_go_back(tmp_path: Path) -> None:
    """Two processes with one chain, of which the slower one remembers its head last."""
    heads = AuditHeads(Folder(tmp_path, clock=ManualClock()))
    heads.write("prod@a", Head(5, "5" * 64))
    heads.write("prod@a", Head(4, "4" * 64))
    assert heads.read("prod@a") == Head(5, "5" * 64)


def test_a_half_written_line_is_closed_and_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    written(path, 2)
    with path.open("a") as file:
        file.write('{"chain": "prod@a", "num')
    make(path).record("install", device="fgt-9")
    found = audit.read(path)
    assert [line.problem for line in found] == [None, None, "is no audit line", None]
    assert found[3].fields["number"] == 3


def test_two_chains_in_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    trails = [make(path, f"prod@{name}") for name in ("a", "b")]

    def write(trail: Audit) -> None:
        for _ in range(20):
            trail.record("install")

    threads = [threading.Thread(target=write, args=(trail,)) for trail in (*trails, *trails)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems(path) == []
    assert {name: head.count for name, head in audit.ends(audit.read(path)).items()} == {
        "prod@a": 40,
        "prod@b": 40,
    }


class Handing:
    """A keeper that gives out ends of the chain one after the other."""

    def __init__(self, *ends: Head) -> None:
        self._ends = iter(ends)

    def check(self, chain: str) -> None:
        """Always."""

    def append(self, chain: str, compose: Callable[[Head], str]) -> Head:
        return next(self._ends)


class Looked(Head):
    """An end that lets somebody in when it is looked at for the first time."""

    def __init__(self, number: int, somebody: threading.Thread) -> None:
        object.__setattr__(self, "somebody", somebody)
        super().__init__(number, "a")

    def __getattribute__(self, name: str) -> Any:
        somebody = object.__getattribute__(self, "somebody")
        if name == "count" and somebody.ident is None:
            somebody.start()
            somebody.join(0.2)  # who is kept out comes later: no time is too short to be right
        return super().__getattribute__(name)


def test_what_another_thread_notes_between_look_and_note_is_not_set_back() -> None:
    def record() -> None:
        trail.record("install")

    other, known = threading.Thread(target=record), Known()
    keeper = Handing(Looked(1, other), Head(2, "b"), Head(3, "c"))
    trail = Audit("prod@a", clock=ManualClock(), keeper=keeper, heads=known)
    for _ in range(2):
        record()
    other.join()
    trail.keep_head()
    assert known.heads["prod@a"] == Head(3, "c")


def test_a_stream_goes_on_from_the_remembered_head() -> None:
    known, lines = Known(), list[str]()
    for number in range(2):
        keeper = StreamKeeper(lines.append, known)
        trail = Audit("prod@a", clock=ManualClock(), keeper=keeper, heads=known)
        trail.record("install", device=f"fgt-{number}")
        trail.keep_head()
    first, second = map(json.loads, lines)
    assert (first["number"], second["number"]) == (1, 2)
    assert known.heads["prod@a"].count == 2


def test_whoever_keeps_the_file_locked_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    """Whoever may read it can, and it may be read by all where somebody collects it."""
    written(path := tmp_path / "a.jsonl")
    trail = Audit("prod@a", clock=ManualClock(), keeper=FileKeeper(path, clock=ManualClock()))
    with path.open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_EX)
        with pytest.raises(errors.StateError, match="has kept it locked"):
            trail.record("install")
    trail.record("install")
    assert problems(path) == []


def test_where_nothing_can_be_written_nothing_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    with pytest.raises(errors.StateError, match="audit line cannot be written"):
        make(tmp_path / "a.jsonl").record("install")


@given(st.binary(max_size=200))
def test_any_file_can_be_read(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("audit") / "a.jsonl"
    path.write_bytes(content)
    assert all(line.problem for line in audit.read(path))

"""Layers over tables: a draft reads like a copy, commits like one, and costs what it changes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.layered import Layered
from fmgsync.simulator.state.store import Change, Database, Key, Row, Selection, User

TABLE = "firewall address"
GROUPS = "firewall addrgrp"
names = st.sampled_from([f"n{number}" for number in range(6)])


def model_of(database: Database) -> dict[Key, Any]:
    return {row.key: row.attrs["comment"] for row in database.rows(TABLE)}


class Drafts(RuleBasedStateMachine):
    """Two sessions write drafts over one ground, commit and discard, against plain dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.adom = Adom("a", 1, (7, 4), "normal")
        self.ground: dict[Key, int] = {}
        self.drafts: dict[int, dict[Key, int | None]] = {1: {}, 2: {}}

    def expected(self, sid: int) -> dict[Key, int]:
        merged: dict[Key, int | None] = {**self.ground, **self.drafts[sid]}
        return {key: value for key, value in merged.items() if value is not None}

    @rule(sid=st.sampled_from([1, 2]), name=names, value=st.integers(0, 9))
    def put(self, sid: int, name: str, value: int) -> None:
        draft = self.adom.draft(sid)
        before = draft.rows(TABLE).get(name)
        row = Row(name, 1, {"comment": value})
        self.adom.apply(draft, Change(TABLE, name, before, row), 0.0)
        self.drafts[sid][name] = value

    @rule(sid=st.sampled_from([1, 2]), name=names)
    def drop(self, sid: int, name: str) -> None:
        draft = self.adom.draft(sid)
        before = draft.rows(TABLE).get(name)
        if before is not None:
            self.adom.apply(draft, Change(TABLE, name, before, None), 0.0)
            # What the ground does not have, the draft forgets: made and dropped is no change, and
            # does not hide what another session makes later.
            self.drafts[sid].pop(name, None)
            if name in self.ground:
                self.drafts[sid][name] = None

    @rule(sid=st.sampled_from([1, 2]))
    def commit(self, sid: int) -> None:
        draft = self.adom.drafts.pop(sid, None)
        if draft is not None:
            self.adom.commit(draft.changes(), 0.0)
        self.ground = self.expected(sid)
        self.drafts[sid] = {}

    @rule(sid=st.sampled_from([1, 2]))
    def discard(self, sid: int) -> None:
        self.adom.drafts.pop(sid, None)
        self.drafts[sid] = {}

    @rule(sid=st.sampled_from([1, 2]), size=st.integers(0, 3), whole=st.booleans())
    def read_pages(self, sid: int, size: int, whole: bool) -> None:
        """A reader stops in the middle, or goes on: what was written since is in the next page."""
        even = {key for key, value in self.expected(sid).items() if not value % 2}
        view = self.adom.view(sid)

        def found() -> Selection:
            return view.selection(
                "even", lambda: (row for row in view.rows(TABLE) if not row.attrs["comment"] % 2)
            )

        assert [row.key for row in found().upto(size)[:size]] == sorted(even)[:size]
        if whole:
            assert [row.key for row in found().whole()] == sorted(even)

    @invariant()
    def reads_are_right(self) -> None:
        assert model_of(self.adom.ground) == self.ground
        for sid in (1, 2):
            rows = self.adom.view(sid).rows(TABLE)
            expected = self.expected(sid)
            assert model_of(self.adom.view(sid)) == expected
            assert rows.ordered() == sorted(expected)
            assert len(rows) == len(expected)


Drafts.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestDrafts = Drafts.TestCase


class Uses(RuleBasedStateMachine):
    """The reference index of ground and draft equals what the rows say."""

    @initialize()
    def start(self) -> None:
        self.adom = Adom("a", 1, (7, 4), "normal")
        for number in range(4):
            change = Change(TABLE, f"n{number}", None, Row(f"n{number}", number, {}))
            self.adom.apply(self.adom.ground, change, 0.0)

    @rule(
        draft=st.booleans(),
        group=st.sampled_from(["g1", "g2"]),
        members=st.lists(st.integers(0, 3), max_size=3),
        mapped=st.lists(st.integers(0, 3), max_size=3),
    )
    def write(self, draft: bool, group: str, members: list[int], mapped: list[int]) -> None:
        database = self.adom.draft(1) if draft else self.adom.ground
        if not draft and 1 in self.adom.drafts:
            return  # the lock keeps others from writing
        before = database.rows(GROUPS).get(group)
        own = {"member": tuple(f"n{m}" for m in members)}
        scope = ("d", "root")
        maps = {scope: Row("d/root", 9, {"member": tuple(f"n{m}" for m in mapped)})}
        after = Row(group, 5, own, maps)
        self.adom.apply(database, Change(GROUPS, group, before, after), 0.0)

    @rule(save=st.booleans())
    def finish(self, save: bool) -> None:
        draft = self.adom.drafts.pop(1, None)
        if draft is not None and save:
            self.adom.commit(draft.changes(), 0.0)

    @invariant()
    def index_is_right(self) -> None:
        if not hasattr(self, "adom"):
            return
        for database in (self.adom.ground, self.adom.view(1)):
            for number in range(4):
                name = f"n{number}"
                users: set[User] = set()
                for row in database.rows(GROUPS):
                    if name in row.attrs["member"]:
                        users.add((GROUPS, row.key, None))
                    users |= {
                        (GROUPS, row.key, scope)
                        for scope, part in row.maps.items()
                        if name in part.attrs["member"]
                    }
                assert database.uses.of((TABLE, name)) == users
                assert database.uses.any((TABLE, name)) == bool(users)


Uses.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestUses = Uses.TestCase


@settings(max_examples=100, deadline=None)
@given(
    below=st.dictionaries(names, st.integers(1, 9)),
    steps=st.lists(st.tuples(names, st.one_of(st.none(), st.integers(1, 9)))),
)
def test_a_layered_dictionary_is_a_dictionary(
    below: dict[str, int], steps: list[tuple[str, int | None]]
) -> None:
    layered, model = Layered(below), dict(below)
    kept = dict(below)

    for name, value in steps:
        if value is None:
            layered.drop(name)
            model.pop(name, None)
        else:
            layered[name] = value
            model[name] = value

    assert dict(layered.items()) == model
    assert set(layered) == set(model)
    assert len(layered) == len(model)
    assert all((name in layered) == (name in model) for name in [f"n{n}" for n in range(6)])
    assert below == kept

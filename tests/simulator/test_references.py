"""Who refers to whom is kept up to date with every write, and never counted anew."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.state.adom import write_all
from fmgsync.simulator.state.references import references
from fmgsync.simulator.state.store import Change, Database, Row, Target, User

ADDRESSES, GROUPS = "firewall address", "firewall addrgrp"
SCOPE = ("fgt-1", "root")
NAMES = ("a", "b", "c", "d")

Kind = tuple[str, list[str], list[str], list[str]]
"""What bears a name: table, then for a group its members, those it excludes, those on a device."""

names = st.lists(st.sampled_from(NAMES), max_size=3, unique=True)
things: st.SearchStrategy[Kind | None] = st.one_of(
    st.none(),
    st.tuples(st.just(ADDRESSES), st.just([]), st.just([]), st.just([])),
    st.tuples(st.just(GROUPS), names, names, names),
)
estates = st.fixed_dictionaries(dict.fromkeys(NAMES, things))


def row(name: str, thing: Kind, there: set[str]) -> Row:
    """Of what it names, only what is `there`: nothing else can be written."""
    table, *named = thing
    members, excluded, mapped = ([each for each in one if each in there] for one in named)
    if table == ADDRESSES:
        return Row(name, 1, {})
    own = {"member": members, "exclude-member": excluded}
    return Row(name, 1, own, {SCOPE: Row(name, 2, {"member": mapped})} if mapped else {})


def changes(database: Database, wanted: Mapping[str, Kind | None]) -> list[Change]:
    """From what there is to what is wanted. What stays the same is written as well: somebody may
    have taken a member out and put it back."""
    found = []
    there = {name for name, thing in wanted.items() if thing is not None}
    for name, thing in wanted.items():
        for table in (ADDRESSES, GROUPS):
            before = database.rows(table).get(name)
            after = row(name, thing, there) if thing is not None and thing[0] == table else None
            if before or after:
                found.append(Change(table, name, before, after))
    return found


def counted(database: Database) -> dict[Target, set[User]]:
    """All references, read off the rows."""
    found: dict[Target, set[User]] = {}
    for table in (ADDRESSES, GROUPS):
        for each in database.rows(table):
            for scope, part in ((None, each), *each.maps.items()):
                for _, target in references(database, TABLES[table], part):
                    found.setdefault(target, set()).add((table, each.key, scope))
    return found


def kept(database: Database) -> dict[Target, set[User]]:
    targets = [(table, name) for table in (ADDRESSES, GROUPS) for name in NAMES]
    return {target: users for target in targets if (users := database.uses.of(target))}


@given(turns=st.lists(estates, min_size=1, max_size=4))
@settings(deadline=None, max_examples=200)
def test_the_index_of_references_is_what_the_rows_say(
    turns: list[Mapping[str, Kind | None]],
) -> None:
    """Also where a name goes over from an address to a group while others go on naming it."""
    ground = Database()
    for wanted in turns:
        draft = Database(ground)
        write_all(draft, changes(draft, wanted))
        assert kept(draft) == counted(draft)
        write_all(ground, draft.changes())
        assert kept(ground) == counted(ground)

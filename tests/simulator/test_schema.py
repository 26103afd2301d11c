"""Tables are rows of data: every member a table has is kept as it was written, and read back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fmgsync.simulator import Simulator
from fmgsync.simulator.schema.attributes import Attribute, Kind
from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.schema.catalog_packages import BLOCKS, FOOTER, HEADER, PACKAGE_TABLES
from fmgsync.simulator.schema.tables import Table, attribute
from tests.simulator.client import Client
from tests.simulator.conftest import small_seed

NEWEST = (8, 0, 0)
SAMPLES: dict[Kind, tuple[Any, Any]] = {
    Kind.TEXT: ("some text", "some text"),
    Kind.NAMES: (["one", "two"], ["one", "two"]),
    Kind.SUBNET: ("10.1.0.0/16", ["10.1.0.0", "255.255.0.0"]),
    Kind.WILDCARD: ("10.1.0.0 255.255.0.255", ["10.1.0.0", "255.255.0.255"]),
    Kind.ADDRESS: ("10.1.0.1", "10.1.0.1"),
    Kind.ADDRESS6: ("2001:db8::1", "2001:db8::1"),
    Kind.PREFIX6: ("2001:db8::/64", "2001:db8::/64"),
    Kind.FREE: ({"some": ["thing"]}, {"some": ["thing"]}),
}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    seed = small_seed(version="8.0.0")
    with Simulator(seed, strict=True) as unit, Client(unit) as made:
        made.log_in()
        yield made


def sample(known: Attribute) -> tuple[Any, Any]:
    """A value to write, and how it is read; never the default."""
    if known.kind is Kind.WORD:
        other = [word for word in known.words if word != known.default]
        return (other[-1],) * 2 if other else (known.default,) * 2
    if known.kind is Kind.WORDS:
        words = list(known.words)[:2] or ["one", "two"]
        return words, words
    if known.kind is Kind.INTEGER:
        return (max(known.bounds[0], min(known.bounds[1], 7)),) * 2
    if known.kind is Kind.TABLE:
        rows = [{known.sub_key: 1, "more": "x"}]
        return rows, rows
    return SAMPLES[known.kind]


def record_for(table: Table) -> tuple[dict[str, Any], dict[str, Any]]:
    """A record with all members that need no other object, and what a read shows of it."""
    written, read = {}, {}
    for name, known in table.attributes.items():
        if known.targets or not table.known(name, NEWEST, mapping=False):
            continue
        if name in ("type", "uuid") or name in table.of_types:
            continue
        written[name], read[name] = sample(known)
    return written, read


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_member_is_kept_and_read_back(client: Client, name: str) -> None:
    table = TABLES[name]
    url = "/pm/config/adom/prod/obj/" + name.replace(" ", "/")
    written, read = record_for(table)
    key = 77 if table.numbered else "made"
    if table.check is not None:
        written["_if_no_default"] = 1

    assert client.data("add", url, {table.key: key, **written}) == {table.key: key}
    shown = client.get(f"{url}/{key}")
    assert {member: shown.get(member) for member in read} == read
    assert client.data("delete", f"{url}/{key}") is None


@pytest.mark.parametrize("name", sorted(name for name, table in TABLES.items() if table.mapped))
def test_every_member_of_a_mapping_is_kept_too(client: Client, name: str) -> None:
    table = TABLES[name]
    url = "/pm/config/adom/prod/obj/" + name.replace(" ", "/")
    written, read = {}, {}
    for member, known in table.attributes.items():
        usable = table.known(member, NEWEST, mapping=True) and known.kind is not Kind.TABLE
        if usable and not known.targets and member not in ("type", "uuid", *table.of_types):
            written[member], read[member] = sample(known)
    scope = [{"name": "east-2", "vdom": "root"}]

    client.data("add", url, {table.key: "mapped", "_if_no_default": 1})
    client.data("add", f"{url}/mapped/dynamic_mapping", {"_scope": scope, **written})
    shown = client.get(f"{url}/mapped/dynamic_mapping/east-2/root")
    assert {member: shown.get(member) for member in read} == read
    client.data("delete", f"{url}/mapped")


@pytest.mark.parametrize("name", sorted(PACKAGE_TABLES.keys() - {HEADER.name, FOOTER.name}))
def test_every_member_of_a_policy_is_kept(client: Client, name: str) -> None:
    table = PACKAGE_TABLES[name]
    url = "/pm/config/adom/prod/pkg/edge/default/" + name.replace(" ", "/")
    written, read = record_for(table)
    for member in ("srcaddr", "dstaddr"):
        if member in table.attributes and table.attributes[member].targets:
            written[member] = read[member] = ["all"]
    for member in ("srcintf", "dstintf"):
        if member in table.attributes:
            written[member] = read[member] = ["any"]
    if "name" in written:
        written["name"] = read["name"] = "all of it"

    number = client.data("add", url, written)[table.key]
    shown = client.get(f"{url}/{number}")
    assert {member: shown.get(member) for member in read} == read


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("text", Attribute(Kind.TEXT, shown=False)),
        ("text 35; shown", Attribute(Kind.TEXT, limit=35)),
        ("switch", Attribute(Kind.WORD, "disable", {"disable": 0, "enable": 1}, shown=False)),
        ('switch; default "enable"',
         Attribute(Kind.WORD, "enable", {"disable": 0, "enable": 1}, shown=False)),
        ("word a|b=5|c", Attribute(Kind.WORD, "a", {"a": 0, "b": 5, "c": 6}, shown=False)),
        ("integer 0..32", Attribute(Kind.INTEGER, 0, bounds=(0, 32), shown=False)),
        ('names x y|z; default ["any"]',
         Attribute(Kind.NAMES, ("any",), targets=("x y", "z"), shown=False)),
        ("table ip; since 7.4.0; until 7.6.2",
         Attribute(Kind.TABLE, sub_key="ip", since=(7, 4, 0), until=(7, 6, 2), shown=False)),
        ("names; mapping", Attribute(Kind.NAMES, (), shown=False, only_mapped=True)),
    ],
)  # fmt: skip
def test_a_line_says_all_of_a_member(line: str, known: Attribute) -> None:
    assert attribute(line) == known


def test_members_that_name_objects_name_tables_that_exist() -> None:
    named = {
        target
        for table in (*TABLES.values(), *PACKAGE_TABLES.values())
        for known in table.attributes.values()
        for target in known.targets
    }

    assert named - TABLES.keys() == {BLOCKS}

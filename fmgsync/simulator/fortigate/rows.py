"""Rows of a table as FortiOS shows them: by release, filtered, by page, and with which members.

Recorded reads: subnets as one text, names wrapped in objects with `q_origin_key`.
"""

from __future__ import annotations

import bisect
import functools
import hashlib
import json
import re
from collections.abc import Callable, Container, Sequence
from typing import Any, Final

from fmgsync.simulator.calls.reading import uuid_of
from fmgsync.simulator.fortigate.config import Config
from fmgsync.simulator.fortigate.envelope import Body, Failed
from fmgsync.simulator.fortigate.urls import Resource
from fmgsync.simulator.schema.attributes import Attribute, Kind
from fmgsync.simulator.schema.catalog_units import OWN, named
from fmgsync.simulator.schema.tables import Table
from fmgsync.simulator.state.devices import Entry
from fmgsync.simulator.state.store import Key

_NOT_ON_UNIT: Final = frozenset(("_image-base64", "visibility", "install-on"))
_WITH_SINGLE: Final = frozenset(("firewall policy", "firewall policy6", "firewall service custom"))
_SINGLE: Final = frozenset(
    (
        "application-list", "av-profile", "category", "dlp-profile", "dnsfilter-profile",
        "emailfilter-profile", "file-filter-profile", "icap-profile", "ips-sensor",
        "per-ip-shaper", "profile-group", "profile-protocol-options", "schedule",
        "ssh-filter-profile", "ssl-ssh-profile", "traffic-shaper", "traffic-shaper-reverse",
        "videofilter-profile", "voip-profile", "waf-profile", "webfilter-profile",
    )
)  # fmt: skip
"""Members that name one object only."""
_SECRET: Final = frozenset(("password",))
_HIDDEN: Final = "ENC XXXX"
_CONDITION: Final = re.compile(r"([\w.-]+?)(==|!=|=@|!@|<=|>=|<|>)(.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"-?\d{1,9}", re.ASCII)
COUNTS_SINCE: Final = (7, 0, 0)
"""Reads of 6.2 and 6.4.2 have no `size`, `matched_count` and `next_idx`; one of 7.2.5 has."""
LIMIT_SINCE: Final = (7, 4, 0)
"""7.2.5 was recorded without `limit_reached`, newer ones with it."""


def show(
    table: Table,
    key: Key,
    entry: Entry,
    version: tuple[int, ...],
    only: Container[str] | None = None,
) -> Body:
    """One row; of its members perhaps `only` some."""
    attrs = entry.attrs
    shown: Body = {table.key: key, "q_origin_key": key}
    if _has_uuid(table, version) and (only is None or "uuid" in only):
        shown["uuid"] = attrs.get("uuid") or uuid_of(entry.oid)
    kind = attrs.get(table.typed_by) if table.by_type else None
    for name, attribute, always, default in _columns(table.name, kind, version):
        if (always or name in attrs) and (only is None or name in only):
            shown[name] = _value(attribute, attrs[name]) if name in attrs else default
    shown |= dict.fromkeys(_SECRET & shown.keys(), _HIDDEN)
    if table.name in _WITH_SINGLE:
        _single(shown)
    return shown


def _single(row: Body) -> None:
    """FortiManager keeps lists where FortiOS has one name."""
    for name in _SINGLE & row.keys():
        value = row[name]
        if isinstance(value, list):
            row[name] = value[0]["name"] if value else ""


def _has_uuid(table: Table, version: tuple[int, ...]) -> bool:
    attribute = table.attributes.get("uuid")
    return attribute is not None and attribute.known_in(version)


@functools.lru_cache(maxsize=512)
def _columns(
    table_name: str, kind: str | None, version: tuple[int, ...]
) -> tuple[tuple[str, Attribute, bool, Any], ...]:
    """What a row of a type has in a release: name, whether it always shows, and its default."""
    table = named(table_name)
    if table is None:
        return ()
    own, found = table_name in OWN, []
    for name, attribute in table.attributes.items():
        if name == "uuid" or name.startswith("_") or not _applies(table, kind, name):
            continue
        if own and not attribute.known_in(version):
            continue
        if not own and (name in _NOT_ON_UNIT or attribute.only_mapped):
            continue
        always = attribute.shown or not own
        found.append((name, attribute, always, _value(attribute, attribute.default)))
    return tuple(found)


def _applies(table: Table, kind: str | None, name: str) -> bool:
    """An address shows the value attributes of its own type only."""
    if not table.by_type:
        return True
    kind = kind or table.attributes[table.typed_by].default
    return name not in table.of_types or name in table.by_type.get(str(kind), ())


def _value(attribute: Attribute, value: Any) -> Any:
    """As FortiOS shows it; FortiManager keeps some values in another form."""
    kind, items = attribute.kind, _items(value)
    if kind in (Kind.SUBNET, Kind.WILDCARD):
        return " ".join(items)
    if kind is Kind.NAMES and attribute.targets:
        return [{"name": name, "q_origin_key": name} for name in items]
    if kind is Kind.WORDS:
        return [{"name": item} for item in items]
    if kind is Kind.TABLE:
        return [_listed(attribute.sub_key, item) for item in items]
    if isinstance(value, tuple):
        return "" if value == ("any",) else " ".join(map(str, value))
    return "" if value is None else value


def _items(value: Any) -> tuple[Any, ...]:
    if isinstance(value, tuple):
        return value
    return tuple(value) if isinstance(value, list) else () if value in (None, "") else (value,)


def _listed(key: str, item: Any) -> Any:
    row = item if isinstance(item, dict) else {key: item}
    return {**row, "q_origin_key": row.get(key)}


class Selection:
    """What the parameters of a read ask for: which rows, which part of them, which members."""

    def __init__(self, resource: Resource, version: tuple[int, ...]) -> None:
        self._resource = resource
        self._version = version
        filters = [value.split(",") for value in resource.all("filter") if value]
        key, pattern = resource.last("key"), resource.last("pattern")
        if key and pattern is not None:
            filters.append([f"{key}=@{pattern}"])
        conditions = [[_condition(part) for part in parts] for parts in filters]
        self._tests = [[_test(*one) for one in some] for some in conditions]
        self._orders = [_ordering(value) for value in resource.all("sort") if value]
        self._hidden = _scope(resource) == "global"
        self.formats = [n for value in resource.all("format") for n in value.split("|") if n]
        self.only: set[str] | None = None
        if self.formats and not _said(resource, "with_contents_hash"):
            asked = {name for some in conditions for name, _, _ in some}
            self.only = asked | {*self.formats} | {name for name, _ in self._orders}

    def many(
        self, keys: Sequence[Key], make: Callable[[Key], Body], asked: Callable[[Body], Body]
    ) -> Body:
        """Rows from `start` on, `count` of them; `next_idx` is the last row delivered.

        `make` makes a row when it is needed; `asked` leaves of it what goes out.
        """
        start, count = self._number("start"), self._number("count")
        keys = self._sorted(keys, make)
        places: Sequence[int] = range(len(keys))
        if self._tests:
            places = [at for at, key in enumerate(keys) if self._fits(make(key))]
        rest = places[bisect.bisect_left(places, start) :]
        page = rest[:count] if count else rest
        found = [asked(make(keys[at])) for at in page]
        last = page[-1] if page else max(0, start - 1)
        counts = self.counts(len(keys), len(places), last, reached=len(page) < len(rest))
        return {"results": found} | counts

    def _sorted(self, keys: Sequence[Key], make: Callable[[Key], Body]) -> Sequence[Key]:
        """In the order that is wished; no row where only those of the whole unit are."""
        if self._hidden:
            return ()
        for name, falls in reversed(self._orders):
            rank = functools.cmp_to_key(_compared)
            ranks = {key: rank(" ".join(_texts(make(key).get(name)))) for key in keys}
            keys = sorted(keys, key=ranks.__getitem__, reverse=falls)
        return keys

    def counts(self, size: int, matched: int, last: int, *, reached: bool) -> Body:
        """The members about size and place that this release has."""
        if self._version < COUNTS_SINCE:
            return {}
        counts: Body = {"size": size, "matched_count": matched, "next_idx": last}
        return counts if self._version < LIMIT_SINCE else {**counts, "limit_reached": reached}

    def cut(self, row: Body) -> Body:
        """The members that `format` names, and the key."""
        if not self.formats:
            return row
        kept = {name: value for name, value in row.items() if name in self.formats}
        return {**kept, "q_origin_key": row["q_origin_key"]}

    def _fits(self, row: Body) -> bool:
        return all(any(test(row) for test in tests) for tests in self._tests)

    def _number(self, name: str) -> int:
        value = self._resource.last(name) or "0"
        if _NUMBER.fullmatch(value) is None:
            raise Failed(400)
        return max(0, int(value))


class Reading:
    """One GET of a table."""

    def __init__(self, table: Table, config: Config, resource: Resource) -> None:
        self._table = table
        self._config = config
        self._resource = resource
        self._version = config.device.os_version
        self._selection = Selection(resource, self._version)

    def one(self, key: Key) -> Body:
        """A row by its key: a list of one; 404 when it is not there."""
        entry = self._config.get((self._table.name, key))
        if entry is None:
            raise Failed(404)
        body: Body = {"results": [self._asked(self._shown(key, entry))]}
        if self._version < LIMIT_SINCE:
            return body
        keys = self._config.vdom.running_keys(self._table.name)
        return body | self._selection.counts(len(keys), 1, keys.index(key), reached=False)

    def many(self) -> Body:
        """All rows that are asked for."""
        keys = self._config.vdom.running_keys(self._table.name)
        if self._config.device.api.shuffled % 2:
            keys = keys[::-1]
        return self._selection.many(keys, self._row, self._asked)

    def _row(self, key: Key) -> Body:
        entry = self._config.get((self._table.name, key))
        return {} if entry is None else self._shown(key, entry)

    def _shown(self, key: Key, entry: Entry) -> Body:
        return show(self._table, key, entry, self._version, self._selection.only)

    def _asked(self, whole: Body) -> Body:
        """The row with the members that were asked for."""
        row, key = self._selection.cut(whole), whole["q_origin_key"]
        if _said(self._resource, "datasource"):
            row = {name: self._linked(name, value) for name, value in row.items()}
        if _said(self._resource, "exclude-default-values"):
            row = {n: v for n, v in row.items() if not self._is_default(n, v)}
        if _said(self._resource, "with_meta"):
            row = {**row, "q_ref": self._config.users((self._table.name, key))}
        if _said(self._resource, "with_contents_hash"):
            text = json.dumps(whole, sort_keys=True).encode()
            row = {**row, "q_hash": hashlib.md5(text, usedforsecurity=False).hexdigest()}
        return row

    def _linked(self, name: str, value: Any) -> Any:
        """The names of a list, each with the table it is of."""
        attribute = self._table.attributes.get(name)
        if attribute is None or not attribute.targets or not isinstance(value, list):
            return value
        return [{**item, **self._source(attribute, item.get("name"))} for item in value]

    def _source(self, attribute: Attribute, name: Any) -> Body:
        for table in attribute.targets:
            if self._config.get((table, name)) is not None:
                return {"datasource": table.replace(" ", ".")}
        return {}

    def _is_default(self, name: str, value: Any) -> bool:
        attribute = self._table.attributes.get(name)
        return attribute is not None and value == _value(attribute, attribute.default)


def _said(resource: Resource, name: str) -> bool:
    return resource.last(name) in ("1", "true")


def _scope(resource: Resource) -> str:
    """Rows of a VDOM are what `vdom` and `both` mean; none of these tables has global ones."""
    scope = resource.last("scope") or "both"
    if scope not in ("global", "vdom", "both"):
        raise Failed(400)
    return scope


def _ordering(text: str) -> tuple[str, bool]:
    """Of `name,desc`: the member, and whether it falls."""
    name, _, way = text.partition(",")
    if way not in ("", "asc", "desc"):
        raise Failed(400)
    return name, way == "desc"


def _condition(text: str) -> tuple[str, str, str]:
    """Name, operator and value of a filter's part; what is no condition cannot be processed."""
    parts = _CONDITION.fullmatch(text)
    if parts is None:
        raise Failed(400)
    return parts[1], parts[2], parts[3]


def _test(name: str, operator: str, wanted: str) -> Callable[[Body], bool]:
    matches = _OPERATORS[operator]
    return lambda row: matches(_texts(row.get(name)), wanted)


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(item.get("name", "")) for item in value if isinstance(item, dict)]
    return [str(value)]


def _compared(one: str, other: str) -> int:
    """Numbers by their value, all else as text."""
    if one.isdecimal() and other.isdecimal():
        return (int(one) > int(other)) - (int(one) < int(other))
    return (one > other) - (one < other)


_OPERATORS: Final[dict[str, Callable[[list[str], str], bool]]] = {
    "==": lambda values, wanted: wanted.lower() in (value.lower() for value in values),
    "!=": lambda values, wanted: wanted.lower() not in (value.lower() for value in values),
    "=@": lambda values, wanted: any(wanted.lower() in value.lower() for value in values),
    "!@": lambda values, wanted: all(wanted.lower() not in value.lower() for value in values),
    "<=": lambda values, wanted: any(_compared(value, wanted) <= 0 for value in values),
    ">=": lambda values, wanted: any(_compared(value, wanted) >= 0 for value in values),
    "<": lambda values, wanted: any(_compared(value, wanted) < 0 for value in values),
    ">": lambda values, wanted: any(_compared(value, wanted) > 0 for value in values),
}
"""`==` and `!=` do not tell capitals from small letters (Fortinet's API description)."""

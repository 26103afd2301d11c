"""Whether two answers mean the same, where numbers, stamps and the order of rows mean nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.recording.jsonrpc import MISSING, Result

_NOTHING: Final[tuple[Any, ...]] = (MISSING, None, [], {})

_VOLATILE: Final = frozenset(
    {
        "oid", "uuid", "id", "task", "taskid", "pid", "session", "sessionid", "lock_sid", "token",
        "lock_time", "start_tm", "end_tm", "create_time", "submit_time", "time_left", "timestamp",
        "dev_oid", "vdom_oid", "poid", "src", "build", "branch_pt", "serial", "sn", "ip", "cid",
        "obj ver", "obj seq", "title", "user", "history", "policyid", "hostname", "version",
        "revision", "expires-in", "checksum", "serial_no",
    }
)  # fmt: skip
_VOLATILE_ENDS: Final = ("timestamp", "_time", "_tm", "-time", "_oid", "-oid")
_TOLD: Final = frozenset({"detail", "message", "percent", "tot_percent", "commands"})
"""Words for people: compared, but a difference there is no other behaviour."""
_NUMBERS: Final = frozenset({"num_err", "num_warn"})
"""Of these it matters only whether they are zero."""
_LIMITED: Final = frozenset({"name", "comment", "member"})
_ELEMENT: Final = frozenset({"status", "url", "data"})
"""Members of every element of an answer; others, as `taskid`, say something by being there."""
_KEYS: Final = (("name",), ("dev", "vdom", "pkg"), ("dev", "vdom"), ("policyid",), ("target",))


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two answers differ and how. `weighs` is false for words and members one side lacks."""

    place: str
    recorded: str
    simulated: str
    weighs: bool = True


def differences(recorded: Result, simulated: Result) -> Iterator[Difference]:
    """What is not the same in two elements of an answer."""
    if recorded.code != simulated.code:
        yield Difference("status", _status(recorded), _status(simulated))
        return
    if _bare(recorded.message) != _bare(simulated.message):
        yield Difference("message", recorded.message, simulated.message, weighs=False)
    for name in sorted((recorded.element.keys() ^ simulated.element.keys()) - _ELEMENT):
        there = "there" if name in recorded.element else "absent"
        yield Difference(name, there, "absent" if there == "there" else "there")
    if recorded.data in _NOTHING and simulated.data in _NOTHING:
        return
    yield from _values(recorded.data, simulated.data, "data")


def limits(result: Result) -> Result:
    """Of a table's syntax only what others must keep to: lengths, and how many values it takes."""
    tables = result.data.items() if isinstance(result.data, dict) else ()
    kept = {
        table: {
            name: {limit: attribute.get(limit) for limit in ("max", "max_argv")}
            for name, attribute in shown.get("attr", {}).items()
            if name in _LIMITED and isinstance(attribute, dict)
        }
        for table, shown in tables
        if isinstance(shown, dict)
    }
    return Result(result.code, result.message, kept or MISSING, result.element)


def _status(result: Result) -> str:
    return f"{result.code} {result.message}".strip()


def _bare(text: str) -> str:
    """A message without its numbers and case."""
    return re.sub(r"\d+", "N", text).casefold()


def _values(recorded: Any, simulated: Any, place: str) -> Iterator[Difference]:
    if isinstance(recorded, dict) and isinstance(simulated, dict):
        yield from _objects(recorded, simulated, place)
    elif isinstance(recorded, list) and isinstance(simulated, list):
        yield from _lists(recorded, simulated, place)
    elif recorded in _NOTHING and simulated in _NOTHING:
        return
    elif type(recorded) is not type(simulated) or recorded != simulated:
        yield Difference(place, _shown(recorded), _shown(simulated))


def _objects(
    recorded: Mapping[str, Any], simulated: Mapping[str, Any], place: str
) -> Iterator[Difference]:
    for name in {**recorded, **simulated}:
        here = f"{place}.{name}"
        if name in _VOLATILE or name.endswith(_VOLATILE_ENDS):
            continue
        if name not in simulated or name not in recorded:
            one = recorded.get(name, simulated.get(name))
            if one not in _NOTHING:
                told = (
                    "there" if name in recorded else "absent",
                    "there" if name in simulated else "absent",
                )
                yield Difference(here, *told, weighs=False)
            continue
        left, right = recorded[name], simulated[name]
        if name in _NUMBERS and isinstance(left, int) and isinstance(right, int):
            left, right = bool(left), bool(right)
        for found in _values(left, right, here):
            yield found if name not in _TOLD else _without_weight(found)


def _without_weight(found: Difference) -> Difference:
    return Difference(found.place, found.recorded, found.simulated, weighs=False)


def _lists(recorded: Sequence[Any], simulated: Sequence[Any], place: str) -> Iterator[Difference]:
    left, right = _by_key(recorded), _by_key(simulated)
    if left is None or right is None:
        yield from _plain_lists(recorded, simulated, place)
        return
    for key in {**left, **right}:
        here = f"{place}[{key}]"
        if key not in right:
            yield Difference(here, "there", "absent")
        elif key not in left:
            yield Difference(here, "absent", "there")
        else:
            yield from _values(left[key], right[key], here)


def _plain_lists(
    recorded: Sequence[Any], simulated: Sequence[Any], place: str
) -> Iterator[Difference]:
    """Lists of names are sets to FortiManager, save pairs of an address and its mask."""
    if all(isinstance(one, str | int) for one in (*recorded, *simulated)):
        if sorted(map(str, recorded)) != sorted(map(str, simulated)):
            yield Difference(place, _shown(recorded), _shown(simulated))
        return
    if len(recorded) != len(simulated):
        yield Difference(place, f"{len(recorded)} entries", f"{len(simulated)} entries")
        return
    for index, (one, other) in enumerate(zip(recorded, simulated, strict=True)):
        yield from _values(one, other, f"{place}[{index}]")


def _by_key(rows: Sequence[Any]) -> dict[str, Any] | None:
    """Rows by what names them; None if something in the list has no name of its own."""
    found: dict[str, Any] = {}
    for row in rows:
        key = _key(row)
        if key is None or key in found:
            return None
        found[key] = row
    return found


def _key(row: Any) -> str | None:
    if not isinstance(row, Mapping):
        return None
    scope = row.get("_scope")
    if isinstance(scope, list) and scope:
        return " ".join(sorted(_named(one, ("name", "vdom")) for one in scope))
    for names in _KEYS:
        if all(isinstance(row.get(name), str | int) for name in names):
            return _named(row, names)
    return None


def _named(row: Any, names: tuple[str, ...]) -> str:
    return "/".join(str(row.get(name)) for name in names) if isinstance(row, Mapping) else str(row)


def _shown(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    text = ascii(value)
    return text if len(text) <= 120 else f"{text[:117]}..."

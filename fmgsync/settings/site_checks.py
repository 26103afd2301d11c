"""Whether the sites fit together: which FortiGates they mean, and which fleet each is of."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator

from fmgsync.settings import plain
from fmgsync.settings.plain import Issue, Steps
from fmgsync.settings.refusing import nearest, shown
from fmgsync.yamllines import Plain


def sites(data: Plain) -> Iterator[Issue]:
    """Each site has FortiGates that are there, by one way, once."""
    clusters, units = plain.names(data, "clusters"), plain.names(data, "fortimanagers")
    direct = plain.names(data, "fortigates")
    for path, entry in plain.entries(data, "sites"):
        yield from plain.references((*path, "clusters"), entry.get("clusters"), "cluster", clusters)
        unit = entry.get("fortimanager")
        yield from plain.references((*path, "fortimanager"), unit, "FortiManager", units)
        yield from plain.repeated_words((*path, "clusters"), entry.get("clusters"))
        yield from plain.repeated_words((*path, "devices"), entry.get("devices"))
        yield from plain.repeated_words((*path, "fortigates"), entry.get("fortigates"))
        yield from _one_way(path, entry)
        if lost := undefined_fortigates(entry.get("fortigates"), direct):
            for index, word in lost.items():
                if len(lost) == len(list(plain.words(entry.get("fortigates")))):
                    yield Issue((*path, "fortigates", index), *no_fortigate(word, direct))
    yield from _twice(data, direct)
    yield from _fleets(data, direct)


def undefined_fortigates(value: Plain, direct: Iterable[str]) -> dict[int, str]:
    """The names and patterns of a site's list, by their place, that no unit of `fortigates` bears.

    Where others of the list are there, that is an error of this part alone (`no_fortigate` as a
    notice, and what every command tells of it); where none is, nothing is left of the site.
    """
    known = tuple(direct)
    return {at: word for at, word in plain.words(value) if not named_fortigates(word, known)}


def no_fortigate(word: str, direct: Iterable[str]) -> tuple[str, str]:
    """What is said of such a name, and what to do."""
    known = tuple(direct)
    return (
        f"there is no FortiGate {shown(word)}{nearest(word.partition('/')[0], known)}",
        f"defined are: {', '.join(known) or 'none'}",
    )


def _one_way(path: Steps, entry: dict[str, Plain]) -> Iterator[Issue]:
    """A site has devices of a FortiManager, or FortiGates without one."""
    through = [key for key in ("fortimanager", "adom", "devices") if plain.has(entry, key)]
    if plain.has(entry, "fortigates"):
        if through:
            yield Issue(
                (*path, "fortigates"), f"fortigates stands beside {' and '.join(through)}",
                "a FortiGate is written directly or through a FortiManager: make two sites",
            )  # fmt: skip
        elif entry["fortigates"] == []:
            yield Issue((*path, "fortigates"), "the list is empty", "name FortiGates")
        return
    if not through:
        yield Issue(path, "the site names no FortiGates",
                    "give fortimanager, adom and devices, or fortigates")  # fmt: skip
        return
    for key in ("fortimanager", "adom", "devices"):
        if not plain.has(entry, key):
            yield Issue((*path, key), "required", "add it")
    if entry.get("devices") == []:
        yield Issue((*path, "devices"), "the list is empty", "name devices")


def _twice(data: Plain, direct: list[str]) -> Iterator[Issue]:
    """A FortiGate that is written directly and through a FortiManager."""
    used = {
        name
        for _, site in plain.entries(data, "sites")
        for _, word in plain.words(site.get("fortigates"))
        for name, _ in named_fortigates(word, direct)
    }
    for path, site in plain.entries(data, "sites"):
        for index, device in plain.words(site.get("devices")):
            if device.partition("/")[0] in used:
                yield Issue(
                    (*path, "devices", index),
                    f"{shown(device)} is in sites directly as well",
                    "a FortiGate is written directly or through a FortiManager, never both; two"
                    " units need two names",
                )


def named_fortigates(word: str, direct: Iterable[str]) -> list[tuple[str, str]]:
    """The FortiGates that a name or pattern of a site means, each with the VDOM."""
    pattern, _, vdom = word.partition("/")
    return [(name, vdom or "root") for name in direct if fnmatch.fnmatchcase(name, pattern)]


def direct_places(words: Iterable[str], direct: Iterable[str]) -> list[tuple[str, str]]:
    """All that a site's list means. A unit that it names itself is not meant by its patterns as
    well: `[branch-8/dmz, "branch-*"]` is no word about the VDOM root of branch-8."""
    known, listed = tuple(direct), tuple(words)
    named = {word.partition("/")[0] for word in listed if not is_pattern(word)}
    return [
        (unit, vdom)
        for word in listed
        for unit, vdom in named_fortigates(word, known)
        if not (is_pattern(word) and unit in named)
    ]


def fleet_name(fleet: str | None, fortigates: Iterable[str]) -> str:
    """What a site's FortiGates without a FortiManager are rolled out with."""
    return fleet or "+".join(fortigates)


def fleet_names(data: Plain) -> set[str]:
    """Every fleet: each ADOM is one, and each site of FortiGates that has no name for it."""
    found: set[str] = set()
    for _, site in plain.entries(data, "sites"):
        fleet, words = site.get("fleet"), [word for _, word in plain.words(site.get("fortigates"))]
        if words:
            found.add(fleet_name(fleet if isinstance(fleet, str) else None, words))
        elif plain.has(site, "adom"):
            found.add(f"{site.get('fortimanager')}/{site['adom']}")
    return found


def _fleets(data: Plain, direct: list[str]) -> Iterator[Issue]:
    """An ADOM is a fleet of its own, and a FortiGate is of one fleet."""
    chosen: dict[str, str] = {}
    for path, site in plain.entries(data, "sites"):
        fleet = site.get("fleet")
        if not isinstance(fleet, str):
            continue
        if plain.has(site, "fortimanager"):
            yield Issue((*path, "fleet"), "an ADOM is a fleet of its own",
                        "remove it: only FortiGates without a FortiManager are joined")  # fmt: skip
        words = [word for _, word in plain.words(site.get("fortigates"))]
        for unit, _ in direct_places(words, direct):
            if chosen.setdefault(unit, fleet) != fleet:
                yield Issue(
                    (*path, "fleet"),
                    f"{shown(unit)} is in fleet {shown(chosen[unit])} as well",
                    "a FortiGate is rolled out with one fleet",
                )


def is_pattern(text: str) -> bool:
    """Whether a name may mean several."""
    return any(sign in text for sign in "*?[")

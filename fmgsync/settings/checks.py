"""How values must fit together: names that exist, names used once, keys that exclude each other.

Works on the plain data as read, not on the models: so that these problems are told together with
those of single values, whatever else is wrong. Values of an unexpected shape are passed over;
pydantic complains about them.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fmgsync.settings.names import GROUP_PREFIX
from fmgsync.settings.refusing import nearest, shown
from fmgsync.yamllines import Plain

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Issue:
    """A problem before its line is known."""

    path: Steps
    message: str
    next_step: str | None = None


def issues(data: Plain) -> Iterator[Issue]:
    """Everything that does not fit together."""
    if not isinstance(data, dict):
        return
    for key in ("clusters", "fortimanagers", "groups"):
        yield from _repeated_names(data, key)
    yield from _clusters(data)
    yield from _fortimanagers(data)
    yield from _sites(data)
    yield from _groups(data)
    yield from _windows(data)
    yield from _rollout(data)
    yield from _removals(data)


# --- reading plain data without trusting its shape -----------------------------------------------


def _child(value: Plain, *steps: str) -> Plain:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _entries(data: Plain, *steps: str) -> Iterator[tuple[Steps, dict[str, Plain]]]:
    """The mappings in a list, each with its path."""
    found = _child(data, *steps)
    for index, entry in enumerate(found if isinstance(found, list) else ()):
        if isinstance(entry, dict):
            yield (*steps, index), entry


def _words(value: Plain) -> list[tuple[int, str]]:
    """The texts in a list, each with its index."""
    items = value if isinstance(value, list) else ()
    return [(index, item) for index, item in enumerate(items) if isinstance(item, str)]


def _names(data: Plain, key: str) -> list[str]:
    named = (entry.get("name") for _, entry in _entries(data, key))
    return [name for name in named if isinstance(name, str)]


def _has(entry: dict[str, Plain], key: str) -> bool:
    return entry.get(key) is not None


def _removals(data: Plain) -> Iterator[Issue]:
    """Two keys that cancel each other: with one nothing is written before a window opens, the other
    promises that removals do not wait for it."""
    removals = _child(data, "install", "removals")
    if _child(data, "reconcile", "write") == "before-install" and removals not in (
        None,
        "in-window",
    ):
        yield Issue(
            ("install", "removals"),
            "'reconcile.write: before-install' writes nothing before a window opens, so a removal"
            " would wait for it",
            "take 'removals: in-window', or 'reconcile.write: continuous'",
        )


# --- checks that several parts share -------------------------------------------------------------


def _repeated_names(data: Plain, key: str) -> Iterator[Issue]:
    seen: set[str] = set()
    for path, entry in _entries(data, key):
        name = entry.get("name")
        if isinstance(name, str) and name in seen:
            yield Issue((*path, "name"), f"{shown(name)} is used twice", "names are unique")
        elif isinstance(name, str):
            seen.add(name)


def _repeated_words(path: Steps, value: Plain) -> Iterator[Issue]:
    seen: set[str] = set()
    for index, word in _words(value):
        if word in seen:
            yield Issue((*path, index), f"{shown(word)} stands twice in this list")
        seen.add(word)


def _references(path: Steps, value: Plain, what: str, known: Iterable[str]) -> Iterator[Issue]:
    """Problems with a name, or a list of names, of things defined elsewhere in the file."""
    names = [(path, value)] if isinstance(value, str) else []
    names += [((*path, index), word) for index, word in _words(value)]
    defined = list(known)
    for place, name in names:
        if name not in defined:
            yield Issue(
                place,
                f"there is no {what} {shown(name)}{nearest(str(name), defined)}",
                f"defined are: {', '.join(defined) or 'none'}",
            )


# --- the parts -----------------------------------------------------------------------------------


def _clusters(data: Plain) -> Iterator[Issue]:
    first: dict[str, Plain] = {}
    for path, entry in _entries(data, "clusters"):
        if _has(entry, "kubeconfig") and _has(entry, "manifests"):
            yield Issue(
                (*path, "manifests"), "a cluster has either kubeconfig or manifests", "remove one"
            )
            continue
        place = _only_once(entry)
        if place in first:
            yield Issue(
                path,
                f"{place}, as cluster {shown(first[place])} does",
                "one cluster read twice would publish every address twice; name another source",
            )
        elif place:
            first[place] = entry.get("name")


def _only_once(entry: dict[str, Plain]) -> str:
    """What only one cluster can do, or nothing."""
    if not _has(entry, "kubeconfig") and not _has(entry, "manifests"):
        return "has no kubeconfig and no manifests, so it is the cluster fmgsync runs in"
    return "reads standard input" if entry.get("manifests") == "-" else ""


def _fortimanagers(data: Plain) -> Iterator[Issue]:
    for path, entry in _entries(data, "fortimanagers"):
        credentials = entry.get("credentials")
        if isinstance(credentials, dict):
            yield from _credentials((*path, "credentials"), credentials)
        tls = entry.get("tls")
        if isinstance(tls, dict) and tls.get("verify") is False and _has(tls, "caFile"):
            yield Issue(
                (*path, "tls", "verify"),
                "verify: false makes caFile useless",
                "remove verify, and certificates are checked against caFile",
            )


def _credentials(path: Steps, entry: dict[str, Plain]) -> Iterator[Issue]:
    with_password = _has(entry, "username") and _has(entry, "password")
    with_key = _has(entry, "apiKey")
    parts = [key for key in ("username", "password") if _has(entry, key)]
    if with_key and parts:
        yield Issue(
            (*path, "apiKey"), f"apiKey stands beside {' and '.join(parts)}", "keep one way"
        )
    elif not with_key and not with_password:
        yield Issue(
            path, "neither username and password nor apiKey is complete", "give one of them"
        )


def _sites(data: Plain) -> Iterator[Issue]:
    clusters, units = _names(data, "clusters"), _names(data, "fortimanagers")
    for path, entry in _entries(data, "sites"):
        yield from _references((*path, "clusters"), entry.get("clusters"), "cluster", clusters)
        unit = entry.get("fortimanager")
        yield from _references((*path, "fortimanager"), unit, "FortiManager", units)
        yield from _repeated_words((*path, "clusters"), entry.get("clusters"))
        yield from _repeated_words((*path, "devices"), entry.get("devices"))


def _groups(data: Plain) -> Iterator[Issue]:
    clusters, owner = _names(data, "clusters"), _child(data, "owner")
    for path, entry in _entries(data, "groups"):
        yield from _selectors(path, entry)
        limited = _child(entry, "sites", "clusters")
        at = (*path, "sites", "clusters")
        yield from _references(at, limited, "cluster", clusters)
        yield from _repeated_words(at, limited)
        yield from _repeated_words((*path, "families"), entry.get("families"))
        name = entry.get("name")
        if isinstance(name, str) and isinstance(owner, str) and name.startswith(f"{owner}_"):
            yield Issue(
                (*path, "name"),
                f"{shown(name)} begins like the names of this owner's addresses",
                f"FortiOS keeps addresses and groups in one list; drop the prefix {owner}_",
            )


def _selectors(path: Steps, entry: dict[str, Plain]) -> Iterator[Issue]:
    pods, nodes = _has(entry, "select"), _has(entry, "selectNodes")
    if pods and nodes:
        yield Issue(
            (*path, "selectNodes"), "a group selects pods or nodes, not both", "make two groups"
        )
    elif not pods and not nodes:
        yield Issue(
            path,
            "the group selects nothing",
            "give select (pod labels) or selectNodes (node labels)",
        )
    elif nodes:
        for key in ("namespaces", "publish", "network"):
            if _has(entry, key):
                yield Issue(
                    (*path, key), "is about pods; nodes have no namespace and no other address",
                    "remove it",
                )  # fmt: skip
    if pods and _has(entry, "network") and entry.get("publish") not in (None, "pod"):
        yield Issue(
            (*path, "network"), "is about the pods' own addresses, and `publish` asks for others",
            "remove one of them",
        )  # fmt: skip


def _windows(data: Plain) -> Iterator[Issue]:
    """Names that exist nowhere: a deny window with a slip in its name would deny nothing."""
    adoms = {str(site["adom"]) for _, site in _entries(data, "sites") if _has(site, "adom")}
    devices = _site_devices(data)
    for path, entry in _entries(data, "install", "windows"):
        units = _exact(entry.get("fortimanagers"))
        yield from _references(
            (*path, "fortimanagers"), units, "FortiManager", _names(data, "fortimanagers")
        )
        yield from _references(
            (*path, "adoms"), _exact(entry.get("adoms")), "ADOM in sites", sorted(adoms)
        )
        if devices is not None:
            yield from _unmatched((*path, "devices"), entry.get("devices"), devices)


def _exact(value: Plain) -> Plain:
    """The list with None in the place of patterns, so that indexes stay."""
    if not isinstance(value, list):
        return None
    return [None if isinstance(item, str) and _is_pattern(item) else item for item in value]


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _site_devices(data: Plain) -> set[str] | None:
    """Devices that the sites name; None if a device group makes them unknowable here."""
    named = [
        device for _, site in _entries(data, "sites") for _, device in _words(site.get("devices"))
    ]
    if any(device.startswith(GROUP_PREFIX) for device in named):
        return None
    return set(named)


def _unmatched(path: Steps, value: Plain, devices: set[str]) -> Iterator[Issue]:
    for index, pattern in _words(value):
        if not any(_covers(pattern, device) for device in devices):
            yield Issue(
                (*path, index),
                f"no device of the sites is called {shown(pattern)}{nearest(pattern, devices)}",
            )


def _covers(pattern: str, device: str) -> bool:
    """Whether a pattern may mean a device of a site; a VDOM left out could be any."""
    name, _, vdom = device.partition("/")
    wanted, _, wanted_vdom = pattern.partition("/")
    return fnmatch.fnmatchcase(name, wanted) and (
        not wanted_vdom or not vdom or fnmatch.fnmatchcase(vdom, wanted_vdom)
    )


def _rollout(data: Plain) -> Iterator[Issue]:
    path = ("install", "rollout")
    canary = _child(data, *path, "canary")
    yield from _repeated_words((*path, "canary"), canary)
    devices = _site_devices(data)
    if devices is not None:
        yield from _unmatched((*path, "canary"), canary, devices)
    waves = _child(data, *path, "waves")
    if isinstance(waves, list) and waves and waves[-1] not in ("100%", "100.0%"):
        yield Issue(
            (*path, "waves", len(waves) - 1),
            "the last wave must be 100%, or some devices would never be installed",
            "add 100% at the end",
        )
    yield from _shrinking((*path, "waves"), waves)


def _shrinking(path: Steps, waves: Plain) -> Iterator[Issue]:
    before = 0.0
    for index, word in _words(waves):
        try:
            share = float(word.removesuffix("%")) if word.endswith("%") else before
        except ValueError:
            continue
        if share < before:
            yield Issue((*path, index), f"{shown(word)} is smaller than the wave before it",
                        "waves are counted together with the ones before")  # fmt: skip
        before = share

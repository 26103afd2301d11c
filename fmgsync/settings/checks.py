"""How values must fit together: names that exist, names used once, keys that exclude each other.

Works on the plain data as read, not on the models: so that these problems are told together with
those of single values, whatever else is wrong. Values of an unexpected shape are passed over;
pydantic complains about them.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fmgsync.settings import publishing
from fmgsync.settings.names import GROUP_PREFIX
from fmgsync.settings.refusing import nearest, shown
from fmgsync.yamllines import Plain

Steps = tuple[str | int, ...]
_POLICIES = "fromGlobalNetworkPolicies"


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
    for key in ("clusters", "fortimanagers", "fortigates", "groups"):
        yield from _repeated_names(data, key)
    yield from _clusters(data)
    yield from _fortimanagers(data)
    yield from _fortigates(data)
    yield from _sites(data)
    yield from _groups(data)
    yield from _windows(data)
    yield from _rollout(data)
    yield from _removals(data)
    yield from _compat(data)
    yield from _lease(data)


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
        yield from _tls((*path, "tls"), entry.get("tls"))


def _tls(path: Steps, tls: Plain) -> Iterator[Issue]:
    if isinstance(tls, dict) and tls.get("verify") is False and _has(tls, "caFile"):
        yield Issue(
            (*path, "verify"),
            "verify: false makes caFile useless",
            "remove verify, and certificates are checked against caFile",
        )


def _fortigates(data: Plain) -> Iterator[Issue]:
    hosts: dict[str, Plain] = {}
    serials: dict[str, Plain] = {}
    managed = set(_names(data, "fortimanagers"))
    for path, entry in _entries(data, "fortigates"):
        yield from _tls((*path, "tls"), entry.get("tls"))
        name, host = entry.get("name"), _host_and_port(entry.get("host"))
        if host and host in hosts:
            yield Issue(
                (*path, "host"),
                f"{shown(entry['host'])} is the host of {shown(hosts[host])} as well",
                "one unit has one name; name its VDOMs in sites as name/vdom",
            )
        elif host:
            hosts[host] = name
        if name in managed:
            yield Issue((*path, "name"), f"{shown(name)} is the name of a FortiManager as well",
                        "names of units are unique")  # fmt: skip
        yield from _repeated_words((*path, "serials"), entry.get("serials"))
        for index, word in _words(entry.get("serials")):
            if serials.setdefault(word, name) != name:
                yield Issue(
                    (*path, "serials", index),
                    f"{shown(word)} is a serial number of {shown(serials[word])} as well",
                    "one unit has one name; name its VDOMs in sites as name/vdom",
                )


def _host_and_port(raw: Plain) -> str:
    """As far as two can be told to be the same without asking anybody."""
    return raw.lower().removesuffix(":443").rstrip(".") if isinstance(raw, str) else ""


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
    direct = _names(data, "fortigates")
    for path, entry in _entries(data, "sites"):
        yield from _references((*path, "clusters"), entry.get("clusters"), "cluster", clusters)
        unit = entry.get("fortimanager")
        yield from _references((*path, "fortimanager"), unit, "FortiManager", units)
        yield from _repeated_words((*path, "clusters"), entry.get("clusters"))
        yield from _repeated_words((*path, "devices"), entry.get("devices"))
        yield from _repeated_words((*path, "fortigates"), entry.get("fortigates"))
        yield from _one_way(path, entry)
        if lost := undefined_fortigates(entry.get("fortigates"), direct):
            for index, word in lost.items():
                if len(lost) == len(list(_words(entry.get("fortigates")))):
                    yield Issue((*path, "fortigates", index), *no_fortigate(word, direct))
    yield from _twice(data, direct)
    yield from _fleets(data, direct)


def undefined_fortigates(value: Plain, direct: Iterable[str]) -> dict[int, str]:
    """The names and patterns of a site's list, by their place, that no unit of `fortigates` bears.

    Where others of the list are there, that is an error of this part alone (`no_fortigate` as a
    notice, and what every command tells of it); where none is, nothing is left of the site.
    """
    known = tuple(direct)
    return {at: word for at, word in _words(value) if not named_fortigates(word, known)}


def no_fortigate(word: str, direct: Iterable[str]) -> tuple[str, str]:
    """What is said of such a name, and what to do."""
    known = tuple(direct)
    return (
        f"there is no FortiGate {shown(word)}{nearest(word.partition('/')[0], known)}",
        f"defined are: {', '.join(known) or 'none'}",
    )


def _one_way(path: Steps, entry: dict[str, Plain]) -> Iterator[Issue]:
    """A site has devices of a FortiManager, or FortiGates without one."""
    through = [key for key in ("fortimanager", "adom", "devices") if _has(entry, key)]
    if _has(entry, "fortigates"):
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
        if not _has(entry, key):
            yield Issue((*path, key), "required", "add it")
    if entry.get("devices") == []:
        yield Issue((*path, "devices"), "the list is empty", "name devices")


def _twice(data: Plain, direct: list[str]) -> Iterator[Issue]:
    """A FortiGate that is written directly and through a FortiManager."""
    used = {
        name
        for _, site in _entries(data, "sites")
        for _, word in _words(site.get("fortigates"))
        for name, _ in named_fortigates(word, direct)
    }
    for path, site in _entries(data, "sites"):
        for index, device in _words(site.get("devices")):
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
    named = {word.partition("/")[0] for word in listed if not _is_pattern(word)}
    return [
        (unit, vdom)
        for word in listed
        for unit, vdom in named_fortigates(word, known)
        if not (_is_pattern(word) and unit in named)
    ]


def _groups(data: Plain) -> Iterator[Issue]:
    clusters, owner = _names(data, "clusters"), _child(data, "owner")
    for path, entry in _entries(data, "groups"):
        yield from _selectors(path, entry)
        for key, message, step in publishing.problems(entry):
            yield Issue((*path, key), message, step)
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
    yield from _named(path, entry)
    if _has(entry, _POLICIES):
        for key in ("select", "selectNodes", "namespaces"):
            if _has(entry, key):
                yield Issue((*path, key), "is what the policies themselves say", "remove it")
    elif pods and nodes:
        yield Issue(
            (*path, "selectNodes"), "a group selects pods or nodes, not both", "make two groups"
        )
    elif not pods and not nodes:
        yield Issue(
            path,
            "the group selects nothing",
            "give select (pod labels), selectNodes (node labels) or fromGlobalNetworkPolicies"
            " (policy labels)",
        )
    elif nodes:
        for key in ("namespaces", "publish", "network", "networkSets", "towards"):
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


def _named(path: Steps, entry: dict[str, Plain]) -> Iterator[Issue]:
    """A group has a name of its own, or those of policies."""
    policies = _has(entry, _POLICIES)
    if policies and _has(entry, "name"):
        yield Issue((*path, "name"), "the groups have the names of their policies", "remove it")
    elif not policies and not _has(entry, "name"):
        yield Issue(
            (*path, "name"), "the group has no name", "give it the name of the address group"
        )
    for key in ("staged", "optIn", "renamedTiers"):
        if not policies and _has(entry, key):
            yield Issue((*path, key), "is about groups from policies", "remove it")


def _compat(data: Plain) -> Iterator[Issue]:
    """Its ConfigMaps are in a cluster that can be asked."""
    yield from _running(
        data,
        ("calicoCompat", "cluster"),
        lacks="which has no ConfigMaps to follow",
        fix="name a running cluster, or use 'fmgsync config import-calico'",
    )


def _lease(data: Plain) -> Iterator[Issue]:
    """Leases are kept in a cluster that can be asked."""
    yield from _running(
        data,
        ("lease", "cluster"),
        lacks="which keeps no Leases",
        fix="name a running cluster, or leave 'cluster' out",
    )


def _running(data: Plain, path: tuple[str, str], *, lacks: str, fix: str) -> Iterator[Issue]:
    name = _child(data, *path)
    yield from _references(path, name, "cluster", _names(data, "clusters"))
    for _, cluster in _entries(data, "clusters"):
        if cluster.get("name") == name and _has(cluster, "manifests"):
            yield Issue(path, f"cluster {shown(name)} is a dump, {lacks}", fix)


def _windows(data: Plain) -> Iterator[Issue]:
    """Names that exist nowhere: a deny window with a slip in its name would deny nothing."""
    adoms = {str(site["adom"]) for _, site in _entries(data, "sites") if _has(site, "adom")}
    devices, fleets = _site_devices(data), _fleet_names(data)
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
        for index, pattern in _words(entry.get("fleets")):
            if not any(fnmatch.fnmatchcase(name, pattern) for name in fleets):
                yield Issue(
                    (*path, "fleets", index),
                    f"there is no fleet {shown(pattern)}{nearest(pattern, fleets)}",
                    f"there are: {', '.join(sorted(fleets)) or 'none'}",
                )


def fleet_name(fleet: str | None, fortigates: Iterable[str]) -> str:
    """What a site's FortiGates without a FortiManager are rolled out with."""
    return fleet or "+".join(fortigates)


def _fleet_names(data: Plain) -> set[str]:
    """Every fleet: each ADOM is one, and each site of FortiGates that has no name for it."""
    found: set[str] = set()
    for _, site in _entries(data, "sites"):
        fleet, words = site.get("fleet"), [word for _, word in _words(site.get("fortigates"))]
        if words:
            found.add(fleet_name(fleet if isinstance(fleet, str) else None, words))
        elif _has(site, "adom"):
            found.add(f"{site.get('fortimanager')}/{site['adom']}")
    return found


def _fleets(data: Plain, direct: list[str]) -> Iterator[Issue]:
    """An ADOM is a fleet of its own, and a FortiGate is of one fleet."""
    chosen: dict[str, str] = {}
    for path, site in _entries(data, "sites"):
        fleet = site.get("fleet")
        if not isinstance(fleet, str):
            continue
        if _has(site, "fortimanager"):
            yield Issue((*path, "fleet"), "an ADOM is a fleet of its own",
                        "remove it: only FortiGates without a FortiManager are joined")  # fmt: skip
        words = [word for _, word in _words(site.get("fortigates"))]
        for unit, _ in direct_places(words, direct):
            if chosen.setdefault(unit, fleet) != fleet:
                yield Issue(
                    (*path, "fleet"),
                    f"{shown(unit)} is in fleet {shown(chosen[unit])} as well",
                    "a FortiGate is rolled out with one fleet",
                )


def _exact(value: Plain) -> Plain:
    """The list with None in the place of patterns, so that indexes stay."""
    if not isinstance(value, list):
        return None
    return [None if isinstance(item, str) and _is_pattern(item) else item for item in value]


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _site_devices(data: Plain) -> set[str] | None:
    """Devices that the sites name; None if a device group makes them unknowable here."""
    sites = [site for _, site in _entries(data, "sites")]
    named = [device for site in sites for _, device in _words(site.get("devices"))]
    direct = _names(data, "fortigates")
    for site in sites:
        words = [word for _, word in _words(site.get("fortigates"))]
        named += (f"{name}/{vdom}" for name, vdom in direct_places(words, direct))
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

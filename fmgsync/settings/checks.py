"""How values must fit together: names that exist, names used once, keys that exclude each other.

Works on the plain data as read, not on the models: so that these problems are told together with
those of single values, whatever else is wrong. Values of an unexpected shape are passed over;
pydantic complains about them.
"""

from __future__ import annotations

from collections.abc import Iterator

from fmgsync.settings import install_checks, plain, publishing, site_checks
from fmgsync.settings.plain import Issue, Steps
from fmgsync.settings.refusing import shown
from fmgsync.yamllines import Plain

_POLICIES = "fromGlobalNetworkPolicies"


def issues(data: Plain) -> Iterator[Issue]:
    """Everything that does not fit together."""
    if not isinstance(data, dict):
        return
    for key in ("clusters", "fortimanagers", "fortigates", "groups"):
        yield from plain.repeated_names(data, key)
    yield from _clusters(data)
    yield from _fortimanagers(data)
    yield from _fortigates(data)
    yield from site_checks.sites(data)
    yield from _groups(data)
    yield from install_checks.windows(data)
    yield from install_checks.rollout(data)
    yield from install_checks.removals(data)
    yield from _compat(data)
    yield from _lease(data)


def _clusters(data: Plain) -> Iterator[Issue]:
    first: dict[str, Plain] = {}
    for path, entry in plain.entries(data, "clusters"):
        if plain.has(entry, "kubeconfig") and plain.has(entry, "manifests"):
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
    if not plain.has(entry, "kubeconfig") and not plain.has(entry, "manifests"):
        return "has no kubeconfig and no manifests, so it is the cluster fmgsync runs in"
    return "reads standard input" if entry.get("manifests") == "-" else ""


def _fortimanagers(data: Plain) -> Iterator[Issue]:
    for path, entry in plain.entries(data, "fortimanagers"):
        credentials = entry.get("credentials")
        if isinstance(credentials, dict):
            yield from _credentials((*path, "credentials"), credentials)
        yield from _tls((*path, "tls"), entry.get("tls"))


def _tls(path: Steps, tls: Plain) -> Iterator[Issue]:
    if isinstance(tls, dict) and tls.get("verify") is False and plain.has(tls, "caFile"):
        yield Issue(
            (*path, "verify"),
            "verify: false makes caFile useless",
            "remove verify, and certificates are checked against caFile",
        )


def _fortigates(data: Plain) -> Iterator[Issue]:
    hosts: dict[str, Plain] = {}
    serials: dict[str, Plain] = {}
    managed = set(plain.names(data, "fortimanagers"))
    for path, entry in plain.entries(data, "fortigates"):
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
        if isinstance(name, str) and name in managed:
            yield Issue((*path, "name"), f"{shown(name)} is the name of a FortiManager as well",
                        "names of units are unique")  # fmt: skip
        yield from plain.repeated_words((*path, "serials"), entry.get("serials"))
        for index, word in plain.words(entry.get("serials")):
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
    with_password = plain.has(entry, "username") and plain.has(entry, "password")
    with_key = plain.has(entry, "apiKey")
    parts = [key for key in ("username", "password") if plain.has(entry, key)]
    if with_key and parts:
        yield Issue(
            (*path, "apiKey"), f"apiKey stands beside {' and '.join(parts)}", "keep one way"
        )
    elif not with_key and not with_password:
        yield Issue(
            path, "neither username and password nor apiKey is complete", "give one of them"
        )


def _groups(data: Plain) -> Iterator[Issue]:
    clusters, owner = plain.names(data, "clusters"), plain.child(data, "owner")
    for path, entry in plain.entries(data, "groups"):
        yield from _selectors(path, entry)
        for key, message, step in publishing.problems(entry):
            yield Issue((*path, key), message, step)
        limited = plain.child(entry, "sites", "clusters")
        at = (*path, "sites", "clusters")
        yield from plain.references(at, limited, "cluster", clusters)
        yield from plain.repeated_words(at, limited)
        yield from plain.repeated_words((*path, "families"), entry.get("families"))
        name = entry.get("name")
        if isinstance(name, str) and isinstance(owner, str) and name.startswith(f"{owner}_"):
            yield Issue(
                (*path, "name"),
                f"{shown(name)} begins like the names of this owner's addresses",
                f"FortiOS keeps addresses and groups in one list; drop the prefix {owner}_",
            )


def _selectors(path: Steps, entry: dict[str, Plain]) -> Iterator[Issue]:
    pods, nodes = plain.has(entry, "select"), plain.has(entry, "selectNodes")
    yield from _named(path, entry)
    if plain.has(entry, _POLICIES):
        for key in ("select", "selectNodes", "namespaces"):
            if plain.has(entry, key):
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
            if plain.has(entry, key):
                yield Issue(
                    (*path, key), "is about pods; nodes have no namespace and no other address",
                    "remove it",
                )  # fmt: skip
    if pods and plain.has(entry, "network") and entry.get("publish") not in (None, "pod"):
        yield Issue(
            (*path, "network"), "is about the pods' own addresses, and `publish` asks for others",
            "remove one of them",
        )  # fmt: skip


def _named(path: Steps, entry: dict[str, Plain]) -> Iterator[Issue]:
    """A group has a name of its own, or those of policies."""
    policies = plain.has(entry, _POLICIES)
    if policies and plain.has(entry, "name"):
        yield Issue((*path, "name"), "the groups have the names of their policies", "remove it")
    elif not policies and not plain.has(entry, "name"):
        yield Issue(
            (*path, "name"), "the group has no name", "give it the name of the address group"
        )
    for key in ("staged", "optIn", "renamedTiers"):
        if not policies and plain.has(entry, key):
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
    name = plain.child(data, *path)
    yield from plain.references(path, name, "cluster", plain.names(data, "clusters"))
    for _, cluster in plain.entries(data, "clusters"):
        if cluster.get("name") == name and plain.has(cluster, "manifests"):
            yield Issue(path, f"cluster {shown(name)} is a dump, {lacks}", fix)

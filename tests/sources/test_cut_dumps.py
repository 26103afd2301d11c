"""Dumps that lack their end, or their beginning, at every byte: what is called complete is.

A list says where it ends, so nothing may be missing of a kind that is called complete. A row of
objects does not, so the last ones may be missing there; nothing of what is left may be told
otherwise than it was. FMGSYNC_CUT_EVERY takes of so many bytes one.
"""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
import yaml

from fmgsync.errors import ManifestError
from fmgsync.model.endpoint import ClusterSnapshot, Kind
from fmgsync.model.labels import ANY_KEY, Labels
from fmgsync.sources import manifests
from tests import builders, tally

EVERY: Final = int(os.environ.get("FMGSYNC_CUT_EVERY", "61"))

ITEMS: Final = (
    builders.namespace("default", labels={"stage": "prod"}),
    builders.namespace("shop", labels={"stage": "test"}),
    builders.node("node-1", "10.0.0.1", "fd00::1", labels={"pool": "a"}, ranges=["10.1.0.0/24"]),
    builders.node("node-2", "10.0.0.2"),
    builders.service_account("front", namespace="shop", labels={"team": "a"}),
    builders.network_set("all", "192.0.2.0/24", "192.0.2.77", labels={"role": "dns"}),
    builders.network_set("some", "198.51.100.7", namespace="shop"),
    builders.ip_pool("default", "10.1.0.0/16", natOutgoing=True),
    builders.policy("outside", "app == 'web'", labels={"zone": "dmz"}),
    builders.exposed(
        "Service",
        "web",
        spec={"type": "LoadBalancer", "selector": {"app": "web"}, "externalIPs": ["203.0.113.9"]},
        status={"loadBalancer": {"ingress": [{"ip": "203.0.113.10"}]}},
    ),
    builders.pod("web-1", "10.1.0.10", "fd00:1::10", labels={"app": "web"}),
    builders.pod("web-2", "10.1.0.11", labels={"app": "web", "tier": "front"}, namespace="shop"),
    builders.pod("last", "10.1.0.12", phase="Pending", node="node-2"),
)
BY_KIND: Final = {
    kind: [each for each in ITEMS if each["kind"] == kind]
    for kind in dict.fromkeys(each["kind"] for each in ITEMS)
}
BEHIND: Final = builders.listing(*ITEMS)
BEFORE: Final = {"apiVersion": "v1", "kind": "List", "items": list(ITEMS)}
TYPED: Final = [builders.listing(*some, kind=f"{kind}List") for kind, some in BY_KIND.items()]


def as_json(*values: Any, indent: int | None = 4) -> bytes:
    return "\n".join(json.dumps(each, indent=indent) for each in values).encode()


def as_yaml(*values: Any, **how: Any) -> bytes:
    return str(yaml.safe_dump_all(values, **how)).encode()


LISTS: Final[Mapping[str, bytes]] = {
    "JSON": as_json(BEHIND),
    "JSON, its kind before the items": as_json(BEFORE),
    "JSON on one line": as_json(BEHIND, indent=None),
    "typed lists of JSON": as_json(*TYPED),
    "YAML": as_yaml(BEHIND),
    "YAML, its kind before the items": as_yaml(BEFORE, sort_keys=False) + b"...\n",
    "YAML in braces": b"---\n" + as_yaml(BEHIND, default_flow_style=True),
    "YAML with Windows line ends": as_yaml(BEHIND).replace(b"\n", b"\r\n"),
    "YAML in UTF-16": as_yaml(BEHIND).decode().encode("utf-16"),
    "typed lists of YAML": as_yaml(*TYPED, sort_keys=False) + b"...\n",
    "JSON, compressed": gzip.compress(as_json(BEHIND)),
}
ROWS: Final[Mapping[str, bytes]] = {
    "objects of JSON in a row": as_json(*ITEMS, indent=None),
    "objects of YAML in a row": as_yaml(*ITEMS) + b"...\n",
    "objects of YAML in a row, as they are written by hand": as_yaml(*ITEMS, sort_keys=False)
    + b"...\n",
}


KINDS: Final = {
    "Namespace": Kind.NAMESPACES,
    "Node": Kind.NODES,
    "ServiceAccount": Kind.ACCOUNTS,
    "GlobalNetworkSet": Kind.GLOBAL_SETS,
    "NetworkSet": Kind.NETWORK_SETS,
    "IPPool": Kind.IP_POOLS,
    "GlobalNetworkPolicy": Kind.POLICIES,
    "Service": Kind.SERVICES,
    "Pod": Kind.PODS,
}


def read(dump: bytes) -> ClusterSnapshot:
    return manifests.read_snapshot("east", "-", stdin=io.BytesIO(dump), kinds=KINDS.values())


def told(found: ClusterSnapshot) -> dict[tuple[str, str, str], object]:
    """What is told of each object, by its kind, namespace and name."""
    rows: list[tuple[str, Any]] = [
        *(("Pod", each) for each in found.pods),
        *(("Node", each) for each in found.nodes),
        *(
            ("NetworkSet" if s.name == "some" else "GlobalNetworkSet", s)
            for s in found.network_sets
        ),
        *(("IPPool", each) for each in found.ip_pools),
        *(("GlobalNetworkPolicy", each) for each in found.policies),
        *((each.kind, each) for each in found.destinations),
    ]
    objects: dict[tuple[str, str, str], object] = {
        (str(kind), getattr(each, "namespace", ""), each.name): each for kind, each in rows
    }
    objects |= {("Namespace", "", name): labels for name, labels in found.namespaces.items()}
    for place, labels in found.accounts.items():
        space, _, name = place.rpartition("/")
        objects["ServiceAccount", space, name] = labels
    return objects


TRUE: Final = told(read(as_json(BEHIND)))


def problems(found: ClusterSnapshot, *, rows: bool) -> list[str]:
    """What is told and is not so, or is called complete and lacks something."""
    objects = told(found)
    wrong = [f"{key} is {said!r}" for key, said in objects.items() if not _so(key, said)]
    if not rows:
        synced = {name for name, kind in KINDS.items() if kind in found.synced}
        wrong += [f"{key} is gone" for key in TRUE.keys() - objects.keys() if key[0] in synced]
    return wrong


def _so(key: tuple[str, str, str], said: object) -> bool:
    """Whether it is as it was; or it is said that not all of it is known, and the rest was so."""
    if said == TRUE.get(key):
        return True
    kind, _, name = key
    was = next((each for (k, _, n), each in TRUE.items() if (k, n) == (kind, name)), None)
    if isinstance(said, Labels):
        return isinstance(was, Labels) and said.unknown == ANY_KEY
    addresses = set(getattr(said, "addresses", ()))
    return bool(getattr(said, "doubt", "")) and addresses <= set(getattr(was, "addresses", ()))


def without_end(dump: bytes, at: int) -> bytes:
    return dump[:at]


def without_beginning(dump: bytes, at: int) -> bytes:
    return dump[at:]


@pytest.mark.parametrize("form", [*LISTS, *ROWS])
def test_whole_it_says_everything(form: str) -> None:
    found = read({**LISTS, **ROWS}[form])
    assert told(found) == TRUE
    assert len(TRUE) == len(ITEMS)
    assert found.synced == set(KINDS.values())


@pytest.mark.parametrize("cut", [without_end, without_beginning])
@pytest.mark.parametrize("form", [*LISTS, *ROWS])
def test_cut_anywhere_it_says_nothing_that_is_not_so(
    form: str, cut: Callable[[bytes, int], bytes]
) -> None:
    dump = {**LISTS, **ROWS}[form]
    wrong, refused = {}, 0
    places = range(1, len(dump), EVERY)
    for at in places:
        try:
            found = problems(read(cut(dump, at)), rows=form in ROWS)
        except ManifestError:
            refused += 1
            continue
        if found:
            wrong[at] = found
    assert wrong == {}
    tally.note("dumps", cut_dumps=len(places), refused_as_a_whole=refused)

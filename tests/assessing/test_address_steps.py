"""Who has an address, who had it and where it is stale, word for word: a row for each case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from fmgsync.assessing import address_steps
from fmgsync.assessing.explanation import AdomScene, Scene, Step
from fmgsync.model.address import Address
from fmgsync.model.destination import Destination
from fmgsync.model.endpoint import ALWAYS, ClusterSnapshot, Kind
from fmgsync.model.labels import Labels
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView, StaleGrant
from tests.assessing.scenes import TOPOLOGY, on
from tests.builders import node_endpoint, pod_endpoint, snapshot
from tests.planning.estates import EAST, REF, WEST, adom

A, B = Address("10.1.0.1"), Address("10.1.0.2")
AT = 1_767_323_045.0  # 2026-01-02 03:04:05 UTC
SINCE = "2026-01-02 03:04:05 UTC"


def said(steps: Iterable[Step]) -> list[str]:
    return [f"{s.what} {s.where} {s.holds}: {s.because} [{'|'.join(s.objects)}]" for s in steps]


WEB, DB = pod_endpoint("web", A, namespace="shop"), pod_endpoint("db", B, namespace="shop")
NODE = node_endpoint("n1", A)
OUTSIDE = replace(node_endpoint("n2", B), others=(("ExternalIP", A),))
SERVICE = Destination(
    Kind.SERVICES,
    "Service",
    "shop",
    "front",
    Labels({}),
    (("loadBalancer", A), ("clusterIP", B)),
)
POD = "pod shop/web of cluster {}"
FRONT = f"{SERVICE.place} of cluster east"
MANY = [
    *(POD.format(name) for name in ("a-west", "east")),
    "node n1 of cluster east",
    *(f"{SERVICE.place} of cluster {name}" for name in ("a-west", "east")),
]
NOBODY = "endpoint clusters False: no pod and no node has it []"


def having(*endpoints: Any, cluster: str = "east", synced: Iterable[Kind] = ALWAYS) -> Any:
    return snapshot(*endpoints, cluster=cluster, synced=synced)


OWNERS: dict[str, tuple[list[ClusterSnapshot], str]] = {
    "nobody": ([], NOBODY),
    "others run": ([having(DB, node_endpoint("n1", B))], NOBODY),
    "a pod": (
        [having(WEB, DB)],
        f"endpoint clusters True: {POD.format('east')} [{POD.format('east')}]",
    ),
    "a node": (
        [having(NODE)],
        "endpoint clusters True: node n1 of cluster east [node n1 of cluster east]",
    ),
    "a node by another address": (
        [having(OUTSIDE)],
        "endpoint clusters True: node n2 of cluster east [node n2 of cluster east]",
    ),
    "what others connect to": (
        [replace(having(DB), destinations=(SERVICE,))],
        f"endpoint clusters True: {FRONT} [{FRONT}]",
    ),
    "another Service": (
        [replace(having(), destinations=(replace(SERVICE, addresses=(("clusterIP", B),)),))],
        NOBODY,
    ),
    "of many three are told": (
        [
            replace(having(NODE, WEB), destinations=(SERVICE,)),
            replace(having(WEB, cluster="a-west"), destinations=(SERVICE,)),
        ],
        f"endpoint clusters True: {'; '.join(MANY[:3])} [{'|'.join(MANY)}]",
    ),
    "pods were not read": (
        [having(DB, synced=[Kind.NODES]), having(cluster="west")],
        "endpoint clusters None: east not read completely []",
    ),
    "nodes were not read": (
        [having(synced=[Kind.PODS]), having(cluster="west", synced=[])],
        "endpoint clusters None: east, west not read completely []",
    ),
    "no more needs to be read": ([having(DB, synced=[Kind.PODS, Kind.NODES])], NOBODY),
    "found all the same": (
        [having(NODE, synced=[])],
        "endpoint clusters True: node n1 of cluster east [node n1 of cluster east]",
    ),
}


@pytest.mark.parametrize("case", OWNERS)
def test_who_has_it(case: str) -> None:
    found, expected = OWNERS[case]
    # The clusters are told by name, in whichever order they were read.
    scene = Scene((), {each.cluster: each for each in found}, ())
    assert said([address_steps.owners(scene, A)]) == [expected]


def test_a_controller_knows_the_pods_that_it_follows() -> None:
    """Another one may have the address, which no rule selects."""
    scene = Scene((), {"east": having(DB)}, (), partial=True)
    (told,) = said([address_steps.owners(scene, A)])
    assert told.startswith("endpoint clusters None: no node has it, and no pod that a rule may")


def views(*found: DeviceView) -> tuple[AdomScene, ...]:
    """One ADOM for each of the views, after one of none."""
    empty = AdomScene(REF, {}, TOPOLOGY, adom(), (), ())
    return (empty, *(replace(empty, views=(each,)) for each in found))


def stale(place: DeviceVdom, *grants: StaleGrant) -> DeviceView:
    return on(place, stale_grants=grants)


OLD, LOST = StaleGrant("web", A, AT), StaleGrant("web", A)
BEFORE: dict[str, tuple[Any, tuple[DeviceView, ...], list[str]]] = {
    "one": (
        (("pod shop/web",), AT),
        (),
        [f"before audit True: let through for pod shop/web, written {SINCE} [pod shop/web]"],
    ),
    "two, and it is stale": (
        (("pod shop/web", "node n1"), AT),
        (stale(EAST, OLD),),
        [
            (
                "before audit True: let through for pod shop/web and node n1, written"
                f" {SINCE} [pod shop/web|node n1]"
            )
        ],
    ),
    "nobody knows, and it is stale": (
        None,
        (stale(WEST), stale(EAST, StaleGrant("web", B), OLD)),
        ["before audit None: who had it is not known here: no write that was seen names it []"],
    ),
    "another is stale": (None, (stale(EAST, StaleGrant("web", B)),), []),
}


@pytest.mark.parametrize("case", BEFORE)
def test_who_had_it(case: str) -> None:
    known, found, expected = BEFORE[case]
    asked = {A: known}
    scene = Scene((), {}, views(*found), formerly=asked.__getitem__)
    assert said(address_steps.formerly(scene, A)) == expected


UNKNOWN = "stale grant group web False: stale on {} since a time that is not known{} [{}]"
GRANTS: dict[str, tuple[tuple[DeviceView, ...], list[str]]] = {
    "nowhere": ((stale(EAST),), []),
    "in another group, or another address": (
        (stale(EAST, StaleGrant("db", A), StaleGrant("web", B)),),
        [],
    ),
    "nobody knows since when": (
        (stale(EAST, LOST),),
        [UNKNOWN.format(EAST, "", EAST)],
    ),
    "another workload has it": (
        (stale(EAST, StaleGrant("web", A, reused=True)),),
        [UNKNOWN.format(EAST, "; another workload has it now", EAST)],
    ),
    "since the epoch": (
        (stale(EAST, StaleGrant("web", A, 0.0)),),
        [
            ("stale grant group web False: stale on fgt-east/root since 1970-01-01 00:00:00 UTC"
            " [fgt-east/root]")
        ],
    ),
    "two since then, one since nobody knows": (
        (stale(WEST, StaleGrant("web", B), OLD), stale(EAST, OLD), stale(EAST, LOST)),
        [
            (f"stale grant group web False: stale on fgt-east/root, fgt-west/root since {SINCE}"
            " [fgt-west/root|fgt-east/root]"),
            UNKNOWN.format(EAST, "", EAST),
        ],
    ),
    "the oldest is told first": (
        (stale(EAST, OLD), stale(WEST, StaleGrant("web", A, AT - 86_400))),
        [
            ("stale grant group web False: stale on fgt-west/root since 2026-01-01 03:04:05 UTC"
            " [fgt-west/root]"),
            f"stale grant group web False: stale on fgt-east/root since {SINCE} [fgt-east/root]",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GRANTS)
def test_where_it_is_stale(case: str) -> None:
    found, expected = GRANTS[case]
    assert said(address_steps.stale_grants(Scene((), {}, views(*found)), "web", A)) == expected

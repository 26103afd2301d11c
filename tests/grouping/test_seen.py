"""What a firewall sees of a pod: one table of clusters, and changes one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from fmgsync.grouping.membership import ClusterMembers, ClusterMembership
from fmgsync.model.address import Address, Family
from fmgsync.model.endpoint import ClusterSnapshot, Kind, whole
from fmgsync.model.rule import GroupRule, Publish
from fmgsync.sources import recognising
from fmgsync.sources.gathering import Gathering

BOTH = frozenset(Family)
EVERY_KIND = frozenset(Kind)
CASES = yaml.safe_load((Path(__file__).parent / "platforms.yaml").read_text())


def flat(objects: list[Any]) -> Iterator[dict[str, Any]]:
    for each in objects:
        yield from flat(each) if isinstance(each, list) else [each]


def cluster(objects: list[Any]) -> ClusterSnapshot:
    """As a dump of these objects is read; every kind is synced."""
    gathering = Gathering()
    for each in flat(objects):
        titled = {"apiVersion": "v1", **each}
        found = recognising.candidates(titled["apiVersion"], each["kind"], EVERY_KIND)
        (kind,) = recognising.known(found, titled)
        gathering.add_mapping(kind, titled, "here")
    return replace(gathering.snapshot("east"), synced=EVERY_KIND)


def of_pod(
    found: ClusterSnapshot, name: str, towards: list[str], publish: Publish
) -> ClusterMembership:
    """One rule, over the pod of that name only."""
    others = tuple(pod for pod in found.pods if pod.name != name)
    rule = GroupRule(
        "seen",
        select="!has(other)",
        publish=publish,
        families=BOTH,
        towards=tuple(map(Address, towards)),
    )
    labelled = tuple(
        replace(pod, labels=type(pod.labels)({**pod.labels, "other": ""})) for pod in others
    )
    (asked,) = (pod for pod in found.pods if pod.name == name)
    membership = ClusterMembership("east", [rule])
    membership.apply(whole(replace(found, pods=(asked, *labelled))))
    return membership


def answer(membership: ClusterMembership) -> ClusterMembers:
    ((_, found),) = membership.members()
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_a_firewall_sees(case: dict[str, Any]) -> None:
    found = cluster(case["objects"])
    for publish, key in ((Publish.AUTO, "sees"), (Publish.EGRESS_GATEWAY, "gateways")):
        for name, expected in case.get(key, {}).items():
            membership = of_pod(found, name, case.get("towards", []), publish)
            members = answer(membership)
            if isinstance(expected, str):
                assert not members.complete
                assert not members.addresses
                assert expected in members.because
            else:
                assert members.complete, members.because
                assert members.addresses == set(expected)
            if publish is Publish.AUTO and members.complete:
                note = membership.note_on("seen")
                assert (note is not None) is case.get("derived", False), note

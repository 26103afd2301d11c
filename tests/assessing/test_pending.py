"""What is behind, through which package, and how installs are asked for: tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fmgsync.assessing import pending
from fmgsync.model.rollout import InstallRequest, NotReferenced, PendingInstall, PendingReason
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.model.view import GroupState
from tests.assessing.scenes import on, view
from tests.planning.estates import EAST, REF, V4, V6, WEST, adom, group

BEHIND, COPY = PendingReason.DEVICE_BEHIND, PendingReason.DEVICE_DATABASE_BEHIND
OTHER = TargetRef("hq", "other")
FIRST = DeviceVdom("a", "root")


def install(package: str = "edge", place: DeviceVdom = EAST, *groups: str, **more: Any) -> Any:
    """As it waits."""
    return PendingInstall(REF, place, package, groups or ("web",), (COPY,), **more)


def waits(name: str = "web", state: GroupState = GroupState.INSTALL_PENDING, **more: Any) -> Any:
    """A group as a view shows it."""
    return view(name, **{"database": "", "state": state, **more})


WAITING = [
    on(WEST, waits("web"), waits("db", database="1")),
    on(
        EAST,
        waits("web", database="1"),
        waits("db"),
        waits("app", GroupState.DRIFTED),
        waits("new", GroupState.WRITE_PENDING),
        waits("far"),
    ),
    replace(on(FIRST, waits("web")), adom=OTHER),
]
REACH = {
    (WEST, "web"): "edge",
    (WEST, "db"): "edge",
    (EAST, "web"): "branch",
    (EAST, "db"): "edge",
    (EAST, "app"): "edge",
    (EAST, "new"): "edge",
    (FIRST, "web"): "edge",
}


def test_one_entry_for_each_device_and_package_in_order() -> None:
    """By ADOM, device and package; each reason once."""
    assert pending.pending_installs(WAITING, REACH) == (
        PendingInstall(OTHER, FIRST, "edge", ("web",), (COPY,)),
        PendingInstall(REF, EAST, "branch", ("web",), (BEHIND,)),
        PendingInstall(REF, EAST, "edge", ("db",), (COPY,)),
        PendingInstall(REF, WEST, "edge", ("web", "db"), (COPY, BEHIND)),
    )


def test_after_a_write_what_is_written_waits_as_well() -> None:
    found = pending.pending_installs(WAITING, REACH, after_write=True)
    assert found[2].groups == ("db", "new")
    assert [each.groups for each in found if each.target != EAST] == [("web",), ("web", "db")]


@pytest.mark.parametrize(
    ("more", "due"),
    [
        ({"database": "1", "device": "1"}, False),
        ({"database": "1", "device": ""}, True),
        ({"database": "", "device": "1"}, True),
        ({"database": "1", "device": None}, False),
    ],
)
def test_what_is_submitted_is_due_as_far_as_the_adom_has_it(
    more: dict[str, Any], due: bool
) -> None:
    """Somebody has to approve the rest first."""
    views = [on(EAST, waits("web", GroupState.WRITE_PENDING, adom="1", **more))]
    found = pending.pending_installs(views, REACH, after_write=True, submitted=True)
    assert bool(found) is due
    assert pending.pending_installs(views, REACH, after_write=True)


def test_where_writing_is_delivering_the_writes_are_what_waits() -> None:
    places = {(WEST, "db"), (EAST, "web"), (WEST, "app")}
    reasons = (PendingReason.NOT_WRITTEN,)
    assert pending.pending_writes(REF, places) == (
        PendingInstall(REF, EAST, "", ("web",), reasons),
        PendingInstall(REF, WEST, "", ("app", "db"), reasons),
    )
    many = [(DeviceVdom(f"fgt-{number:02}", "root"), "web") for number in range(20)]
    told = [each.target for each in pending.pending_writes(REF, frozenset(many))]
    assert told == [target for target, _ in many]


def test_what_no_policy_uses_is_told_by_device() -> None:
    alone = GroupState.NOT_REFERENCED
    views = [
        on(WEST, waits("web")),
        on(EAST, waits("db", alone, because="no policy"), waits("web"), waits("app", alone)),
    ]
    assert pending.not_referenced(views) == (
        NotReferenced(REF, EAST, None, ("db", "app"), ("no policy", "")),
    )


def test_one_request_for_each_adom_and_package() -> None:
    found = [
        install("edge", WEST),
        install("branch", WEST),
        install("edge", EAST, "db"),
        install("edge", WEST, "db"),
        replace(install("edge", FIRST), adom=OTHER),
    ]
    assert pending.requests(found) == (
        InstallRequest(OTHER, "edge", (FIRST,)),
        InstallRequest(REF, "branch", (WEST,)),
        InstallRequest(REF, "edge", (EAST, WEST)),
    )


def test_devices_are_in_order_and_once() -> None:
    many = [DeviceVdom(f"fgt-{number:02}", "root") for number in range(20)]
    found = [install("edge", place) for place in (*many[::-1], *many)]
    (request,) = pending.requests(found)
    assert request.targets == tuple(many)
    found += [install(f"branch-{number:02}", place) for number, place in enumerate(many)]
    (request,) = pending.object_requests(found[20:], STANDING)
    assert request.targets == tuple(many)
    assert request.package == ", ".join([*(f"branch-{number:02}" for number in range(20)), "edge"])


SIX = replace(group("web"), family=V6)
STANDING = adom(
    *(group(name) for name in ("web", "web.10", "web.2", "app", "db")),
    SIX,
    replace(SIX, name="web.1"),
    group("web.3", owned=False),
)
WEB = ((V4, "web.10"), (V4, "web.2"), (V4, "web"), (V6, "web.1"), (V6, "web"))
ALL = ((V4, "web.10"), (V4, "web.2"), (V4, "app"), (V4, "web"), (V6, "web.1"), (V6, "web"))


def test_devices_that_are_behind_in_the_same_groups_get_them_together() -> None:
    """Shards before what holds them, each family by itself."""
    found = [
        install("edge", WEST),
        install("branch", EAST),
        install("edge", EAST),
        install("edge", FIRST, "web", "app"),
        replace(install("edge", FIRST), adom=OTHER),
    ]
    assert pending.object_requests(found, STANDING) == (
        InstallRequest(OTHER, "edge", (FIRST,), objects=WEB),
        InstallRequest(REF, "edge", (FIRST,), objects=ALL),
        InstallRequest(REF, "branch, edge", (EAST, WEST), objects=WEB),
    )

"""Which DeviceVdoms are behind, through which package, and what never reaches its device."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from fmgsync.assessing.four import Place
from fmgsync.model import naming
from fmgsync.model.rollout import InstallRequest, NotReferenced, PendingInstall, PendingReason
from fmgsync.model.state import ObjectKey, ObservedAdom
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.model.view import DeviceView, GroupState, GroupView


def pending_installs(
    views: Iterable[DeviceView],
    reach: Mapping[Place, str],
    *,
    after_write: bool = False,
    submitted: bool = False,
) -> tuple[PendingInstall, ...]:
    """One entry per DeviceVdom and package with a group that waits for an install.

    `after_write=True` counts groups whose write is still pending as well: what a plan would
    install once it is applied. What is `submitted` waits for somebody's approval: until then only
    what the ADOM holds already can reach a device.
    """
    found: dict[tuple[TargetRef, DeviceVdom, str], list[GroupView]] = defaultdict(list)
    for view in views:
        for group in view.groups:
            package = reach.get((view.target, group.name))
            due = _is_due(group, after_write=after_write, submitted=submitted)
            if due and package is not None:
                found[view.adom, view.target, package].append(group)
    return tuple(
        PendingInstall(
            adom,
            target,
            package,
            tuple(group.name for group in groups),
            tuple(sorted({_reason(group) for group in groups})),
        )
        for (adom, target, package), groups in sorted(found.items())
    )


def _is_due(group: GroupView, *, after_write: bool, submitted: bool) -> bool:
    if group.state is not GroupState.WRITE_PENDING:
        return group.state is GroupState.INSTALL_PENDING
    is_behind = group.database_differs or (group.device is not None and not group.is_proven)
    return after_write and (is_behind or not submitted)


def pending_writes(ref: TargetRef, places: Iterable[Place]) -> tuple[PendingInstall, ...]:
    """One entry per DeviceVdom that a plan has something to write to, where that delivers it."""
    groups: dict[DeviceVdom, list[str]] = defaultdict(list)
    for target, name in sorted(places):
        groups[target].append(name)
    reasons = (PendingReason.NOT_WRITTEN,)
    return tuple(
        PendingInstall(ref, target, "", tuple(names), reasons) for target, names in groups.items()
    )


def _reason(group: GroupView) -> PendingReason:
    if group.database_differs:
        return PendingReason.DEVICE_DATABASE_BEHIND
    return PendingReason.DEVICE_BEHIND


def not_referenced(views: Iterable[DeviceView]) -> tuple[NotReferenced, ...]:
    """Groups that no policy installed on the DeviceVdom uses."""
    found = (
        (view, [group for group in view.groups if group.state is GroupState.NOT_REFERENCED])
        for view in views
    )
    return tuple(
        NotReferenced(
            view.adom,
            view.target,
            None,
            tuple(group.name for group in groups),
            tuple(group.because for group in groups),
        )
        for view, groups in found
        if groups
    )


def requests(pending: Iterable[PendingInstall]) -> tuple[InstallRequest, ...]:
    """One request per ADOM and package, its DeviceVdoms in one explicit scope."""
    scopes: dict[tuple[TargetRef, str], list[DeviceVdom]] = defaultdict(list)
    for install in pending:
        scopes[install.adom, install.package].append(install.target)
    return tuple(
        InstallRequest(adom, package, tuple(sorted(set(targets))))
        for (adom, package), targets in sorted(scopes.items())
    )


def object_requests(
    pending: Iterable[PendingInstall], observed: ObservedAdom
) -> tuple[InstallRequest, ...]:
    """One request per set of group objects: DeviceVdoms behind in the same groups go together."""
    scopes: dict[tuple[TargetRef, tuple[ObjectKey, ...]], list[PendingInstall]] = defaultdict(list)
    for install in pending:
        scopes[install.adom, _objects(install, observed)].append(install)
    return tuple(
        InstallRequest(
            adom,
            ", ".join(sorted({each.package for each in behind})),
            tuple(sorted({each.target for each in behind})),
            objects=objects,
        )
        for (adom, objects), behind in sorted(scopes.items())
    )


def _objects(install: PendingInstall, observed: ObservedAdom) -> tuple[ObjectKey, ...]:
    """The objects of the groups a DeviceVdom is behind in; shards before what holds them."""
    own = [
        key
        for key, group in observed.groups.items()
        if group.owned and naming.group_of(key[1]) in install.groups
    ]
    return tuple(sorted(own, key=lambda key: (key[0], key[1] in install.groups, key[1])))

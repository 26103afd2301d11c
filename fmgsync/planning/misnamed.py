"""Names in the install part of a configuration that no device and no device group bears.

A misspelled canary would be no canary, a misspelled device in a deny window no denial. What a name
stands for is known once FortiManager was read.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Iterator

from fmgsync.model.adom import AdomTopology
from fmgsync.model.change import AdomPlan, Finding
from fmgsync.model.target import NamedPlace

KIND = "unknown-name"
_GROUP = "group:"


def known(topology: AdomTopology) -> frozenset[str]:
    """Everything in an ADOM that such a name may stand for; device groups with their prefix."""
    found = {_GROUP + name for name in topology.groups}
    for name, device in topology.devices.items():
        found.add(name)
        found.update(f"{name}/{vdom}" for vdom in device.vdoms)
    return frozenset(found)


def unmatched(named: Iterable[NamedPlace], names: Iterable[str]) -> tuple[NamedPlace, ...]:
    """Those that stand for none of these; a name may be a pattern."""
    listed = list(names)
    return tuple(place for place in named if not fnmatch.filter(listed, place.name))


def findings(odd: Iterable[NamedPlace], topology: AdomTopology, unread: str) -> Iterator[Finding]:
    """What people are told; `unread` says which other ADOMs could not be asked."""
    names = sorted(known(topology))
    for place in odd:
        near = difflib.get_close_matches(place.name, names, n=1)
        nearest = f" (nearest: {near[0]!r})" if near else ""
        also = f"; {unread}" if unread else ""
        message = (
            f"{place.where} names {place.name!r}, which is no device or device group"
            f" here{nearest}{also}: no rollout starts until that is put right"
        )
        yield Finding(KIND, place.name, message, is_error=True)


def told(plan: AdomPlan) -> str:
    """Why no rollout may start; empty if every name stands for something."""
    return "; ".join(found.message for found in plan.findings if found.kind == KIND)

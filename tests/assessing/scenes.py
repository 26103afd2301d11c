"""What a pass saw of an ADOM of two devices, in memory."""

from __future__ import annotations

from typing import Any

from fmgsync.assessing.observation import Observation
from fmgsync.model.address import Address
from fmgsync.model.adom import AdomTopology, Device, Limits, Surroundings, Workspace
from fmgsync.model.change import AdomPlan
from fmgsync.model.view import DeviceView, GroupState, GroupView
from fmgsync.planning.usage import Usage
from tests.planning.estates import EAST, REF, WEST, adom, desired

DEVICES = {
    place.device: Device(place.device, ("root",), True, True, False) for place in (EAST, WEST)
}
TOPOLOGY = AdomTopology(REF, (7, 4), Workspace.DISABLED, DEVICES, {})


def members(text: str | None) -> frozenset[Address] | None:
    """`1 2`: 10.1.0.1 and 10.1.0.2; one that holds a colon stands for itself."""
    if text is None:
        return None
    return frozenset(Address(one if ":" in one else f"10.1.0.{one}") for one in text.split())


def view(
    name: str = "web",
    desired: str | None = "1",
    adom: str | None = "1",
    database: str | None = "1",
    device: str | None = "1",
    **more: Any,
) -> GroupView:
    """A group on a device."""
    more = {"state": GroupState.INSTALL_PENDING, **more}
    given = members(desired), members(adom), members(database), members(device)
    return GroupView(name, *given, **more)


def on(place: Any, *groups: GroupView, **more: Any) -> DeviceView:
    """The groups of one device."""
    return DeviceView(place, REF, groups, **more)


def seen(**changes: Any) -> Observation:
    """A pass that saw an empty ADOM, but for what is given."""
    plan = changes.pop("plan", AdomPlan(REF))
    packages = changes.pop("packages", ())
    known: dict[str, Any] = {
        "around": Surroundings(changes.pop("topology", TOPOLOGY), packages, Limits()),
        "desired": desired(),
        "observed": adom(),
        "usage": Usage(),
        "plan": plan,
        "unapproved": plan,
    }
    return Observation(**{**known, **changes})

"""What was looked at for an explanation, and an explanation as lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fmgsync.assessing.explanation import AdomScene, Scene, Step
from fmgsync.model.adom import AdomTopology, Package, Workspace
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef
from fmgsync.model.view import DeviceView, GroupView
from tests.assessing.scenes import on
from tests.planning import usages
from tests.planning.estates import EAST, REF, WEST

BRANCH_REF = TargetRef("branch-7", "root", TargetKind.FORTIGATE)
BRANCH = DeviceVdom("branch-7", "root")
PLACES = (EAST, WEST)
USED = usages.package(usages.policy("web"))


def adom(*views: DeviceView, **more: Any) -> AdomScene:
    """An ADOM whose devices stand in front of cluster `prod`, if nothing else is said."""
    ref = more.pop("ref", REF)
    given: dict[str, Any] = {
        "clusters": {each.target: frozenset({"prod"}) for each in views},
        "topology": AdomTopology(ref, (7, 4), Workspace.DISABLED, more.pop("devices", {}), {}),
        "observed": usages.adom(usages.group("web")),
        "packages": (USED,),
        **more,
    }
    return AdomScene(ref=ref, views=views, **given)


def both(*groups: GroupView, **more: Any) -> AdomScene:
    """Two devices with the same groups."""
    return adom(*(on(place, *groups) for place in PLACES), **more)


def branch(*groups: GroupView, packages: Sequence[Package] | None = None, **more: Any) -> AdomScene:
    """A FortiGate without a FortiManager."""
    found = (Package("", frozenset({BRANCH}), (usages.policy("web"),)),)
    known = tuple(found if packages is None else packages)
    return adom(DeviceView(BRANCH, BRANCH_REF, groups), ref=BRANCH_REF, packages=known, **more)


def scene(*adoms: AdomScene, **more: Any) -> Scene:
    """All of it."""
    return Scene(**{"rules": (), "snapshots": {}, "adoms": adoms, **more})


def lines(steps: Iterable[Step], where: str) -> list[str]:
    """What, where if it is not there, whether it holds and why; below, what it is about."""
    word = {True: "yes", False: "no", None: "?"}
    found: list[str] = []
    for step in steps:
        place = "" if step.where == where else f", {step.where}"
        found.append(f"{step.what}{place}: {word[step.holds]}: {short(step.because)}")
        found += [f"  {short(', '.join(step.objects))}"] if step.objects else []
    return found


def short(text: str) -> str:
    """The two devices by one word each."""
    return text.replace(str(EAST), "east").replace(str(WEST), "west")


def held(devices: Iterable[tuple[DeviceVdom, bool | None]]) -> dict[str, bool | None]:
    """By name."""
    return {short(str(place)): holds for place, holds in devices}

"""Why a group is held on a device, or never reaches it: a table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fmgsync.assessing import place_reasons
from fmgsync.model.adom import Package
from fmgsync.model.change import AdomPlan, Finding, Hold
from fmgsync.model.state import DesiredMembers
from fmgsync.model.target import DeviceVdom
from fmgsync.planning import backup_mode
from fmgsync.planning.usage import Usage
from tests.assessing.scenes import TOPOLOGY, seen
from tests.planning import usages
from tests.planning.estates import EAST, REF, V4, V6, WEST, adom, desired, group, shared, wanted

PART = Finding("no-device", "web", "no such device", is_error=True)
TAKEN = Finding("foreign-name", "db", "the name is taken", is_error=True)
NO_ROOM = Finding("no-room", "app", "it is full", newcomers_only=True)
HOLD = Hold("removals", "web", "too many go", EAST)
CLOSED = Finding(backup_mode.KIND, "prod", "no installs here")
NAMES = {EAST: ("web", "db"), WEST: ("web",)}
EVERY = frozenset((place, name) for place, names in NAMES.items() for name in names)
USED = usages.policy("web")
EDGE = Package("edge", frozenset({EAST}), (USED,))
WESTERN = replace(EDGE, policies=(replace(USED, install_on=frozenset({WEST})),))
OTHERS_ONLY = "policy 1 of package edge uses it, but is installed on other devices only"


def silent(*groups: Any) -> Any:
    """The rules, where what should be at the eastern device is not known."""
    unread = DesiredMembers(frozenset(), retain=True, because="west was not read")
    return desired(*(replace(each, mappings={**each.mappings, EAST: unread}) for each in groups))


def in_six(why: str) -> str:
    return f"its IPv6 group does not reach the device: {why}"


ELSEWHERE = "policy 1 of package edge uses it, but the package is not assigned to this device"
REASONS: dict[str, tuple[dict[str, Any], dict[Any, str]]] = {
    "none": ({}, {}),
    "something waits on one device": (
        {"plan": AdomPlan(REF, held=(HOLD,))},
        {(EAST, "web"): "too many go"},
    ),
    "something waits everywhere": (
        {"plan": AdomPlan(REF, held=(replace(HOLD, device=None),))},
        {(EAST, "web"): "too many go", (WEST, "web"): "too many go"},
    ),
    "an error comes first": (
        {"plan": AdomPlan(REF, held=(HOLD,), foreign=(replace(TAKEN, name="web"),))},
        {(EAST, "web"): "the name is taken", (WEST, "web"): "the name is taken"},
    ),
    "the whole ADOM is closed": (
        {"plan": AdomPlan(REF, foreign=(CLOSED,))},
        dict.fromkeys(EVERY, "no installs here"),
    ),
    "what should be there is not known": (
        {"desired": silent(wanted("web", {WEST: ["10.1.0.1"]}))},
        {(EAST, "web"): "what should be there is not known: west was not read"},
    ),
    "nor why": ({"desired": desired(wanted("web", {EAST: []}, retain=True))}, {}),
    "it is known, whatever was said": (
        {
            "desired": desired(
                replace(
                    wanted("web", {}),
                    mappings={EAST: DesiredMembers(frozenset(), because="said")},
                )
            )
        },
        {},
    ),
    "of one value for all": (
        {
            "desired": desired(
                replace(
                    shared("web", [], WEST),
                    shared=DesiredMembers(frozenset(), retain=True, because="said"),
                )
            )
        },
        {(WEST, "web"): "what should be there is not known: said"},
    ),
    "nobody says what": ({"desired": desired(replace(shared("web", []), shared=None))}, {}),
    "no policy": (
        {"reach": EVERY - {(WEST, "web")}},
        {(WEST, "web"): "no policy uses it"},
    ),
    "a policy elsewhere": (
        {"reach": EVERY - {(WEST, "web")}, "packages": (EDGE,)},
        {(WEST, "web"): ELSEWHERE},
    ),
    "a policy through a group": (
        {
            "reach": EVERY - {(WEST, "web")},
            "packages": (replace(EDGE, policies=(usages.policy("all-web"),)),),
            "observed": adom(group("all-web", members=("web",), owned=False), group("web")),
        },
        {(WEST, "web"): ELSEWHERE},
    ),
    "a policy on other devices": (
        {"reach": EVERY - {(EAST, "web")}, "packages": (WESTERN,)},
        {(EAST, "web"): OTHERS_ONLY},
    ),
    "a policy on other devices, for one family": (
        {
            "families": {(EAST, "web"): V6},
            "usage": Usage(devices={(V6, "web"): {EAST: "edge"}}),
            "packages": (WESTERN,),
        },
        {(EAST, "web"): f"its IPv4 group does not reach the device: {OTHERS_ONLY}"},
    ),
    "a policy for one family": (
        {"families": {(EAST, "web"): V4}, "usage": Usage(devices={(V4, "web"): {EAST: "edge"}})},
        {(EAST, "web"): in_six("no policy uses it")},
    ),
    "for one family, of a group nobody asks for": ({"families": {(EAST, "app"): V4}}, {}),
    "for one family, on a device nobody asks for": (
        {"families": {(DeviceVdom("x", "root"), "web"): V4}},
        {},
    ),
    "both kinds": (
        {
            "reach": EVERY - {(WEST, "web")},
            "families": {(EAST, "web"): V4},
            "usage": Usage(devices={(V4, "web"): {EAST: "edge"}}),
            "packages": (EDGE,),
        },
        {(WEST, "web"): ELSEWHERE, (EAST, "web"): in_six("no policy uses it")},
    ),
    "an absence is said before what is not known": (
        {
            "reach": EVERY - {(EAST, "web")},
            "desired": silent(wanted("web", {WEST: ["10.1.0.1"]})),
        },
        {(EAST, "web"): "no policy uses it"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REASONS)
def test_each_place_has_its_reason(case: str) -> None:
    changes, expected = REASONS[case]
    reach, families = changes.get("reach", EVERY), changes.get("families", ())
    given = {key: each for key, each in changes.items() if key not in ("reach", "families")}
    assert place_reasons.reasons(seen(**given), NAMES, reach, families) == expected


def test_what_cannot_be_carried_out() -> None:
    """Parts of the sites that are not there stop nothing else, nor does what has no room."""
    plan = AdomPlan(REF, foreign=(PART, TAKEN, NO_ROOM), held=(HOLD,))
    given = seen(plan=plan, desired=replace(desired(), errors=(PART,)))
    assert place_reasons.blocked(given, ["web", "db", "app"]) == {"db"}
    closed = seen(topology=replace(TOPOLOGY, flags=frozenset({"backup"})))
    assert place_reasons.blocked(closed, ["web", "db"]) == {"web", "db"}
    assert place_reasons.blocked(seen(), ["web"]) == frozenset()

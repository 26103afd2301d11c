"""What is answered about a group and a device: a row for each sort of place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.assessing import explain
from fmgsync.assessing.explanation import Scene
from fmgsync.model.adom import Device
from fmgsync.model.rule import GroupRule
from fmgsync.model.view import GroupState
from tests.assessing.scenes import on, view
from tests.assessing.walks import BRANCH, USED, adom, both, branch, held, lines, scene
from tests.planning.estates import EAST, WEST

FINE = view(state=GroupState.IN_SYNC)
LATE = view(because="shut")
OFFLINE = view(device=None, state=GroupState.UNREACHABLE, because="it is off")
UNASKED = view(device=None, state=GroupState.UNKNOWN, because="not asked")
ABSENT = view("db", state=GroupState.NOT_REFERENCED, because="no policy")
WEB = GroupRule("web", "app == 'web'")
RULES = {"rules": (GroupRule("db", "app == 'db'"), WEB)}
FOUR = tuple(GroupRule(name, "all()") for name in "abcd")
OFF = {"unseen": {"fgt-east": "it is off"}}
ELSEWHERE = {"behind": {"fgt-east": frozenset({"test"})}}
GAPS = adom(missing={"fgt-east/dmz": "no such VDOM", "group:all": "no such group"})


def known(online: bool | None, in_sync: bool | None) -> dict[str, Device]:
    """What FortiManager says of the eastern device."""
    return {"fgt-east": Device("fgt-east", ("root",), online, in_sync)}


GROUPS: dict[str, Scene] = {
    "no rule": scene(both(FINE)),
    "no rule of this name": scene(both(FINE), rules=FOUR),
    "no site": scene(both(view("db")), **RULES),
    "perhaps at a place that is off": scene(**RULES, **OFF),
    "all is well": scene(both(FINE), **RULES),
    "of nodes": scene(both(FINE), rules=(GroupRule("web", select_nodes="has(gpu)"),)),
    "two sizes": scene(adom(on(EAST, view(desired="1 2 3")), on(WEST, FINE)), **RULES),
    "not known on one": scene(adom(on(EAST, view(desired=None)), on(WEST, LATE)), **RULES),
    "not known": scene(both(view(desired=None)), **RULES),
    "waiting": scene(both(LATE), **RULES),
    "one does not answer": scene(adom(on(EAST, OFFLINE), on(WEST, FINE)), **RULES),
    "one was not asked": scene(adom(on(EAST, UNASKED), on(WEST, LATE)), **RULES),
    "perhaps of a rule that was not read": scene(both(FINE), unread="cluster east"),
    "perhaps on one that is off as well": scene(both(FINE), **RULES, **OFF),
    "not on one that stands elsewhere": scene(
        both(FINE), rules=(replace(WEB, clusters=frozenset({"prod"})),), **OFF, **ELSEWHERE
    ),
    "perhaps there by another rule": scene(
        both(FINE), rules=(replace(WEB, clusters=frozenset({"prod"})), WEB), **OFF, **ELSEWHERE
    ),
}
DEVICES: dict[str, Scene] = {
    "no site": scene(),
    "a VDOM that is missing": scene(GAPS),
    "a device that is off": scene(**OFF),
    "in sync": scene(adom(on(EAST, FINE, ABSENT), on(WEST, LATE), devices=known(True, True))),
    "offline and out of sync": scene(adom(on(EAST, LATE), devices=known(False, False))),
    "not told": scene(adom(on(EAST, LATE), devices=known(None, None), packages=())),
    "not known there": scene(adom(on(EAST, FINE), packages=(replace(USED, targets=frozenset()),))),
    "silent": scene(adom(on(EAST, FINE, silent="it is off"), devices=known(False, True))),
    "silent, and nobody says why": scene(
        adom(on(EAST, OFFLINE, silent="it is off"), devices=known(None, True))
    ),
    "silent, and called online": scene(
        adom(on(EAST, OFFLINE, FINE, silent="it is off"), devices=known(True, True))
    ),
    "silent, and late": scene(
        adom(on(EAST, OFFLINE, LATE, silent="it is off"), devices=known(True, True))
    ),
    "not asked": scene(adom(on(EAST, UNASKED), devices=known(True, True))),
    "it waits": scene(adom(on(EAST, FINE, LATE), waits={EAST: "asks"}, opens={EAST: "at 6"})),
    "its window": scene(adom(on(EAST, LATE), opens={EAST: "at 6"})),
    "nothing waits": scene(adom(on(EAST, FINE, ABSENT), opens={EAST: "at 6"})),
    "in two clusters": scene(adom(on(EAST), clusters={EAST: frozenset({"b", "a"})})),
}
BRANCHES = scene(branch(LATE, opens={BRANCH: "at 6"}))
POLICY = [
    "policy: yes: policy 1 of package edge (accept, position 1)",
    "  policy 1 of package edge (accept, position 1)",
]
WELL = ["members: yes: 1 members", *POLICY, "devices: yes: in sync on east, west", "  east, west"]
EXPECTED: dict[str, tuple[list[str], dict[str, bool | None]]] = {
    "group: no rule": (["rule, configuration: no: no rule of this name; there are none"], {}),
    "group: no rule of this name": (
        ["rule, configuration: no: no rule of this name; there are a, b, c"],
        {},
    ),
    "group: no site": (
        [
            "rule, configuration: yes: app == 'web'; namespaces all()",
            "site: no: no site is meant for it",
        ],
        {},
    ),
    "group: perhaps at a place that is off": (
        [
            "rule, configuration: yes: app == 'web'; namespaces all()",
            "site: ?: not known: fgt-east could not be looked at",
        ],
        {},
    ),
    "group: all is well": (
        [
            "rule, configuration: yes: app == 'web'; namespaces all()",
            "members: yes: 1 members",
            *POLICY,
            "devices: yes: in sync on east, west",
            "  east, west",
        ],
        {"east": True, "west": True},
    ),
    "group: of nodes": (
        [
            "rule, configuration: yes: has(gpu); namespaces all()",
            "members: yes: 1 members",
            *POLICY,
            "devices: yes: in sync on east, west",
            "  east, west",
        ],
        {"east": True, "west": True},
    ),
    "group: two sizes": (
        [
            "rule, configuration: yes: app == 'web'; namespaces all()",
            "members: yes: 1 to 3 members",
            *POLICY,
            "devices: yes: in sync on west",
            "  west",
            "devices: no: install pending on east",
            "  east",
        ],
        {"east": False, "west": True},
    ),
    "group: not known on one": (
        [
            "rule, configuration: yes: app == 'web'; namespaces all()",
            "members: ?: 1 members; not known on east",
            *POLICY,
            "devices: no: install pending on east",
            "  east",
            "devices: no: install pending on west: shut",
            "  west",
        ],
        {"east": False, "west": False},
    ),
    "group: not known": (
        [
            "rule, configuration: yes: app == 'web'; namespaces all()",
            "members: ?: not known; not known on east, west",
            *POLICY,
            "devices: no: install pending on east, west",
            "  east, west",
        ],
        {"east": False, "west": False},
    ),
    "group: waiting": (
        [
            "rule, configuration: yes: app == 'web'; namespaces all()",
            "members: yes: 1 members",
            *POLICY,
            "devices: no: install pending on east, west: shut",
            "  east, west",
        ],
        {"east": False, "west": False},
    ),
    "group: perhaps on one that is off as well": (
        [
            "rule, configuration: yes: app == 'web'; namespaces all()",
            "site: ?: not known: fgt-east could not be looked at",
            *WELL,
        ],
        {"east": True, "west": True},
    ),
    "group: not on one that stands elsewhere": (
        ["rule, configuration: yes: app == 'web'; namespaces all()", *WELL],
        {"east": True, "west": True},
    ),
    "group: perhaps there by another rule": (
        [
            "rule, configuration: yes: app == 'web'; namespaces all()",
            "site: ?: not known: fgt-east could not be looked at",
            *WELL,
        ],
        {"east": True, "west": True},
    ),
    "group: one does not answer": (
        [
            "rule, configuration: yes: app == 'web'; namespaces all()",
            "members: yes: 1 members",
            *POLICY,
            "devices: yes: in sync on west",
            "  west",
            "devices: ?: unreachable on east: it is off",
            "  east",
        ],
        {"east": None, "west": True},
    ),
    "group: one was not asked": (
        [
            "rule, configuration: yes: app == 'web'; namespaces all()",
            "members: yes: 1 members",
            *POLICY,
            "devices: no: install pending on west: shut",
            "  west",
            "devices: ?: unknown on east: not asked",
            "  east",
        ],
        {"east": None, "west": False},
    ),
    "group: perhaps of a rule that was not read": (
        [
            (
                "rule, configuration: ?: no rule of this name; there are none; not all were read: "
                "cluster east"
            )
        ],
        {},
    ),
    "device: no site": (["site, configuration: no: no site names it"], {}),
    "device: a VDOM that is missing": (["site, hq/prod: no: a site names it: no such VDOM"], {}),
    "device: a device that is off": (
        ["site, fgt-east: ?: a site names it, but it could not be looked at: it is off"],
        {},
    ),
    "device: in sync": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: yes: online",
            "configuration: yes: in sync",
            "package: yes: package edge",
            "  edge",
            "group: yes: web: in sync",
            "  web",
            "group: yes: db: not referenced: no policy",
            "  db",
        ],
        {"east": True},
    ),
    "device: offline and out of sync": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: no: offline",
            "configuration: no: not in sync with FortiManager's copy",
            "package: yes: package edge",
            "  edge",
            "group: no: web: install pending: shut",
            "  web",
        ],
        {"east": False},
    ),
    "device: not told": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: ?: FortiManager does not say",
            "configuration: ?: FortiManager does not say",
            "package: no: no package is assigned to it",
            "group: no: web: install pending: shut",
            "  web",
        ],
        {"east": False},
    ),
    "device: not known there": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: ?: FortiManager does not say",
            "configuration: ?: FortiManager does not say",
            "package: no: no package is assigned to it",
            "group: yes: web: in sync",
            "  web",
        ],
        {"east": True},
    ),
    "device: silent": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: no: it is off",
            "configuration: yes: in sync",
            "package: yes: package edge",
            "  edge",
            "group: yes: web: in sync",
            "  web",
        ],
        {"east": True},
    ),
    "device: silent, and nobody says why": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: ?: it is off",
            "configuration: yes: in sync",
            "package: yes: package edge",
            "  edge",
            "group: ?: web: unreachable: it is off",
            "  web",
        ],
        {"east": None},
    ),
    "device: silent, and called online": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: ?: FortiManager says online, but it did not answer: it is off",
            "configuration: yes: in sync",
            "package: yes: package edge",
            "  edge",
            "group: ?: web: unreachable: it is off",
            "  web",
            "group: yes: web: in sync",
            "  web",
        ],
        {"east": None},
    ),
    "device: silent, and late": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: ?: FortiManager says online, but it did not answer: it is off",
            "configuration: yes: in sync",
            "package: yes: package edge",
            "  edge",
            "group: ?: web: unreachable: it is off",
            "  web",
            "group: no: web: install pending: shut",
            "  web",
        ],
        {"east": False},
    ),
    "device: not asked": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: yes: online",
            "configuration: yes: in sync",
            "package: yes: package edge",
            "  edge",
            "group: ?: web: unknown: not asked",
            "  web",
        ],
        {"east": None},
    ),
    "device: it waits": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: ?: FortiManager does not say",
            "configuration: ?: FortiManager does not say",
            "package: yes: package edge",
            "  edge",
            "group: yes: web: in sync",
            "  web",
            "group: no: web: install pending: shut",
            "  web",
            "install: ?: asks",
        ],
        {"east": False},
    ),
    "device: its window": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: ?: FortiManager does not say",
            "configuration: ?: FortiManager does not say",
            "package: yes: package edge",
            "  edge",
            "group: no: web: install pending: shut",
            "  web",
            "install: ?: at 6",
        ],
        {"east": False},
    ),
    "device: nothing waits": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: ?: FortiManager does not say",
            "configuration: ?: FortiManager does not say",
            "package: yes: package edge",
            "  edge",
            "group: yes: web: in sync",
            "  web",
            "group: yes: db: not referenced: no policy",
            "  db",
        ],
        {"east": True},
    ),
    "device: in two clusters": (
        [
            "site: yes: stands in front of cluster a, b",
            "connection: ?: FortiManager does not say",
            "configuration: ?: FortiManager does not say",
            "package: yes: package edge",
            "  edge",
        ],
        {"east": True},
    ),
    "branch": (
        [
            "site: yes: stands in front of cluster prod",
            "connection: ?: FortiManager does not say",
            "group: no: web: install pending: shut",
            "  web",
            "write: ?: at 6",
        ],
        {"branch-7/root": False},
    ),
}


@pytest.mark.parametrize("case", GROUPS)
def test_what_is_told_of_a_group(case: str) -> None:
    found = explain.group(GROUPS[case], "web")
    told = (lines(found.steps, "group web"), held(found.devices))
    assert (found.question, *told) == ("group web", *EXPECTED[f"group: {case}"])


@pytest.mark.parametrize("name", ["fgt-east", "fgt-east/root"])
@pytest.mark.parametrize("case", DEVICES)
def test_what_is_told_of_a_device(case: str, name: str) -> None:
    """By its name, and by that of its VDOM where it was seen."""
    if name != "fgt-east" and not any(each.views for each in DEVICES[case].adoms):
        name = "fgt-east"
    found = explain.device(DEVICES[case], name)
    told = (lines(found.steps, "fgt-east/root in hq/prod"), held(found.devices))
    assert (found.question, *told) == (f"device {name}", *EXPECTED[f"device: {case}"])


def test_what_is_told_of_a_fortigate() -> None:
    """Nobody manages it: it is written when its window opens."""
    found = explain.device(BRANCHES, "branch-7")
    told = (lines(found.steps, "branch-7/root in branch-7/root"), held(found.devices))
    assert told == EXPECTED["branch"]


def test_a_fortigate_that_did_not_answer_is_not_known() -> None:
    """Nobody else says whether it is online: what says so here is that it was read before."""
    here = {"branch-7": Device("branch-7", ("root",), online=True, in_sync=True)}
    given = branch(OFFLINE, devices=here)
    given = replace(given, views=(replace(given.views[0], silent="it is off"),))
    found = explain.device(scene(given), "branch-7")
    assert (found.answer, held(found.devices)) == ("unknown", {"branch-7/root": None})
    assert lines(found.steps, "branch-7/root in branch-7/root")[1] == "connection: ?: it is off"


@pytest.mark.parametrize("state", GroupState)
def test_only_what_is_known_is_yes_or_no(state: GroupState) -> None:
    """Whichever is asked: the group, or the device."""
    given = scene(adom(on(EAST, view(state=state)), devices=known(True, True)), **RULES)
    told: dict[GroupState, bool | None] = {
        **dict.fromkeys(GroupState, False),
        **dict.fromkeys((GroupState.UNKNOWN, GroupState.UNREACHABLE)),
        GroupState.IN_SYNC: True,
    }
    assert held(explain.group(given, "web").devices) == {"east": told[state]}
    told[GroupState.NOT_REFERENCED] = True  # nothing waits for the device
    assert held(explain.device(given, "fgt-east").devices) == {"east": told[state]}

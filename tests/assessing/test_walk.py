"""The walk of an explanation from a group to its devices: a row for each sort of place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fmgsync.assessing import explanation
from fmgsync.assessing.explanation import Scene, Step
from fmgsync.model.address import Address
from fmgsync.model.adom import Package
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import GroupState
from tests.assessing.scenes import on, view
from tests.assessing.walks import BRANCH, USED, adom, both, branch, held, lines, scene
from tests.planning import usages
from tests.planning.estates import EAST, WEST

ONE, GROUP = Address("10.1.0.1"), "web"
FINE = view(state=GroupState.IN_SYNC)
UNWRITTEN = view(adom=None, database="", device="", state=GroupState.WRITE_PENDING)
UNUSED = {"state": GroupState.NOT_REFERENCED, "because": "no policy uses it"}
LATE = view(database="", device="", because="shut")
SILENT = view(adom=None, database=None, device=None, state=GroupState.UNREACHABLE, because="off")
ABSENT = view(database="", device=None, **UNUSED)
FEW = (DeviceVdom("fgt-10", "root"), DeviceVdom("fgt-2", "root"), EAST, WEST)
HIDDEN = replace(USED, policies=(), unread=("its header", "its footer"))
POLICIES = replace(
    USED,
    policies=(
        usages.policy("other"),
        replace(usages.policy("web", enabled=False), policy_id=2),
        replace(usages.policy(negated=("web",), action=""), policy_id=3),
    ),
)

SCENES: dict[str, tuple[Scene, dict[str, Any]]] = {
    "all is there": (scene(both(FINE, view("db", adom=""))), {}),
    "of another group": (scene(both(view("db"))), {}),
    "no site": (scene(), {}),
    "no site in front of a cluster": (scene(both(FINE)), {"cluster": "test"}),
    "one site in front of it": (
        scene(both(FINE, clusters={EAST: frozenset({"prod", "test"}), WEST: frozenset({"prod"})})),
        {"cluster": "test"},
    ),
    "a device of which no cluster is known": (scene(both(FINE, clusters={})), {"cluster": "prod"}),
    "who could not be asked may be the place": (
        scene(unseen={"a/root": "off", "a/dmz": "off", "b": "off"}), {}
    ),
    "who could not be asked may be one more": (
        scene(both(FINE), unseen={"a": "off", "b": "off"}, behind={"b": frozenset({"prod"})}),
        {"cluster": "prod"},
    ),
    "who could not be asked stands elsewhere": (
        scene(both(FINE), unseen={"a": "off"}, behind={"a": frozenset({"test"})}),
        {"cluster": "prod"},
    ),
    "no site, and who could not be asked stands elsewhere": (
        scene(both(FINE), unseen={"a": "off"}, behind={"a": frozenset({"prod"})}),
        {"cluster": "test"},
    ),
    "still to be written": (scene(both(UNWRITTEN)), {}),
    "not asked": (scene(both(view(adom=None, database=None))), {}),
    "still to be installed": (scene(both(LATE)), {}),
    "it waits": (
        scene(both(LATE, waits={EAST: "asks a person"}, opens={EAST: "opens", WEST: "opens"})), {}
    ),
    "both wait for one thing": (scene(both(LATE, opens={EAST: "at 6", WEST: "at 6"})), {}),
    "nothing waits that is as it should be": (scene(both(FINE, opens={EAST: "at 6"})), {}),
    "what goes waits as well": (scene(both(view(desired=""), opens={EAST: "at 6"})), {}),
    "of what nobody knows nothing waits": (
        scene(both(view(desired=None, device=""), opens={EAST: "at 6"})), {}
    ),
    "no answer": (scene(both(SILENT, opens={EAST: "at 6"})), {}),
    "no answer of one": (scene(adom(on(EAST, FINE), on(WEST, SILENT))), {}),
    "one lacks it, one does not tell": (scene(adom(on(EAST, LATE), on(WEST, SILENT))), {}),
    "no policy brings it to one": (scene(adom(on(EAST, FINE), on(WEST, ABSENT))), {}),
    "nor to the other, for another reason": (
        scene(adom(on(EAST, replace(ABSENT, because="a")), on(WEST, replace(ABSENT, because="b")))),
        {},
    ),
    "no policy uses it, and it is there": (scene(both(view(**UNUSED))), {}),
    "which policies": (
        scene(
            both(
                FINE,
                packages=(POLICIES,),
                observed=usages.adom(usages.group("web"), usages.group("other")),
            )
        ),
        {},
    ),
    "through another group, and directly": (
        scene(
            both(
                FINE,
                packages=(replace(USED, policies=(usages.policy("all", "web"),)), USED),
                observed=usages.adom(usages.group("all", "web", owned=False), usages.group("web")),
            )
        ),
        {},
    ),
    "of two ADOMs": (scene(adom(on(EAST, FINE)), adom(on(WEST, FINE))), {}),
    "policies that nobody may read": (scene(both(FINE, packages=(HIDDEN, HIDDEN))), {}),
    "no packages": (scene(both(FINE, packages=())), {}),
    "a FortiGate": (scene(branch(LATE, opens={BRANCH: "at 6"})), {}),
    "a FortiGate without a policy for it": (
        scene(branch(FINE, packages=[Package("", frozenset({BRANCH}))])), {}
    ),
    "a FortiGate whose policies nobody may read": (
        scene(branch(FINE, packages=[Package("", frozenset({BRANCH}), unread=("all",))])), {}
    ),
    "a FortiGate whose policies are not known": (scene(branch(FINE, packages=[])), {}),
    "a FortiGate and an ADOM, no policy": (
        scene(
            both(FINE, packages=(replace(USED, policies=()),)),
            branch(FINE, packages=[Package("", frozenset({BRANCH}))]),
        ),
        {},
    ),
    "a FortiGate and an ADOM": (scene(adom(on(EAST, FINE)), branch(FINE)), {}),
    "many devices, many reasons": (
        scene(adom(*(on(each, replace(LATE, because=f"r{n}")) for n, each in enumerate(FEW)))), {}
    ),
    "where nobody has it or wants it": (
        scene(adom(on(EAST, FINE), on(WEST, view(desired="", adom="", database="", device="")))),
        {"everywhere": False},
    ),
    "not told by all": (
        scene(adom(on(EAST, view(desired=None, adom=None)), on(WEST, view("db")))),
        {"everywhere": False},
    ),
    "written, with more to come": (scene(both(replace(FINE, state=GroupState.WRITE_PENDING))), {}),
    "it is asked of all": (
        scene(adom(on(EAST, FINE), on(WEST, view(desired="", adom="", database="", device="")))), {}
    ),
}  # fmt: skip
SITE = ["site: yes: meant for east, west", "  east, west"]
ADOM = ["ADOM: yes: 10.1.0.1 is there on east, west", "  10.1.0.1"]
POLICY = [
    "policy: yes: policy 1 of package edge (accept, position 1)",
    "  policy 1 of package edge (accept, position 1)",
]
DATABASE = ["device database: yes: 10.1.0.1 is there on east, west", "  10.1.0.1"]
DEVICE = ["device: yes: 10.1.0.1 is there on east, west", "  10.1.0.1"]
EXPECTED: dict[str, tuple[list[str], dict[str, bool | None]]] = {
    "all is there": ([*SITE, *ADOM, *POLICY, *DATABASE, *DEVICE], {"east": True, "west": True}),
    "of another group": (["site: no: nowhere"], {}),
    "no site": (["site: no: nowhere"], {}),
    "no site in front of a cluster": (
        ["site: no: no site puts a FortiGate in front of cluster test"],
        {},
    ),
    "one site in front of it": (
        [
            "site: yes: meant for east",
            "  east",
            "ADOM: yes: 10.1.0.1 is there on east",
            "  10.1.0.1",
            *POLICY,
            "device database: yes: 10.1.0.1 is there on east",
            "  10.1.0.1",
            "device: yes: 10.1.0.1 is there on east",
            "  10.1.0.1",
        ],
        {"east": True},
    ),
    "a device of which no cluster is known": (
        ["site: no: no site puts a FortiGate in front of cluster prod"],
        {},
    ),
    "who could not be asked may be the place": (
        ["site: ?: not known: a, b could not be looked at"],
        {},
    ),
    "who could not be asked may be one more": (
        [
            *SITE,
            "site: ?: not known: a, b could not be looked at",
            *ADOM,
            *POLICY,
            *DATABASE,
            *DEVICE,
        ],
        {"east": True, "west": True},
    ),
    "who could not be asked stands elsewhere": (
        [*SITE, *ADOM, *POLICY, *DATABASE, *DEVICE],
        {"east": True, "west": True},
    ),
    "no site, and who could not be asked stands elsewhere": (
        ["site: no: no site puts a FortiGate in front of cluster test"],
        {},
    ),
    "still to be written": (
        [
            *SITE,
            "ADOM: no: 10.1.0.1 is not there on east, west (write pending)",
            "  10.1.0.1",
            *POLICY,
            "device database: no: 10.1.0.1 is not there on east, west (write pending)",
            "  10.1.0.1",
            "device: no: 10.1.0.1 is not there on east, west (write pending)",
            "  10.1.0.1",
        ],
        {"east": False, "west": False},
    ),
    "not asked": (
        [
            *SITE,
            "ADOM: ?: not known on east, west (install pending)",
            "  10.1.0.1",
            *POLICY,
            "device database: ?: not known on east, west (install pending)",
            "  10.1.0.1",
            *DEVICE,
        ],
        {"east": True, "west": True},
    ),
    "still to be installed": (
        [
            *SITE,
            *ADOM,
            *POLICY,
            "device database: no: 10.1.0.1 is not there on east, west (install pending: shut)",
            "  10.1.0.1",
            "device: no: 10.1.0.1 is not there on east, west (install pending: shut)",
            "  10.1.0.1",
        ],
        {"east": False, "west": False},
    ),
    "it waits": (
        [
            *SITE,
            *ADOM,
            *POLICY,
            "device database: no: 10.1.0.1 is not there on east, west (install pending: shut)",
            "  10.1.0.1",
            "device: no: 10.1.0.1 is not there on east, west (install pending: shut)",
            "  10.1.0.1",
            "install: no: east: asks a person",
            "  east",
            "install: no: west: opens",
            "  west",
        ],
        {"east": False, "west": False},
    ),
    "both wait for one thing": (
        [
            *SITE,
            *ADOM,
            *POLICY,
            "device database: no: 10.1.0.1 is not there on east, west (install pending: shut)",
            "  10.1.0.1",
            "device: no: 10.1.0.1 is not there on east, west (install pending: shut)",
            "  10.1.0.1",
            "install: no: east, west: at 6",
            "  east, west",
        ],
        {"east": False, "west": False},
    ),
    "nothing waits that is as it should be": (
        [*SITE, *ADOM, *POLICY, *DATABASE, *DEVICE],
        {"east": True, "west": True},
    ),
    "what goes waits as well": (
        [*SITE, *ADOM, *POLICY, *DATABASE, *DEVICE, "install: no: east: at 6", "  east"],
        {"east": True, "west": True},
    ),
    "of what nobody knows nothing waits": (
        [
            *SITE,
            *ADOM,
            *POLICY,
            *DATABASE,
            "device: no: 10.1.0.1 is not there on east, west (install pending)",
            "  10.1.0.1",
        ],
        {"east": False, "west": False},
    ),
    "no answer": (
        [
            *SITE,
            "ADOM: ?: not known on east, west (unreachable: off)",
            "  10.1.0.1",
            *POLICY,
            "device database: ?: not known on east, west (unreachable: off)",
            "  10.1.0.1",
            "device: ?: not known on east, west (unreachable: off)",
            "  10.1.0.1",
            "install: no: east: at 6",
            "  east",
        ],
        {"east": None, "west": None},
    ),
    "no answer of one": (
        [
            *SITE,
            "ADOM: ?: not known on west (unreachable: off)",
            "  10.1.0.1",
            *POLICY,
            "device database: ?: not known on west (unreachable: off)",
            "  10.1.0.1",
            "device: ?: not known on west (unreachable: off)",
            "  10.1.0.1",
        ],
        {"east": True, "west": None},
    ),
    "one lacks it, one does not tell": (
        [
            *SITE,
            "ADOM: ?: not known on west (unreachable: off)",
            "  10.1.0.1",
            *POLICY,
            "device database: no: 10.1.0.1 is not there on east (install pending: shut)",
            "  10.1.0.1",
            "device: no: 10.1.0.1 is not there on east (install pending: shut)",
            "  10.1.0.1",
        ],
        {"east": False, "west": None},
    ),
    "no policy brings it to one": (
        [
            *SITE,
            *ADOM,
            "policy: no: none brings it to west: no policy uses it",
            "  policy 1 of package edge (accept, position 1)",
            (
                "device database: no: 10.1.0.1 is not there on west (not referenced: no policy "
                "uses it)"
            ),
            "  10.1.0.1",
            "device: ?: not known on west (not referenced: no policy uses it)",
            "  10.1.0.1",
        ],
        {"east": True, "west": False},
    ),
    "nor to the other, for another reason": (
        [
            *SITE,
            *ADOM,
            "policy: no: none brings it to east, west: a; b",
            "  policy 1 of package edge (accept, position 1)",
            (
                "device database: no: 10.1.0.1 is not there on east, west (not referenced: a; not"
                " referenced: b)"
            ),
            "  10.1.0.1",
            "device: ?: not known on east, west (not referenced: a; not referenced: b)",
            "  10.1.0.1",
        ],
        {"east": False, "west": False},
    ),
    "no policy uses it, and it is there": (
        [
            *SITE,
            *ADOM,
            "policy: no: none brings it to east, west: no policy uses it",
            "  policy 1 of package edge (accept, position 1)",
            *DATABASE,
            *DEVICE,
        ],
        {"east": True, "west": True},
    ),
    "which policies": (
        [
            *SITE,
            *ADOM,
            (
                "policy: yes: policy 2 of package edge (accept, position 2, disabled); policy 3 "
                "of package edge (deny, position 3)"
            ),
            (
                "  policy 2 of package edge (accept, position 2, disabled), policy 3 of package "
                "edge (deny, position 3)"
            ),
            *DATABASE,
            *DEVICE,
        ],
        {"east": True, "west": True},
    ),
    "through another group, and directly": (
        [
            *SITE,
            *ADOM,
            (
                "policy: yes: policy 1 of package edge (accept, position 1); policy 1 of package "
                "edge (accept, position 1)"
            ),
            (
                "  policy 1 of package edge (accept, position 1), policy 1 of package edge "
                "(accept, position 1)"
            ),
            *DATABASE,
            *DEVICE,
        ],
        {"east": True, "west": True},
    ),
    "of two ADOMs": (
        [
            *SITE,
            *ADOM,
            (
                "policy: yes: policy 1 of package edge (accept, position 1); policy 1 of package "
                "edge (accept, position 1)"
            ),
            (
                "  policy 1 of package edge (accept, position 1), policy 1 of package edge "
                "(accept, position 1)"
            ),
            *DATABASE,
            *DEVICE,
        ],
        {"east": True, "west": True},
    ),
    "policies that nobody may read": (
        [*SITE, *ADOM, "policy: ?: not known: its header; its footer", *DATABASE, *DEVICE],
        {"east": True, "west": True},
    ),
    "no packages": (
        [*SITE, *ADOM, "policy: ?: not known", *DATABASE, *DEVICE],
        {"east": True, "west": True},
    ),
    "a FortiGate": (
        [
            "site: yes: meant for branch-7/root",
            "  branch-7/root",
            "policy: yes: policy 1 (accept, position 1)",
            "  policy 1 (accept, position 1)",
            "device: no: 10.1.0.1 is not there on branch-7/root (install pending: shut)",
            "  10.1.0.1",
            "write: no: branch-7/root: at 6",
            "  branch-7/root",
        ],
        {"branch-7/root": False},
    ),
    "a FortiGate without a policy for it": (
        [
            "site: yes: meant for branch-7/root",
            "  branch-7/root",
            (
                "policy: yes: it is there, but no policy uses it on branch-7/root: nothing is let"
                " through by it"
            ),
            "device: yes: 10.1.0.1 is there on branch-7/root",
            "  10.1.0.1",
        ],
        {"branch-7/root": True},
    ),
    "a FortiGate whose policies nobody may read": (
        [
            "site: yes: meant for branch-7/root",
            "  branch-7/root",
            "policy: ?: not known: all",
            "device: yes: 10.1.0.1 is there on branch-7/root",
            "  10.1.0.1",
        ],
        {"branch-7/root": True},
    ),
    "a FortiGate whose policies are not known": (
        [
            "site: yes: meant for branch-7/root",
            "  branch-7/root",
            "policy: ?: not known",
            "device: yes: 10.1.0.1 is there on branch-7/root",
            "  10.1.0.1",
        ],
        {"branch-7/root": True},
    ),
    "a FortiGate and an ADOM, no policy": (
        [
            "site: yes: meant for branch-7/root, east, west",
            "  east, west, branch-7/root",
            *ADOM,
            "policy: ?: not known",
            *DATABASE,
            "device: yes: 10.1.0.1 is there on branch-7/root, east, west",
            "  10.1.0.1",
        ],
        {"east": True, "west": True, "branch-7/root": True},
    ),
    "a FortiGate and an ADOM": (
        [
            "site: yes: meant for branch-7/root, east",
            "  east, branch-7/root",
            "ADOM: yes: 10.1.0.1 is there on east",
            "  10.1.0.1",
            (
                "policy: yes: policy 1 of package edge (accept, position 1); policy 1 (accept, "
                "position 1)"
            ),
            "  policy 1 of package edge (accept, position 1), policy 1 (accept, position 1)",
            "device database: yes: 10.1.0.1 is there on east",
            "  10.1.0.1",
            "device: yes: 10.1.0.1 is there on branch-7/root, east",
            "  10.1.0.1",
        ],
        {"east": True, "branch-7/root": True},
    ),
    "many devices, many reasons": (
        [
            "site: yes: meant for fgt-2/root, fgt-10/root, east and 1 more",
            "  fgt-10/root, fgt-2/root, east, west",
            "ADOM: yes: 10.1.0.1 is there on fgt-2/root, fgt-10/root, east and 1 more",
            "  10.1.0.1",
            *POLICY,
            (
                "device database: no: 10.1.0.1 is not there on fgt-2/root, fgt-10/root, east and "
                "1 more (install pending: r0; install pending: r1; install pending: r2)"
            ),
            "  10.1.0.1",
            (
                "device: no: 10.1.0.1 is not there on fgt-2/root, fgt-10/root, east and 1 more "
                "(install pending: r0; install pending: r1; install pending: r2)"
            ),
            "  10.1.0.1",
        ],
        {"fgt-10/root": False, "fgt-2/root": False, "east": False, "west": False},
    ),
    "where nobody has it or wants it": (
        [
            "site: yes: meant for east",
            "  east",
            "ADOM: yes: 10.1.0.1 is there on east",
            "  10.1.0.1",
            *POLICY,
            "device database: yes: 10.1.0.1 is there on east",
            "  10.1.0.1",
            "device: yes: 10.1.0.1 is there on east",
            "  10.1.0.1",
        ],
        {"east": True},
    ),
    "not told by all": (
        [
            "site: yes: meant for east",
            "  east",
            "ADOM: ?: not known on east (install pending)",
            "  10.1.0.1",
            *POLICY,
            "device database: yes: 10.1.0.1 is there on east",
            "  10.1.0.1",
            "device: yes: 10.1.0.1 is there on east",
            "  10.1.0.1",
        ],
        {"east": True},
    ),
    "written, with more to come": (
        [*SITE, *ADOM, *POLICY, *DATABASE, *DEVICE],
        {"east": True, "west": True},
    ),
    "it is asked of all": (
        [
            *SITE,
            "ADOM: no: 10.1.0.1 is not there on west (install pending)",
            "  10.1.0.1",
            *POLICY,
            "device database: no: 10.1.0.1 is not there on west (install pending)",
            "  10.1.0.1",
            "device: no: 10.1.0.1 is not there on west (install pending)",
            "  10.1.0.1",
        ],
        {"east": True, "west": False},
    ),
}


@pytest.mark.parametrize("case", SCENES)
def test_each_stage_is_a_step(case: str) -> None:
    given, more = SCENES[case]
    steps: list[Step] = []
    cluster = more.get("cluster")
    everywhere = more.get("everywhere", True)
    found = explanation.chain(given, GROUP, cluster, ONE, steps, everywhere=everywhere)
    assert (lines(steps, "group web"), held(found.items())) == EXPECTED[case]

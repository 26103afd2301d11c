"""What sites name becomes devices of an ADOM; what is not there is told, and the rest goes on."""

from __future__ import annotations

import pytest

from fmgsync import errors
from fmgsync.model.adom import AdomTopology, Device, Workspace
from fmgsync.model.rule import ResolvedSite, Site
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.planning import sites
from tests.planning.estates import EAST, REF, WEST

DMZ, LAN = DeviceVdom("fgt-multi", "dmz"), DeviceVdom("fgt-multi", "lan")
COMING = DeviceVdom("fgt-coming", "root")
GONE = DeviceVdom("fgt-retired", "root")
TOPOLOGY = AdomTopology(
    REF,
    (7, 4),
    Workspace.DISABLED,
    {
        "fgt-east": Device("fgt-east", ("root",)),
        "fgt-west": Device("fgt-west", ("root",)),
        "fgt-multi": Device("fgt-multi", ("dmz", "lan")),
        "fgt-coming": Device("fgt-coming", ("root",), is_model=True),
        "fgt-empty": Device("fgt-empty", ()),
    },
    {
        "edges": frozenset({EAST, WEST, COMING, GONE}),
        "edges-old": frozenset(),
        "edge": frozenset({LAN}),
    },
)


def site(*devices: str, adom: TargetRef = REF, overlap: bool = False) -> Site:
    return Site(frozenset({"east"}), adom, devices, overlap)


def resolved(*sites_of: Site) -> tuple[ResolvedSite, ...]:
    return sites.resolve(sites_of, TOPOLOGY)


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("fgt-east", {EAST}),
        ("fgt-east/root", {EAST}),
        ("fgt-multi/lan", {LAN}),
        ("fgt-coming", set()),  # A model device has no FortiGate yet.
        ("fgt-coming/root", set()),
        ("group:edges", {EAST, WEST, GONE}),  # Of a device that nobody lists nothing is known.
        ("group:edges-old", set()),
        ("group:edge", {LAN}),
    ],
)
def test_a_name_stands_for_devices(name: str, targets: set[DeviceVdom]) -> None:
    assert resolved(site(name, overlap=True)) == (
        ResolvedSite(frozenset({"east"}), REF, frozenset(targets), True),
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("fgt-eats", "no device 'fgt-eats' (nearest: 'fgt-east')"),
        ("fgt-eats/root", "no device 'fgt-eats' (nearest: 'fgt-east')"),
        ("router", "no device 'router'"),
        ("edges", "no device 'edges'"),
        ("group:edgs", "no device group 'edgs' (nearest: 'edges')"),
        ("group:fgt-east", "no device group 'fgt-east'"),
        (
            "fgt-multi",
            "device 'fgt-multi' has several VDOMs, name one: fgt-multi/dmz, fgt-multi/lan",
        ),
        (
            "fgt-multi/wan",
            "device 'fgt-multi' has no VDOM 'wan' in this ADOM, which has of it: dmz, lan",
        ),
        ("fgt-empty", "device 'fgt-empty' has no VDOM in this ADOM, which has of it: none"),
        (
            "fgt-empty/root",
            "device 'fgt-empty' has no VDOM 'root' in this ADOM, which has of it: none",
        ),
    ],
)
def test_what_is_not_there_is_an_error_of_its_part(name: str, why: str) -> None:
    """Beside something that is there; alone it stops the ADOM."""
    missing = ((name, why),)
    assert resolved(site("fgt-west", name, "fgt-multi/dmz")) == (
        ResolvedSite(frozenset({"east"}), REF, frozenset({WEST, DMZ}), False, missing),
    )
    lost, well = resolved(site(name), site("fgt-west"))
    assert (lost.targets, lost.missing, well.missing) == (frozenset(), missing, ())
    with pytest.raises(errors.UnknownDevice) as told:
        resolved(site(name), site(name, "group:edges-old"))
    assert told.value.message == why
    assert (told.value.fortimanager, told.value.adom) == ("hq", "prod")
    assert "correct 'sites'" in str(told.value.next_step)


def test_all_that_is_not_there_is_told_and_other_adoms_are_not_looked_at() -> None:
    with pytest.raises(errors.UnknownDevice, match=r"no device 'x'; no device 'y'"):
        resolved(site("x", "y"))
    assert resolved(site("x", adom=TargetRef("hq", "lab"))) == ()
    there, *_ = resolved(site("x", adom=TargetRef("hq", "lab")), site("fgt-east"))
    assert there.targets == {EAST}

"""Whose edits an install would push."""

from __future__ import annotations

import pytest

from fmgsync.model.address import Address, Family
from fmgsync.model.preview import DevicePreview, Marked, PendingEdit, Source
from fmgsync.model.state import ObservedAddress, ObservedAdom, ObservedGroup
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.scheduling import foreign
from fmgsync.scheduling.foreign import ForeignChanges, Owners

REF = TargetRef("hq", "prod")
FGT, OTHER = DeviceVdom("fgt", "root"), DeviceVdom("fgt", "dmz")
AWAY = DeviceVdom("away", "root")
V4, V6 = Family.IPV4, Family.IPV6


def address(name: str, value: str | None, *, owned: bool = True) -> ObservedAddress:
    found = None if value is None else Address(value)
    return ObservedAddress(name, V6 if value and ":" in value else V4, found, "", owned)


def marked(owner: str, groups: dict[str, tuple[str, ...]], *addresses: ObservedAddress) -> Marked:
    """Groups as they are on fgt/root; on fgt/dmz they hold `none`, and elsewhere anything."""
    made = {
        (family, name): ObservedGroup(
            name,
            family,
            ("none",),
            {FGT: members, OTHER: ("none",), AWAY: ("all",)},
            "",
            owned=name != "k8s-theirs",
        )
        for family in Family
        for name, members in groups.items()
    }
    return Marked(owner, ObservedAdom(REF, {(a.family, a.name): a for a in addresses}, made))


OURS_IN_ADOM = marked(
    "prod",
    {
        "k8s-web": ("prod_10.1.0.9", "none"),
        "k8s-web.12": ("none",),
        "k8s-theirs": ("none",),
    },
    address("prod_10.1.0.9", "10.1.0.9"),
    address("prod_10.1.0.8_30", "10.1.0.8/30"),
    address("prod_2001-db8--9", "2001:db8::9"),
    address("prod_none", "0.0.0.0"),
    address("prod_10.66.6.6", "10.0.0.0/8", owned=False),
    address("prod_10.1.0.3", "10.1.0.3", owned=False),
    # Ours, of a name and a value that say nothing.
    address("prod_web", None),
    # Ours, and somebody has changed it.
    address("prod_10.1.0.7", "10.0.0.0/8"),
    address("prod_10.1.0.6", None),
)
OURS = Marked(
    "prod",
    OURS_IN_ADOM.adom,
    {FGT: frozenset({("firewall address", (V4, "prod_10.1.0.5"))})},
)
STAGE = marked(
    "stage",
    {"k8s-stage": ("stage_10.1.0.9",)},
    address("stage_10.1.0.9", "10.1.0.9"),
    address("stage_10.1.0.8", "10.0.0.0/8"),
)
OWNERS = Owners(OURS, (STAGE,), (FGT, OTHER, AWAY))


def edit(
    table: str, name: str | None, *lines: str, deletes: bool = False, vdom: str | None = "root"
) -> PendingEdit:
    return PendingEdit(table, name, lines, vdom, deletes=deletes)


HOST = "255.255.255.255"
WEB = 'set member "none" "prod_10.1.0.9"'


@pytest.mark.parametrize(
    ("pending", "source"),
    [
        (edit("firewall address", "prod_10.1.0.9", f"set subnet 10.1.0.9 {HOST}"), Source.OWN),
        (edit("firewall address", "prod_10.1.0.9", "set subnet 10.1.0.9/32"), Source.OWN),
        (edit("firewall address", "prod_10.1.0.8_30", "set subnet 10.1.0.8 255.255.255.252"),
         Source.OWN),
        (edit("firewall address6", "prod_2001-db8--9", "set ip6 2001:db8::9/128"), Source.OWN),
        (edit("firewall address", "prod_none", f"set subnet 0.0.0.0 {HOST}"), Source.OWN),
        (edit("firewall addrgrp", "k8s-web", WEB), Source.OWN),
        (edit("firewall addrgrp", "k8s-web", WEB, vdom=None), Source.OWN),
        (edit("firewall addrgrp6", "k8s-web.12", "set member none"), Source.OWN),
        (edit("firewall addrgrp", "k8s-web", 'set comment "x"', "set color 3", "unset exclude",
              "set exclude disable", "set category default"), Source.OWN),
        (edit("firewall addrgrp", "k8s-stage", 'set member "stage_10.1.0.9"'), Source.PEER),
        (edit("firewall address", "stage_10.1.0.9", "set subnet 10.1.0.9/32"), Source.PEER),
        # Only what was written: another value, other members, another VDOM's members.
        (edit("firewall address", "prod_10.1.0.9", "set subnet 10.0.0.0 255.0.0.0"),
         Source.FOREIGN),
        (edit("firewall address", "prod_10.1.0.9", "unset subnet"), Source.FOREIGN),
        (edit("firewall address", "prod_10.1.0.9", "set subnet nonsense"), Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-web", 'set member "all"'), Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-web", 'set member "prod_10.1.0.9" "none" "all"'),
         Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-web", WEB, vdom="dmz"), Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-web", WEB, 'set member "all"'), Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-stage", 'set member "all"'), Source.FOREIGN),
        # Marked, but no longer what its name says.
        (edit("firewall address", "prod_10.1.0.7", "set subnet 10.0.0.0 255.0.0.0"),
         Source.FOREIGN),
        (edit("firewall address", "prod_10.1.0.6", "set type fqdn", "set fqdn x"), Source.FOREIGN),
        (edit("firewall address", "stage_10.1.0.8", "set subnet 10.0.0.0 255.0.0.0"),
         Source.FOREIGN),
        # A name like ours, without the mark.
        (edit("firewall address", "prod_10.66.6.6", "set subnet 10.0.0.0 255.0.0.0"),
         Source.FOREIGN),
        (edit("firewall address", "prod_10.66.6.6", deletes=True), Source.FOREIGN),
        (edit("firewall address", "prod_10.1.0.3", "set subnet 10.1.0.3/32"), Source.FOREIGN),
        (edit("firewall address", "prod_web", "set color 3"), Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-theirs", "set member none"), Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-theirs", deletes=True), Source.FOREIGN),
        # What the group holds on another device of the same install.
        (edit("firewall addrgrp", "k8s-web", 'set member "all"', vdom=None), Source.FOREIGN),
        (edit("firewall address", "prod_10.1.0.4", "set subnet 10.1.0.4/32"), Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-db", "set member none"), Source.FOREIGN),
        # What is gone from the ADOM: by the mark in FortiManager's copy of the device.
        (edit("firewall address", "prod_10.1.0.5", deletes=True), Source.OWN),
        (edit("firewall address", "prod_10.1.0.5", deletes=True, vdom="dmz"), Source.FOREIGN),
        (edit("firewall addrgrp", "prod_10.1.0.5", deletes=True), Source.FOREIGN),
        (edit("firewall address", "prod_10.1.0.4", deletes=True), Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-web", deletes=True), Source.OWN),
        # An owner that marked nothing here is nobody.
        (edit("firewall address", "other_10.1.0.9", "set subnet 10.1.0.9/32"), Source.FOREIGN),
        # What somebody had set, set back.
        (edit("firewall address", "prod_10.1.0.9", 'set associated-interface "any"',
              "set fabric-object disable"), Source.OWN),
        (edit("firewall addrgrp", "k8s-web", "set type default"), Source.OWN),
        # Fields that we never write.
        (edit("firewall address", "prod_10.1.0.9", 'set associated-interface "dmz"'),
         Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-web", "set exclude enable"), Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-web", 'set exclude-member "all"'), Source.FOREIGN),
        (edit("firewall policy", "k8s-web", "set srcaddr all"), Source.FOREIGN),
        (edit("firewall policy", "7", 'set dstaddr "k8s-web"'), Source.FOREIGN),
        (edit("system global", None, "set hostname x"), Source.FOREIGN),
        (edit("firewall address", None, "purge"), Source.FOREIGN),
        (edit("", None, "execute reboot"), Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-web", "unset member"), Source.FOREIGN),
        (edit("firewall address6", "prod_2001-db8--9", "unset ip6"), Source.FOREIGN),
        (edit("firewall address", "prod_10.1.0.7", "set color 3"), Source.FOREIGN),
        (edit("firewall address", "prod_10.1.0.9", "set color 3"), Source.OWN),
        # Without a VDOM: one of those of the install.
        (edit("firewall address", "prod_10.1.0.5", deletes=True, vdom=None), Source.OWN),
        # Nothing hides inside an object of ours.
        (edit("firewall addrgrp", "k8s-web", "config tagging", "edit x"), Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-web", 'set comment "a\nb"'), Source.FOREIGN),
    ],
)  # fmt: skip
def test_whose_edit_it_is(pending: PendingEdit, source: Source) -> None:
    assert OWNERS.source_of("fgt", pending) is source


MINE = edit("firewall addrgrp", "k8s-web.12", "set member none")
THEIRS = edit("firewall policy", "7", "set srcaddr all")
PREVIEWS = (
    DevicePreview("mixed", (MINE, THEIRS)),
    DevicePreview("ours", (MINE,)),
    DevicePreview("nothing"),
    DevicePreview("silent", problem="the task failed"),
)
EVERYWHERE = Owners(OURS, places=tuple(DeviceVdom(p.device, "root") for p in PREVIEWS))
DIGEST = foreign.digest(REF, "mixed", [THEIRS])


@pytest.mark.parametrize(
    ("policy", "approved", "install", "blocked"),
    [
        (ForeignChanges.BLOCK, "", ["ours"], ["mixed", "silent"]),
        (ForeignChanges.BLOCK, DIGEST, ["mixed", "ours"], ["silent"]),
        # Another device's edits, or the same with another line, were not let through.
        (ForeignChanges.BLOCK, foreign.digest(REF, "ours", [THEIRS]), ["ours"],
         ["mixed", "silent"]),
        (ForeignChanges.REPORT, "", ["mixed", "ours"], ["silent"]),
        (ForeignChanges.ALLOW, "", ["mixed", "ours", "silent"], []),
    ],
)  # fmt: skip
def test_devices_are_sorted_by_policy(
    policy: ForeignChanges, approved: str, install: list[str], blocked: list[str]
) -> None:
    found = foreign.judge(PREVIEWS, EVERYWHERE, policy, ref=REF, approved={approved})
    assert found.install == install
    assert found.empty == ["nothing"]
    assert sorted(found.blocked) == blocked
    assert found.foreign == {"mixed": (THEIRS,)}
    assert found.let_through == ({"mixed": DIGEST} if approved == DIGEST else {})
    unseen = {} if blocked else {"silent": "the task failed"}
    assert (found.unseen, found.peers) == (unseen, {})


def test_edits_of_peers_go_along_and_are_told() -> None:
    peers = edit("firewall addrgrp", "k8s-stage", 'set member "stage_10.1.0.9"')
    found = foreign.judge(
        [DevicePreview("fgt", (MINE, peers))], OWNERS, ForeignChanges.BLOCK, ref=REF
    )
    assert (found.install, found.foreign, found.peers) == (["fgt"], {}, {"fgt": (peers,)})


def test_only_addresses_and_groups_with_a_name_have_a_key() -> None:
    assert foreign.key_of(MINE) == (V4, "k8s-web.12")
    assert foreign.key_of(THEIRS) is None
    assert foreign.key_of(edit("firewall address", None, "purge")) is None


def test_a_digest_stands_for_each_line_of_each_edit() -> None:
    edits = [
        [],
        [THEIRS],
        [THEIRS, THEIRS],
        [edit("firewall policy", "7", "set srcaddr all", "set dstaddr all")],
        [edit("firewall policy", "8", "set srcaddr all")],
        [edit("firewall policy", "7", "set srcaddr all", vdom="dmz")],
        [edit("firewall policy", "7", "set srcaddr all", deletes=True)],
    ]
    assert len({foreign.digest(REF, "fgt", each) for each in edits}) == len(edits)


def test_one_edit_is_one() -> None:
    found = foreign.judge(PREVIEWS[:1], EVERYWHERE, ForeignChanges.BLOCK, ref=REF)
    assert "push 1 edit of other people: firewall policy 7" in found.blocked["mixed"]


def test_the_reason_names_the_objects_and_the_way_out() -> None:
    edits = [edit("firewall policy", str(n)) for n in range(5)]
    many = DevicePreview("fgt", tuple(edits))
    found = foreign.judge([many], OWNERS, ForeignChanges.BLOCK, ref=REF)
    assert found.blocked["fgt"] == (
        "an install would also push 5 edits of other people: firewall policy 0 in VDOM root,"
        " firewall policy 1 in VDOM root, firewall policy 2 in VDOM root and 2 more;"
        f" 'fmgsync approve {found.digests['fgt']}' lets them go along once"
    )

"""Whose edits an install would push."""

from __future__ import annotations

import pytest

from fmgsync.model.preview import DevicePreview, PendingEdit, Source
from fmgsync.scheduling import foreign
from fmgsync.scheduling.foreign import ForeignChanges, Owners

OWNERS = Owners("prod", frozenset({"k8s-web"}), {"k8s-stage": "stage"})


def edit(table: str, name: str | None, *lines: str, deletes: bool = False) -> PendingEdit:
    return PendingEdit(table, name, lines, deletes=deletes)


@pytest.mark.parametrize(
    ("pending", "source"),
    [
        (edit("firewall address", "prod_10.1.0.9", "set subnet 10.1.0.9/32"), Source.OWN),
        (edit("firewall address6", "prod_2001-db8--9", "set ip6 2001:db8::9/128"), Source.OWN),
        (edit("firewall address", "prod_none", "set subnet 0.0.0.0/32"), Source.OWN),
        (edit("firewall address", "prod_10.1.0.5", deletes=True), Source.OWN),
        (edit("firewall addrgrp", "k8s-web", "set member none"), Source.OWN),
        (edit("firewall addrgrp6", "k8s-web.12", "set member none"), Source.OWN),
        (edit("firewall addrgrp", "k8s-stage", "set member none"), Source.PEER),
        (edit("firewall address", "stage_10.1.0.9", "set subnet 10.1.0.9/32"), Source.PEER),
        # An owner that marked no group here is nobody.
        (edit("firewall address", "other_10.1.0.9", "set subnet 10.1.0.9/32"), Source.FOREIGN),
        # A name that only begins like ours.
        (edit("firewall address", "prod_gateway", "set subnet 10.1.0.9/32"), Source.FOREIGN),
        (edit("firewall policy", "k8s-web", "set srcaddr all"), Source.FOREIGN),
        (edit("firewall policy", "7", 'set dstaddr "k8s-web"'), Source.FOREIGN),
        (edit("system global", None, "set hostname x"), Source.FOREIGN),
        (edit("firewall address", None, "purge"), Source.FOREIGN),
        (edit("", None, "execute reboot"), Source.FOREIGN),
        # Nothing hides inside an object of ours.
        (edit("firewall addrgrp", "k8s-web", "config tagging", "edit x"), Source.FOREIGN),
        (edit("firewall addrgrp", "k8s-web", 'set comment "a\nb"'), Source.FOREIGN),
    ],
)
def test_whose_edit_it_is(pending: PendingEdit, source: Source) -> None:
    assert OWNERS.source_of(pending) is source


OURS = edit("firewall addrgrp", "k8s-web", "set member none")
THEIRS = edit("firewall policy", "7", "set srcaddr all")
PREVIEWS = (
    DevicePreview("mixed", (OURS, THEIRS)),
    DevicePreview("ours", (OURS,)),
    DevicePreview("nothing"),
    DevicePreview("silent", problem="the task failed"),
)


@pytest.mark.parametrize(
    ("policy", "install", "blocked"),
    [
        (ForeignChanges.BLOCK, ("ours",), ["mixed", "silent"]),
        (ForeignChanges.REPORT, ("mixed", "ours"), ["silent"]),
    ],
)
def test_devices_are_sorted_by_policy(
    policy: ForeignChanges, install: tuple[str, ...], blocked: list[str]
) -> None:
    found = foreign.judge(PREVIEWS, OWNERS, policy)
    assert found.install == install
    assert found.empty == ("nothing",)
    assert sorted(found.blocked) == blocked
    assert found.foreign == {"mixed": (THEIRS,)}


def test_the_reason_names_the_objects() -> None:
    many = DevicePreview("fgt", tuple(edit("firewall policy", str(n)) for n in range(5)))
    found = foreign.judge([many], OWNERS, ForeignChanges.BLOCK)
    assert found.blocked["fgt"] == (
        "an install would also push 5 edits of other people: "
        "firewall policy 0, firewall policy 1, firewall policy 2 and 2 more"
    )


USES_OURS = edit("firewall policy", "9", 'set srcaddr "all"', 'set dstaddr "a b" "k8s-web"')
ALL = edit("firewall address", "all", "set subnet 0.0.0.0 0.0.0.0")
APPS = edit("firewall addrgrp", "apps", 'set member "k8s-web" "db"')
DB = edit("firewall address", "db", "set subnet 10.9.0.1/32")


@pytest.mark.parametrize(
    ("edits", "asked"),
    [
        ([USES_OURS], {USES_OURS}),
        ([edit("firewall policy", "9", "set dstaddr6 k8s-web")], {"firewall policy 9"}),
        # With what the policy needs, and through groups of other people.
        ([USES_OURS, ALL, DB], {USES_OURS, ALL}),
        ([edit("firewall policy", "8", "set dstaddr apps"), APPS, DB, ALL],
         {"firewall policy 8", APPS, DB}),
        ([edit("firewall policy", "9", 'set comments "k8s-web"')], set()),
        ([edit("firewall policy", "9", 'set dstaddr "not k8s-web"')], set()),
        ([edit("firewall policy", "9", deletes=True)], set()),
        ([edit("router static", "9", "set dstaddr k8s-web")], set()),
        # A group of theirs that nobody's policy brings along stays theirs.
        ([APPS, DB], set()),
    ],
)  # fmt: skip
def test_who_installs_now_asks_for_the_policies_that_use_our_groups(
    edits: list[PendingEdit], asked: set[object]
) -> None:
    preview = DevicePreview("fgt", tuple(edits))
    attended = Owners("prod", frozenset({"k8s-web"}), asked_for=True)
    found = foreign.by_source(preview, attended)
    assert {str(each) for each in found[Source.ASKED_FOR]} == {str(each) for each in asked}
    assert foreign.by_source(preview, OWNERS)[Source.ASKED_FOR] == ()

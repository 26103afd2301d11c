"""What nobody documented of a FortiGate's own REST API, asked of one VDOM of a lab unit."""

from __future__ import annotations

from fmgsync.recording.guarding import COMMENT
from fmgsync.recording.unit_lab import UnitLab

_ADDRESS = "cmdb/firewall/address"
_LONG = 79
"""Characters of the longest name (FortiOS REST API description)."""


def unit(lab: UnitLab) -> None:
    """Release, serial number, who manages it, its cluster, clock, whether changes are kept."""
    lab.read("monitor/system/status")
    lab.read("monitor/system/central-management/status")
    lab.read("monitor/system/fortimanager/status")
    lab.read("cmdb/system/ha")
    lab.read("monitor/system/ha-checksums")
    lab.read("monitor/system/time")
    lab.read("cmdb/system/global", format="cfg-save")


def reading(lab: UnitLab) -> None:
    """Pages, what lies beyond the end, filters and case, unknown fields and tables, revisions."""
    lab.table("address", format="name", start=0, count=2)
    lab.table("address", format="name", start=2, count=2)
    lab.table("address", format="name", start=1_000_000, count=5)
    lab.table("address", format="name|subnet", filter="name==all")
    lab.table("address", format="name", filter="name==ALL")
    lab.table("address", format="name", filter="no-such-field==x", count=1)
    lab.table("address", format="name|no-such-field", count=1)
    lab.table("address", action="revision")
    lab.table("address", format="name", count=1, with_meta=1)
    lab.table("addrgrp", format="name|member", count=1)
    lab.table("no-such-table", count=1)
    lab.read(_ADDRESS, "none")
    lab.read(_ADDRESS, lab.name("no-such-address"))
    lab.read(_ADDRESS, f"{lab.name('with')}/slash")


def rights(lab: UnitLab) -> None:
    """What this key's profile opens, refuses or makes shorter: policies, administrators, usage."""
    lab.table("policy", format="policyid|action|status", count=1)
    lab.table("local-in-policy", format="policyid|action|status", count=1)
    lab.read("cmdb/system/vdom", format="name", count=1)
    lab.read("monitor/system/object/usage", q_path="firewall", q_name="address", mkey="all")


def addresses(lab: UnitLab) -> None:
    """Create, create again, the same once more, merge, values that are wrong, delete, again."""
    lab.create("address", lab.address("life", 10))
    lab.create("address", lab.address("life", 11))
    lab.item("address", "life")
    lab.change("address", "life", {"comment": f"{COMMENT}: changed"})
    lab.change("address", "life", {"comment": f"{COMMENT}: changed"})
    lab.item("address", "life")
    lab.change("address", "absent", {"comment": COMMENT})
    lab.change("address", "life", {"subnet": "not an address"})
    lab.change("address", "life", {"no-such-attribute": "x"})
    lab.change("address", "life", {"comment": f"{COMMENT}{'x' * 255}"})
    lab.create("address", lab.address("host-bits", subnet="198.51.100.21 255.255.255.240"))
    lab.item("address", "host-bits")
    lab.create("address6", _six(lab, "six", "2001:DB8:0:0::30/128"))
    lab.item("address6", "six")
    for _ in range(2):
        lab.delete("address", "life")
    lab.delete("address", "host-bits")
    lab.delete("address6", "six")
    lab.item("address", "life")


def groups(lab: UnitLab) -> None:
    """Members that exist or not, none, singly and as a list; deleting what is used; a circle."""
    one, other = lab.name("one"), lab.name("other")
    lab.create("address", lab.address("one", 1))
    lab.create("address", lab.address("other", 2))
    lab.create("addrgrp", lab.group("missing", lab.name("nobody")))
    lab.create("addrgrp", lab.group("empty"))
    lab.item("addrgrp", "empty")
    lab.create("addrgrp", lab.group("group", one))
    for _ in range(2):
        lab.join("addrgrp", "group", other)
    lab.join("addrgrp", "absent", other)
    lab.join("addrgrp", "group", lab.name("nobody"))
    lab.item("addrgrp", "group")
    for _ in range(2):
        lab.delete("addrgrp", "group", "member", other)
    lab.change("addrgrp", "group", {"member": [{"name": other}]})
    lab.item("addrgrp", "group")
    lab.delete("address", "other")
    lab.delete("addrgrp", "group", "member", other)
    lab.item("addrgrp", "group")
    lab.create("addrgrp", lab.group("outer", lab.name("group")))
    lab.change("addrgrp", "group", {"member": [{"name": lab.name("outer")}]})
    for kind, suffix in (
        ("addrgrp", "group"),
        ("addrgrp", "outer"),
        ("addrgrp", "group"),
        ("addrgrp", "empty"),
        ("address", "one"),
        ("address", "other"),
    ):
        lab.delete(kind, suffix)


def names(lab: UnitLab) -> None:
    """The longest name and one more, names that differ by case, one name in several tables."""
    left = _LONG - len(lab.name(""))
    lab.create("address", lab.address("n" * left, 1))
    lab.create("address", lab.address("n" * (left + 1), 2))
    lab.create("address", lab.address("case", 3))
    lab.create("address", lab.address("CASE", 4))
    lab.item("address", "CASE")
    lab.create("addrgrp", lab.group("case", lab.name("case")))
    lab.create("address6", _six(lab, "case", "2001:db8::31/128"))
    lab.create("address", lab.address("two words", 5))
    lab.item("address", "two words")
    lab.delete("addrgrp", "case")
    lab.delete("address6", "case")
    for suffix in ("n" * left, "n" * (left + 1), "case", "CASE", "two words"):
        lab.delete("address", suffix)


def bodies(lab: UnitLab) -> None:
    """Several objects in one body: taken, refused, or the first of them; what is there then."""
    lab.create("address", lab.address("first", 1), lab.address("second", 2))
    for suffix in ("first", "second"):
        lab.item("address", suffix)
    for suffix in ("first", "second"):
        lab.delete("address", suffix)


def transactions(lab: UnitLab) -> None:
    """What of one is seen from outside, what it locks, what fails at once and what at commit."""
    with lab.transaction() as number:
        if number is None:
            return
        lab.create("address", lab.address("queued", 1), transaction=number)
        lab.item("address", "queued")
        lab.create("address", lab.address("beside", 2))
        with lab.transaction() as second:
            if second is not None:
                lab.create("address", lab.address("second", 3), transaction=second)
        lab.create("addrgrp", lab.group("bad", lab.name("nobody")), transaction=number)
        lab.read("cmdb", action="transaction-list")
        lab.show(number)
    lab.item("address", "queued")
    with lab.transaction() as number:
        if number is not None:
            lab.create("address", lab.address("queued", 1), transaction=number)
            lab.create("addrgrp", lab.group("group", lab.name("queued")), transaction=number)
            lab.end("transaction-commit", number)
    lab.item("addrgrp", "group")
    lab.delete("addrgrp", "group")
    for suffix in ("queued", "beside", "second"):
        lab.delete("address", suffix)


def _six(lab: UnitLab, suffix: str, value: str) -> dict[str, str]:
    return {"name": lab.name(suffix), "ip6": value, "comment": COMMENT}

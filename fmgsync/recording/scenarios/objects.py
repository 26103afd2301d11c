"""The life of addresses and groups, and what happens to a request that is half right."""

from __future__ import annotations

from fmgsync.recording.guarding import COMMENT
from fmgsync.recording.lab import Lab

_LONG = 79
"""Characters of the longest name FortiOS 7 takes."""


def addresses(lab: Lab) -> None:
    """Create, create again, read, merge, forbidden values, ranges, delete, delete again."""
    table, own = lab.table("address"), lab.item("address", "life")
    with lab.editing():
        lab.write("add", table, lab.address("life", 10))
        lab.write("add", table, lab.address("life", 11))
        lab.read(own)
        lab.write("set", own, {"comment": f"{COMMENT}: changed"})
        lab.read(own, fields=["name", "subnet", "comment"])
        lab.write("update", own, {"subnet": ["198.51.100.12", "255.255.255.255"]})
        lab.write("update", lab.item("address", "absent"), {"comment": COMMENT})
        lab.write("set", own, {"no-such-attribute": "x"})
        lab.write("set", own, {"subnet": "not an address"})
        lab.write("set", own, {"subnet": "198.51.100.21/255.255.255.240"})
        lab.read(own, fields=["name", "subnet"])
        lab.write("add", table, _range(lab))
        lab.read(lab.item("address", "range"))
        lab.write("add", lab.table("address6"), _six(lab))
        lab.read(lab.item("address6", "six"), fields=["name", "type", "ip6"])
        lab.write("delete", own)
        lab.write("delete", own)
        lab.read(own)


def _range(lab: Lab) -> dict[str, str]:
    ends = {"start-ip": "198.51.100.30", "end-ip": "198.51.100.39"}
    return {"name": lab.name("range"), "type": "iprange", "comment": COMMENT} | ends


def _six(lab: Lab) -> dict[str, str]:
    return {"name": lab.name("six"), "ip6": "2001:db8::30/128", "comment": COMMENT}


def groups(lab: Lab) -> None:
    """Members that exist or not, none, one by one; deleting and renaming what is used."""
    table, own = lab.table("addrgrp"), lab.item("addrgrp", "group")
    one, other = lab.name("one"), lab.name("other")
    with lab.editing():
        lab.write("add", lab.table("address"), lab.address("one", 1))
        lab.write("add", lab.table("address"), lab.address("other", 2))
        lab.write("add", table, lab.group("missing", lab.name("nobody")))
        lab.write("add", table, lab.group("empty"))
        lab.read(lab.item("addrgrp", "empty"), fields=["name", "member"])
        lab.write("add", table, lab.group("group", one))
        lab.write("add", f"{own}/member", [other])
        lab.read(own, fields=["name", "member"])
        lab.write("set", own, {"member": [other]})
        lab.read(own, fields=["name", "member"])
        lab.write("delete", lab.item("address", "other"))
        lab.write("delete", f"{own}/member", [other])
        lab.read(own, fields=["name", "member"])
        lab.write("add", table, lab.group("outer", lab.name("group")))
        lab.write("set", own, {"member": [lab.name("outer")]})
        lab.read(
            lab.table("address"), fields=["name"], filter=["name", "==", one], option="get used"
        )
        lab.write("delete", own)
        lab.write("delete", lab.item("addrgrp", "outer"))
        lab.write("delete", own)


def params(lab: Lab) -> None:
    """Do later params of a request run after one failed? Answered by what is there afterwards."""
    table = lab.table("address")
    with lab.editing():
        lab.write("add", table, lab.address("first", 1))
        lab.ask(
            "add",
            {"url": table, "data": lab.address("before", 2)},
            {"url": table, "data": lab.address("first", 3)},
            {"url": table, "data": lab.address("after", 4)},
        )
        lab.read(lab.item("address", "before"), fields=["name"])
        lab.read(lab.item("address", "after"), fields=["name"])


def lists(lab: Lab) -> None:
    """Is a list in `data` written as a whole, up to the fault, or around it?"""
    table = lab.table("address")
    with lab.editing():
        lab.write("add", table, lab.address("taken", 1))
        rows = [lab.address(name, 2) for name in ("early", "taken", "late")]
        lab.write("add", table, rows)
        lab.read(lab.item("address", "early"), fields=["name"])
        lab.read(lab.item("address", "late"), fields=["name"])
        rows = [lab.address("fine", 3), lab.address("broken", 4, subnet="not an address")]
        lab.write("add", table, rows)
        lab.read(lab.item("address", "fine"), fields=["name"])


def names(lab: Lab) -> None:
    """Names taken in another table, long ones, odd characters, capitals, blanks; long comments."""
    table = lab.table("address")
    with lab.editing():
        lab.write("add", table, lab.address("Twice", 1))
        lab.write("add", lab.table("addrgrp"), lab.group("Twice", lab.name("Twice")))
        lab.write("add", lab.table("address6"), _six(lab) | {"name": lab.name("Twice")})
        lab.write("add", table, lab.address("twice", 2))
        lab.write("add", table, lab.address("Twice ", 3))
        for odd in ("a/b", "a b", "a.b:c", "ä", "a(b)", "a'b", "a#b", "a<b"):
            lab.write("add", table, lab.address(odd, 4))
        lab.read(lab.item("address", "a/b"), fields=["name"])
        room = _LONG - len(lab.name(""))
        for length in (room, room + 1):
            lab.write("add", table, lab.address("n" * length, 5))
        for length in (255, 256):
            comment = COMMENT.ljust(length, ".")
            lab.write("add", table, lab.address(f"comment-{length}", 6, comment=comment))
        lab.read(lab.item("address", "comment-256"), fields=["name", "comment"])
        lab.ask("add", {"url": lab.item("address", "Twice"), "option": ["duplicate check"]})


def many(lab: Lab) -> None:
    """Fifty members in one group, added and read in one request each; its limit as it says it."""
    table = lab.table("address")
    with lab.editing():
        lab.write("add", table, [lab.address(f"m{number}", number) for number in range(1, 51)])
        members = [lab.name(f"m{number}") for number in range(1, 51)]
        lab.write("add", lab.table("addrgrp"), lab.group("many", *members))
        lab.read(lab.item("addrgrp", "many"), fields=["name", "member"])
        lab.read(lab.table("addrgrp"), option="syntax")

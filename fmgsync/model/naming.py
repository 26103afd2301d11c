"""How own objects are named and marked in FortiManager.

Addresses are named by their value, so two groups, two passes and two replicas arrive at the same
object without having to talk to each other. The alphabet `[A-Za-z0-9_.-]` is the one every
FortiManager release accepts in names.
"""

from __future__ import annotations

import re

from fmgsync.model.address import Address, ipv4_host, parse

NONE = "none"
"""The predefined address that matches nothing."""

MAX_SHARDS = 999
"""Three digits: the room that the longest group name leaves."""

MARK_NAMES_IT = "its mark is that of an older release: from now on it names the object"
"""Why an object is written of which nothing else changes."""

_TAKEN = "; taken over from: "
_LONGEST_COMMENT = 255
"""Of a FortiOS firewall address or group (FortiOS CLI reference)."""
_LONGEST = 79
_LONGEST_BEFORE_6_2 = 63
_SHARD_SUFFIX = 4
"""Characters of a group name kept free for `.1` to `.999`."""
_LONGEST_GROUP = _LONGEST - _SHARD_SUFFIX
GROUP_NAME = rf"^[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{_LONGEST_GROUP - 1}}}$"
"""What the name of a group looks like."""

_MARK = re.compile(
    r"Managed by fmgsync \(([a-z][a-z0-9-]{0,15})\)"
    r"(?:: (?P<name>[A-Za-z0-9_.-]+)(?![A-Za-z0-9_.-])|(?P<older>(?!:)))?",
    re.ASCII,
)
_SHARD = re.compile(r"(.+)\.([1-9][0-9]{0,2})", re.ASCII)


def older_mark(owner: str) -> str:
    """How every mark of this owner begins; releases before the mark named its object wrote no
    more than this."""
    return f"Managed by fmgsync ({owner})"


def mark(owner: str, name: str) -> str:
    """The text with which the comment of every own object begins.

    It names the object, since a clone takes the comment along.
    """
    return f"{older_mark(owner)}: {name}"


def is_marked(comment: str, owner: str, name: str) -> bool:
    """Whether a comment carries this owner's mark for the object of this name."""
    found = _MARK.match(comment)
    return found is not None and found[1] == owner and found["name"] == name


def has_older_mark(comment: str, owner: str) -> bool:
    """Whether a comment carries this owner's mark as it was before it named its object."""
    found = _MARK.match(comment)
    return found is not None and found[1] == owner and found["older"] is not None


def with_mark(comment: str, owner: str, name: str) -> str:
    """A comment with an older mark as it should be; what people have added stays."""
    return mark(owner, name) + comment.removeprefix(older_mark(owner))


def taken_over(comment: str) -> str | None:
    """The comment that an object had before it was taken over; None if it never was."""
    if _TAKEN not in comment:  # as in nearly all
        return None
    found = _MARK.match(comment)
    if found is None or not found["name"] or not comment[found.end() :].startswith(_TAKEN):
        return None
    return comment[found.end() + len(_TAKEN) :]


def taking_over(owner: str, name: str, comment: str) -> str:
    """The comment with which an object is ours, and remembers what it was."""
    return f"{mark(owner, name)}{_TAKEN}{comment}"[:_LONGEST_COMMENT]


def can_be_marked(name: str) -> bool:
    """Whether a mark can name an object of this name."""
    return re.fullmatch(r"[A-Za-z0-9_.-]+", name, re.ASCII) is not None


def owner_of(comment: str) -> str | None:
    """Whose mark a comment begins with, ours or another installation's; None for none.

    That the object is theirs it does not prove: it may be a clone.
    """
    found = _MARK.match(comment)
    return found[1] if found else None


def address_prefix(owner: str) -> str:
    """What every own address name begins with."""
    return f"{owner}_"


def address_name(owner: str, address: Address) -> str:
    """The one name an address can have: `prod_10.1.0.9`, `prod_10.1.0.8_30`, `prod_2001-db8--9`."""
    if ":" in address or "/" in address:
        return f"{owner}_{address.replace(':', '-').replace('/', '_')}"
    return f"{owner}_{address}"


def is_address_name(owner: str, name: str) -> bool:
    """Whether we give this name to an address: what it stands for, or the stand-in for `none`."""
    return name == none_name(owner) or address_of(owner, name) is not None


def none_name(owner: str) -> str:
    """The stand-in for `none` where the predefined one is missing or altered."""
    return address_prefix(owner) + NONE


def nothing(comment: str) -> frozenset[str]:
    """The names that stand for nothing in a group with this comment: `none`, and the stand-ins of
    those whose mark it bears, and bore before it was taken over. Another name that ends alike is
    somebody's, and may be anything."""
    owners = owner_of(comment), owner_of(taken_over(comment) or "")
    return frozenset({NONE, *(none_name(owner) for owner in owners if owner)})


def address_of(owner: str, name: str) -> Address | None:
    """The value an own address name stands for; None if the name is not one of ours."""
    text = name.removeprefix(address_prefix(owner))
    if text == name:
        return None
    if (host := ipv4_host(text)) is not None:
        return host
    try:
        value = parse(text.replace("-", ":").replace("_", "/"))
    except ValueError:
        return None
    return value if address_name(owner, value) == name else None


def longest_name(os_version: tuple[int, int]) -> int:
    """Characters in an object's name in an ADOM of this FortiOS release (FortiOS CLI reference,
    firewall address)."""
    return _LONGEST if os_version >= (6, 2) else _LONGEST_BEFORE_6_2


def group_refusal(name: str) -> tuple[str, str] | None:
    """Why no group can have the name, and what to do; None if one can.

    The longest name is that of a FortiOS firewall object (FortiOS CLI reference, `config firewall
    address`), less the room that shards need.
    """
    if not re.search(GROUP_NAME, name, re.ASCII) or name.endswith("\n"):
        told = (
            f"must be at most {_LONGEST_GROUP} letters, digits, '_', '.', '-', beginning with a"
            " letter, digit or '_'"
        )
        return told, ""
    if re.search(r"\.[0-9]+$", name):
        step = "endings such as .1 are kept for the parts of groups over memberLimit"
        return "ends like a shard", step
    if name.lower() in {"none", "all"}:
        return "is a predefined object of FortiManager", "choose another name"
    return None


def shard_name(group: str, number: int) -> str:
    """The name of one part of a group that has more members than one object may hold."""
    return f"{group}.{number}"


def shard_of(name: str) -> tuple[str, int] | None:
    """The group and number that a shard's name states; None for other names."""
    found = _SHARD.fullmatch(name)
    return (found[1], int(found[2])) if found else None


def group_of(name: str) -> str:
    """The group people know: a shard's name without its number, any other name as it is."""
    found = shard_of(name)
    return found[0] if found else name

"""How own objects are named and marked in FortiManager (DESIGN section 3).

Addresses are named by their value, so two groups, two passes and two replicas arrive at the same
object without having to talk to each other. The alphabet `[A-Za-z0-9_.-]` is the one every
FortiManager release accepts in names.
"""

from __future__ import annotations

from fmgsync.model.address import Address

NONE = "none"
"""The predefined address that matches nothing."""


def mark(owner: str) -> str:
    """The text with which the comment of every own object begins."""
    return f"Managed by fmgsync ({owner})"


def is_owned(comment: str, owner: str) -> bool:
    """Whether a comment carries this owner's mark. Another owner's mark is foreign."""
    return comment.startswith(mark(owner))


def address_prefix(owner: str) -> str:
    """What every own address name begins with."""
    return f"{owner}_"


def address_name(owner: str, address: Address) -> str:
    """The one name an address can have: `prod_10.1.0.9`, `prod_10.1.0.8_30`, `prod_2001-db8--9`."""
    return address_prefix(owner) + address.replace(":", "-").replace("/", "_")


def none_name(owner: str) -> str:
    """The stand-in for `none` where the predefined one is missing or altered."""
    return address_prefix(owner) + NONE

"""How many things are named to people without filling their screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Thing = TypeVar("Thing")


def some(names: Iterable[Thing], most: int = 3, *, joint: str = ", ") -> str:
    """The first of them, and how many more there are."""
    listed = [str(name) for name in names]
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return joint.join(listed[:most]) + rest

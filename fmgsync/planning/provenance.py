"""Which workloads are behind the addresses that a plan brings: for people, and for the audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fmgsync.model.address import Address
from fmgsync.model.change import AdomPlan

MOST = 500
"""Addresses told of one plan; a first fill may bring a hundred thousand."""

_EACH = 3

Who = Callable[[Address], tuple[str, ...]]
"""Names whatever has an address."""


def told(plan: AdomPlan, who: Who) -> AdomPlan:
    """The plan with the workloads behind the first addresses that come to groups."""
    coming = dict.fromkeys(
        address for change in plan.changes if change.value is None for address in change.added
    )
    found = ((address, who(address)[:_EACH]) for address in list(coming)[:MOST])
    return replace(plan, workloads=tuple((address, names) for address, names in found if names))

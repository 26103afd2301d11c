"""What the other ADOMs of a configuration have: a canary that is not here may be there."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fmgsync import errors
from fmgsync.controller.reconcile import AdomWork
from fmgsync.planning import misnamed


def reader(
    work: AdomWork, works: Iterable[AdomWork]
) -> Callable[[], tuple[frozenset[str], str]] | None:
    """Reads the names of devices and groups elsewhere, and says what could not be read; None if
    there is no other ADOM. What was found once is remembered."""
    others = tuple(other for other in works if other.ref != work.ref)
    found: set[str] = set()

    def read() -> tuple[frozenset[str], str]:
        unread: list[str] = []
        if not found or misnamed.unmatched(work.named, found):
            for other in others:
                try:
                    with other.session():
                        found.update(misnamed.known(other.store.read_topology()))
                except errors.TargetError:
                    unread.append(f"ADOM {other.ref.adom} on {other.ref.fortimanager}")
        return frozenset(found), f"{', '.join(unread)} could not be read" if unread else ""

    return read if others else None

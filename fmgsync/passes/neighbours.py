"""What the other ADOMs of a configuration have: a canary that is not here may be there."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fmgsync import errors
from fmgsync.model.target import TargetRef
from fmgsync.passes.world import AdomWork
from fmgsync.planning import misnamed
from fmgsync.targets.protocol import DEVICES


def reader(
    work: AdomWork,
    refs: Iterable[TargetRef],
    make: Callable[[TargetRef], AdomWork],
    found: set[str],
) -> Callable[[], tuple[frozenset[str], str]] | None:
    """Reads the names of devices and groups elsewhere, and says what could not be read; None if
    there is no other ADOM. What was found once is remembered in `found`, for all readers.

    It makes sessions of its own: those of the other ADOMs may be in use on other threads.
    """
    others = tuple(ref for ref in refs if ref != work.ref)

    def read() -> tuple[frozenset[str], str]:
        unread: list[str] = []
        if not found or misnamed.unmatched(work.named, found):
            for ref in others:
                other = make(ref)
                try:
                    with other.session():
                        seen = other.target.look(DEVICES).around()
                        found.update(misnamed.known(seen.topology))
                except errors.TargetError:
                    unread.append(ref.title)
        return frozenset(found), f"{', '.join(unread)} could not be read" if unread else ""

    return read if others else None

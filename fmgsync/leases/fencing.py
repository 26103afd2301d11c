"""What the sessions of one process are forbidden, and who hears of what they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from fmgsync.leases.ownership import Ownership
from fmgsync.model.target import TargetRef
from fmgsync.targets.hooks import Hooks


def _unheard(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Ears:
    """Who hears: of a request (FortiManager, method, seconds), of waiting for somebody else's
    lock (FortiManager, ADOM, seconds), whether we hold an ADOM's lock from now on, and of a request
    to a FortiGate without a FortiManager."""

    request: Callable[[str, str, float], None] = _unheard
    lock_wait: Callable[[str, str, float], None] = _unheard
    lock_held: Callable[[str, str, bool], None] = _unheard
    rest: Callable[[str, str, float], None] = _unheard


NOBODY = Ears()


def hooks(ownership: Ownership | None, ref: TargetRef, *, ears: Ears = NOBODY) -> Hooks:
    """For every session that works on `ref`: who lost its Lease writes nothing more."""
    made = Hooks(
        after_request=ears.rest if ref.is_direct else ears.request,
        lock_waited=partial(ears.lock_wait, ref.unit, ref.domain),
        lock_held=partial(ears.lock_held, ref.unit, ref.domain),
    )
    return made if ownership is None else replace(made, before_write=partial(ownership.check, ref))

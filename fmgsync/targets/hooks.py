"""What a process may want to know of, or forbid to, every session it opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from fmgsync.model.change import AdomPlan, Change

_RELEASING = ("workspace/unlock", "sys/logout")


Look = Callable[[], None]
"""The last one before something begins; it may raise, and then that does not."""


def nothing(*_: object) -> None:
    """What is done where there is nothing to do."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """`before_write` is called before every request that could change something and may raise:
    a replica that lost its lease writes nothing more. `after_request` gets the FortiManager's
    name, the method and the seconds it took. `lock_waited` gets the seconds that somebody else's
    lock was waited for, `lock_held` whether this session holds the ADOM's lock from now on;
    `gives_up` says that nobody has time to wait any more. `writing` gets every plan right before
    it is written, and may raise; `refused` what FortiManager did not take of it. `installing` is
    called before anything is locked for an install, and may raise.
    """

    before_write: Callable[[], None] = nothing
    after_request: Callable[[str, str, float], None] = nothing
    lock_waited: Callable[[float], None] = nothing
    lock_held: Callable[[bool], None] = nothing
    gives_up: Callable[[], bool] = lambda: False
    writing: Callable[[AdomPlan], None] = nothing
    refused: Callable[[Sequence[tuple[Change, str]]], None] = nothing
    installing: Callable[[], None] = nothing


class Hooked(Protocol):
    """A session of either kind."""

    hooks: Hooks


@contextmanager
def looking(session: Hooked, last_look: Look) -> Iterator[None]:
    """While this lasts `last_look`, too, is called before each request that could change something,
    and may raise."""
    before = session.hooks

    def before_write() -> None:
        before.before_write()
        last_look()

    session.hooks = replace(before, before_write=before_write)
    try:
        yield
    finally:
        session.hooks = before


def releases(params: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a request only gives back what we hold: that is never forbidden."""
    urls = [str(param.get("url", "")).strip("/") for param in params]
    return all(url.endswith(_RELEASING) for url in urls)

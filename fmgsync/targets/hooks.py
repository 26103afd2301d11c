"""What a process may want to know of, or forbid to, every session it opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fmgsync.model.change import AdomPlan, Change

_RELEASING = ("workspace/unlock", "sys/logout")


def _nothing(*_: object) -> None:
    pass


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

    before_write: Callable[[], None] = _nothing
    after_request: Callable[[str, str, float], None] = _nothing
    lock_waited: Callable[[float], None] = _nothing
    lock_held: Callable[[bool], None] = _nothing
    gives_up: Callable[[], bool] = lambda: False
    writing: Callable[[AdomPlan], None] = _nothing
    refused: Callable[[Sequence[tuple[Change, str]]], None] = _nothing
    installing: Callable[[], None] = _nothing


def releases(params: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a request only gives back what we hold: that is never forbidden."""
    urls = [str(param.get("url", "")).strip("/") for param in params]
    return all(url.endswith(_RELEASING) for url in urls)

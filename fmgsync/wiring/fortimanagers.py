"""Builds what speaks to the FortiManagers of a configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model.target import TargetRef
from fmgsync.settings import load
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.hooks import Hooks

if TYPE_CHECKING:
    from fmgsync.settings.units import FortiManager


HooksOf = Callable[[TargetRef], Hooks]
"""What the sessions of one ADOM may be forbidden, and who hears of their requests."""

Transport = Callable[[Any], HTTPAdapter]
"""Makes the HTTP transport of one session with a unit, from how that is reached; a recorder gives
one that takes notes."""


def make_access(path: Path, fortimanager: str | None) -> Access:
    """How to reach one FortiManager of a configuration; the only one if no name is given."""
    config = load.load_config(path)
    names = [unit.name for unit in config.fortimanagers]
    wanted = fortimanager or (names[0] if len(names) == 1 else None)
    if wanted not in names:
        way = f"name one with --fortimanager: {', '.join(names) or 'there is none'}"
        raise errors.UsageError(
            f"no FortiManager {wanted!r}" if wanted else "which FortiManager?",
            where=str(path),
            next_step=way,
        )
    return unit_access(config.fortimanagers[names.index(wanted)])


def make_session(
    access: Access,
    ref: TargetRef | None = None,
    *,
    clock: Clock,
    transport: Transport | None = None,
    hooks: HooksOf | None = None,
) -> Session:
    """One session, not yet open; `hooks` are for one that is about the ADOM `ref`."""
    return Session(
        access,
        clock=clock,
        adapter=transport(access) if transport else None,
        hooks=hooks(ref) if hooks and ref else None,
    )


def unit_access(unit: FortiManager) -> Access:
    """How to reach a FortiManager; its secrets are read now."""
    credentials = unit.credentials
    secret = credentials.password or credentials.api_key
    return Access(
        name=unit.name,
        host=str(unit.host),
        username=credentials.username,
        password=credentials.password.read() if credentials.password else None,
        api_key=credentials.api_key.read() if credentials.api_key else None,
        ca_file=unit.tls.ca_file,
        verify=unit.tls.verify,
        proxy=unit.proxy,
        reread=secret.read if secret else None,
    )

"""A FortiGate without a FortiManager as the scenarios of `cassette record` ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from requests.adapters import HTTPAdapter

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.recording.unit_lab import Facts, UnitLab
from fmgsync.settings import load, rules
from fmgsync.settings.schema import Config
from fmgsync.settings.units import FortiGate
from fmgsync.targets.fortigate import managed, tables, urls
from fmgsync.targets.fortigate.access import Access
from fmgsync.targets.fortigate.answers import Answer
from fmgsync.targets.fortigate.managed import State
from fmgsync.targets.fortigate.session import Session
from fmgsync.wiring.fortigates import unit_access

Step = Callable[[str], AbstractContextManager[None]]


class _Line:
    def __init__(self, session: Session, vdom: str) -> None:
        self._session = session
        self._vdom = vdom

    def send(
        self,
        method: str,
        path: str,
        keys: Sequence[str],
        query: Mapping[str, str | int],
        body: Any,
        transaction: int | None,
    ) -> Answer:
        url = urls.anywhere(path, keys, self._vdom, query)
        if method == "GET":
            return self._session.ask(url)
        return self._session.write(method, url, body, transaction=transaction)


def chosen(path: Path, name: str | None, vdom: str | None) -> tuple[FortiGate, str]:
    """A unit of a configuration and one of its VDOMs; the only ones if none are named."""
    config = load.load_config(path)
    units = {unit.name: unit for unit in config.fortigates}
    wanted = name or (next(iter(units)) if len(units) == 1 else None)
    if wanted not in units:
        raise errors.UsageError(
            f"no FortiGate {wanted!r}" if wanted else "which FortiGate?",
            where=str(path),
            next_step=f"name one with --fortigate: {', '.join(units) or 'there is none'}",
        )
    return units[wanted], vdom or _only_vdom(config, wanted, path)


def _only_vdom(config: Config, name: str, path: Path) -> str:
    found = sorted({s.adom.domain for s in rules.sites(config) if s.adom.unit == name} or {"root"})
    if len(found) > 1:
        step = f"name one with --vdom: {', '.join(found)}"
        raise errors.UsageError("which VDOM?", where=str(path), next_step=step)
    return found[0]


@contextmanager
def opened(
    unit: FortiGate,
    vdom: str,
    prefix: str,
    *,
    clock: Clock,
    transport: Callable[[Access], HTTPAdapter],
    step: Step,
) -> Iterator[UnitLab]:
    """A session with a unit, looked at once. Raises where the VDOM is not there."""
    access = unit_access(unit)
    with Session(access, clock=clock, adapter=transport(access)) as session:
        with step("first look"):
            tables.unit(session, vdom)
            why = _no_writes(managed.read(session, vdom).state, vouched=unit.managed == "no")
        facts = Facts(f"VDOM {vdom} on {unit.name}", why)
        yield UnitLab(_Line(session, vdom), prefix, facts, step=step)


def _no_writes(state: State, *, vouched: bool) -> str | None:
    """Why nothing is to be written: on a managed unit its FortiManager would notice."""
    if state is State.MANAGED:
        return "a FortiManager manages the unit"
    if state is State.UNKNOWN and not vouched:
        return "whether a FortiManager manages the unit is not known, and managed is not 'no'"
    return None

"""Builds what reaches the FortiGates without a FortiManager."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from requests.adapters import HTTPAdapter

from fmgsync.clock import Clock
from fmgsync.model.diagnosis import Diagnosis
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef
from fmgsync.settings import rules
from fmgsync.targets import authority
from fmgsync.targets.fortigate import tables
from fmgsync.targets.fortigate.access import Access
from fmgsync.targets.fortigate.identities import Identities
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortigate.target import FortiGateVdom
from fmgsync.targets.fortigate.transactions import Ability
from fmgsync.targets.fortigate.unit import Unit
from fmgsync.targets.fortigate.urls import Table
from fmgsync.targets.hooks import Hooks

if TYPE_CHECKING:
    from fmgsync.doctor.doctor import TargetToCheck
    from fmgsync.settings.schema import Config
    from fmgsync.settings.units import FortiGate

HooksOf = Callable[[TargetRef], Hooks]
Transport = Callable[[Access], HTTPAdapter]
HASTE_S = 10.0


class FortiGates:
    """The FortiGates of one configuration, each once however many of its VDOMs are written.

    `answered` says whether one of that name has ever answered. `keeps`: what is trusted stays as it
    is now, whatever becomes of the files.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock,
        identities: Identities,
        recognise: Callable[[str, Session, str], None] = lambda name, session, vdom: None,
        answered: Callable[[str], bool] = lambda name: False,
        transport: Transport | None = None,
        hooks: HooksOf | None = None,
        keeps: bool = False,
    ) -> None:
        self._clock = clock
        self._transport = transport
        self._hooks = hooks
        self._owner = config.owner
        self._identities = identities
        self._answered = answered
        self._access: dict[str, Access] = {}
        self._units: dict[str, Unit] = {}
        self._gates: dict[str, AbstractContextManager[object]] = {}
        for unit in config.fortigates:
            access = unit_access(unit)
            self._access[unit.name] = authority.kept(access) if keeps else access
            self._units[unit.name] = Unit(
                identities,
                asks_management=unit.managed == "ask",
                member_limit=config.member_limit,
                ability=Ability(usable=unit.transactions == "auto"),
                recognise=partial(recognise, unit.name),
            )
            self._gates[unit.name] = threading.BoundedSemaphore(unit.connections)

    def target(self, ref: TargetRef) -> FortiGateVdom:
        """One VDOM of one of them."""
        return FortiGateVdom(
            ref,
            self._units[ref.unit],
            owner=self._owner,
            open_session=partial(self._session, ref),
            clock=self._clock,
        )

    def ask_serial(self, ref: TargetRef, identities: Identities) -> None:
        """Note who answers under a unit's name, if nobody has yet. Others wait for it: it is asked
        once, and not for long."""
        if identities.knows(ref.unit):
            return
        access = self._access[ref.unit]
        hasty = replace(access, connect_timeout_s=HASTE_S, read_timeout_s=HASTE_S)
        with self._session(ref, hasty, attempts=1) as session:
            tables.revision(session, Table.GROUP, ref.domain)
            identities.claim(session.serial, ref.unit)

    def _session(
        self, ref: TargetRef, access: Access | None = None, *, attempts: int = 3
    ) -> Session:
        access = access or self._access[ref.unit]
        return Session(
            access,
            clock=self._clock,
            adapter=self._transport(access) if self._transport else None,
            hooks=self._hooks(ref) if self._hooks else None,
            gate=self._gates[ref.unit],
            attempts=attempts,
            answered=lambda: self._identities.knows(ref.unit) or self._answered(ref.unit),
        )


def unit_access(unit: FortiGate) -> Access:
    """How to reach a FortiGate; its key is read now."""
    shown = unit.tls.client_cert
    return Access(
        name=unit.name,
        host=str(unit.host),
        api_key=unit.api_key.read(),
        ca_file=unit.tls.ca_file,
        verify=unit.tls.verify,
        client_cert=(shown.cert_file, shown.key_file) if shown else None,
        serials=frozenset(unit.serials),
        connections=unit.connections,
        reread=unit.api_key.read,
    )


def files(unit: FortiGate) -> Iterator[Path]:
    """The files that a FortiGate's part of the configuration refers to."""
    if unit.api_key.file:
        yield unit.api_key.file
    if unit.tls.ca_file:
        yield unit.tls.ca_file
    if unit.tls.client_cert:
        yield unit.tls.client_cert.cert_file
        yield unit.tls.client_cert.key_file


def checks(
    config: Config,
    identities: Identities,
    *,
    clock: Clock,
    transport: Transport | None = None,
) -> list[TargetToCheck]:
    """All of them, for `fmgsync doctor`, and at last whether any goes by two names."""
    from fmgsync.doctor.doctor import TargetToCheck
    from fmgsync.targets.fortigate import diagnose

    direct = [s.adom for s in rules.sites(config) if s.adom.kind is TargetKind.FORTIGATE]
    found, writes = [], config.policy.mode != "observe"
    for unit in config.fortigates:
        vdoms = dict.fromkeys(ref.domain for ref in direct if ref.unit == unit.name)
        places = [DeviceVdom(unit.name, vdom) for vdom in vdoms]
        access = unit_access(unit)
        adapter = transport(access) if transport else None
        session = Session(access, clock=clock, adapter=adapter)

        def check(
            now: Clock,
            session: Session = session,
            places: list[DeviceVdom] = places,
            asks: bool = unit.managed == "ask",
        ) -> Iterator[Diagnosis]:
            return diagnose.check_unit(
                session, places, identities, asks_management=asks, writes=writes, clock=now
            )

        found.append(TargetToCheck(f"FortiGate {unit.name}", check))
    if direct:
        adoms = {s.adom for s in rules.sites(config)} - {*direct}
        refs = [*sorted({ref.unit: ref for ref in direct}.values()), *sorted(adoms)]
        names = partial(diagnose.check_names, refs, identities)
        found.append(TargetToCheck("names of FortiGates", lambda clock: names()))
    return found

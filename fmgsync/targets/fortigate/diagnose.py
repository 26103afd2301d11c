"""Is one FortiGate as it must be? Reads only; what the key may not see is said to be unknown."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model import diagnosis, exploited
from fmgsync.model.diagnosis import Diagnosis, Level
from fmgsync.model.target import DeviceVdom, TargetKind, TargetRef
from fmgsync.targets import wire
from fmgsync.targets.fortigate import (
    account,
    high_availability,
    managed,
    policies,
    reading,
    tables,
    urls,
)
from fmgsync.targets.fortigate.account import Told
from fmgsync.targets.fortigate.answers import Answer
from fmgsync.targets.fortigate.identities import Identities
from fmgsync.targets.fortigate.managed import State
from fmgsync.targets.fortigate.session import Session

_CFG = "add 'sysgrp custom' with 'cfg read' to the key's access profile (docs/fortigates.md)"
_POLICY = "add 'policy read' under 'fwgrp custom' to the key's access profile (docs/fortigates.md)"

_ADDRESS = "set 'fwgrp custom' with 'address read-write' in its access profile (docs/fortigates.md)"

_OLDEST = (6, 4, 0)


def check_unit(
    session: Session,
    places: Sequence[DeviceVdom],
    identities: Identities,
    *,
    asks_management: bool,
    writes: bool,
    clock: Clock,
) -> Iterator[Diagnosis]:
    """Everything that can be told of one unit and the VDOMs that are written on it, or with no
    `writes` only read."""
    where = f"FortiGate {session.access.name}"
    try:
        session.open()
    except errors.TargetError as error:
        yield diagnosis.failed(where, "settings", error)
        return
    with closing(session):
        try:
            there, absent = _vdoms(session, places or [DeviceVdom(session.access.name, "root")])
        except errors.TargetError as error:
            yield diagnosis.failed(where, "connection", error)
            return
        identities.note(session.serial, session.access.name)
        for place, why in absent:
            yield diagnosis.failed(f"{where}, VDOM {place.vdom}", "VDOM", why)
        if not there:
            return
        home, answer = there[0][0].vdom, there[0][1]
        yield from _connection(where, session, answer)
        told = _account(session, home)
        yield from _told(where, told, clock)
        yield _management(where, session, home, asks_management=asks_management)
        for place, _ in there if places else ():
            may_write = _may_write(told) if writes else True
            yield from _vdom(f"{where}, VDOM {place.vdom}", session, place, may_write=may_write)
        yield _saving(where, session, home)
        yield _cluster(where, session, home)


def _vdoms(
    session: Session, places: Sequence[DeviceVdom]
) -> tuple[list[tuple[DeviceVdom, Answer]], list[tuple[DeviceVdom, errors.UnknownDevice]]]:
    """What the unit says of itself in each VDOM, and the VDOMs that are not there."""
    there: list[tuple[DeviceVdom, Answer]] = []
    absent: list[tuple[DeviceVdom, errors.UnknownDevice]] = []
    for place in places:
        try:
            there.append((place, tables.unit(session, place.vdom)))
        except errors.UnknownDevice as error:
            absent.append((place, error))
    return there, absent


def check_names(refs: Sequence[TargetRef], identities: Identities) -> Iterator[Diagnosis]:
    """Whether every unit that has answered goes by one name; asked after all others."""
    wrong = False
    for ref in refs:
        try:
            identities.compare(ref)
        except errors.TwoNames as error:
            wrong = True
            yield diagnosis.failed(_unit_of(ref), "name", error)
    if not wrong:
        yield Diagnosis("FortiGates", "names", Level.OK, "none that answers goes by two names")


def _unit_of(ref: TargetRef) -> str:
    what = "FortiGate" if ref.kind is TargetKind.FORTIGATE else "FortiManager"
    return f"{what} {ref.unit}"


def _connection(where: str, session: Session, answer: Answer) -> Iterator[Diagnosis]:
    found = answer.results if isinstance(answer.results, dict) else {}
    model = wire.printable(" ".join(str(found.get(k, "")) for k in ("model_name", "model_number")))
    release = ".".join(map(str, session.release)) if session.release else "unknown release"
    text = f"FortiOS {release}, serial number {session.serial or 'unknown'} {model}".strip()
    old = session.release is not None and session.release < _OLDEST
    fix = "nothing here is known of releases before 6.4; update the unit" if old else ""
    yield Diagnosis(where, "connection", Level.WARNING if old else Level.OK, text, fix)
    if session.release and (known := exploited.holes(exploited.FORTIOS, session.release)):
        told = f"FortiOS {release} is open to {', '.join(known)}, which is exploited"
        fix = f"update to {exploited.least(exploited.FORTIOS, session.release)} or later"
        yield Diagnosis(where, "firmware", Level.WARNING, told, fix)
    if not session.access.verify:
        fix = "name the authority in tls.caFile: who is on the way can read the key"
        yield Diagnosis(where, "certificate", Level.WARNING, "is not verified", fix)


def _account(session: Session, vdom: str) -> Told | errors.TargetError:
    """What the unit tells of its clock and of our key, or why it does not."""
    try:
        return account.read(session, vdom)
    except errors.TargetError as error:
        return error


def _may_write(told: Told | errors.TargetError) -> bool | None:
    return account.may_write(told) if isinstance(told, Told) else None


def _told(where: str, told: Told | errors.TargetError, clock: Clock) -> Iterator[Diagnosis]:
    """Its clock, and what our key may change."""
    if isinstance(told, errors.TargetError):
        yield diagnosis.failed(where, "account", told)
        return
    yield diagnosis.clock(where, told.time, clock.now())
    yield account.judge(where, told)


def _management(where: str, session: Session, vdom: str, *, asks_management: bool) -> Diagnosis:
    """Asked each time, whatever the configuration vouches for."""
    check = "management"
    try:
        found = managed.read(session, vdom)
    except errors.TargetError as error:
        return diagnosis.failed(where, check, error)
    if found.state is State.FREE:
        return Diagnosis(where, check, Level.OK, "no FortiManager manages it")
    if found.state is State.MANAGED:
        fix = "configure that FortiManager, and name it with the device in 'sites'"
        by = f" {found.by}" if found.by else ""
        text = f"FortiManager{by} manages it"
        return Diagnosis(where, check, Level.FAILURE, text, fix, misconfigured=True)
    if found.state is State.BACKUP:
        text = f"FortiManager {found.by} keeps copies of it and changes nothing (mode backup)"
        return Diagnosis(where, check, Level.OK, text)
    text = f"whether a FortiManager manages it is not known: {found.why}"
    if asks_management:
        fix = f"{_CFG}, or write 'managed: \"no\"' if you know that none does"
        return Diagnosis(where, check, Level.FAILURE, text, fix, misconfigured=True)
    return Diagnosis(where, check, Level.WARNING, f"{text}; 'managed: \"no\"' vouches for it", _CFG)


def _vdom(
    where: str, session: Session, place: DeviceVdom, *, may_write: bool | None
) -> Iterator[Diagnosis]:
    try:
        found = reading.read_tables(session, place.vdom)
    except errors.TargetError as error:
        yield diagnosis.failed(where, "objects", error)
        return
    count = sum(len(rows.rows) for rows in found.rows.values())
    yield _objects(where, count, may_write)
    package = policies.read_package(session, place)
    if not package.unread:
        told = f"{len(package.policies)} policies can be read"
        yield Diagnosis(where, "policies", Level.OK, told)
        return
    text = (
        f"not known: {'; '.join(package.unread)}. Which policy uses a group, and where empty means"
        " open, cannot be told, so emptying a group always waits for an approval"
    )
    yield Diagnosis(where, "policies", Level.WARNING, text, _POLICY)


def _objects(where: str, count: int, may_write: bool | None) -> Diagnosis:
    """Whether our key may do what it is for; None: that is not known."""
    text = f"{count} addresses and groups can be read"
    if may_write:
        return Diagnosis(where, "objects", Level.OK, text)
    if may_write is None:
        text += "; whether the key may write them is not known"
        return Diagnosis(where, "objects", Level.WARNING, text, f"look by hand; if not: {_ADDRESS}")
    return Diagnosis(where, "objects", Level.FAILURE, f"{text} and not written", _ADDRESS)


def _saving(where: str, session: Session, vdom: str) -> Diagnosis:
    """Whether a change survives a restart by itself (`config system global`, `cfg-save`)."""
    check = "saving"
    answer = session.ask(urls.table("system/global", vdom, {"format": "cfg-save"}))
    if not answer.ok:
        text = "not known: the key may not see whether a change is kept at a restart"
        return Diagnosis(where, check, Level.WARNING, text, _CFG)
    found = answer.results
    row = found[0] if isinstance(found, list) and found else found
    how = wire.printable(row.get("cfg-save", "")) if isinstance(row, dict) else ""
    if how in ("automatic", ""):
        text = "changes are kept at a restart" if how else "not said; automatic is the default"
        return Diagnosis(where, check, Level.OK, text)
    fix = "set cfg-save automatic, or save on the unit; it is written again after a restart"
    text = f"cfg-save is {how}: what is written is lost at a restart until somebody saves"
    return Diagnosis(where, check, Level.WARNING, text, fix)


def _cluster(where: str, session: Session, vdom: str) -> Diagnosis:
    """Whether another serial number would be told from a failover."""
    check = "cluster"
    try:
        mode = high_availability.mode(session, vdom)
        there = high_availability.members(session, vdom)
    except errors.TargetError as error:
        return diagnosis.failed(where, check, error)
    if named := session.access.serials:
        return _named(where, named, there)
    if mode == high_availability.ALONE:
        text = "in no cluster: another serial number is another unit"
        return Diagnosis(where, check, Level.OK, text)
    shown = ", ".join(there or (session.serial,))
    fix = f"name the serial numbers of its units: 'serials: [{shown}{'' if there else ', ..'}]'"
    if mode:
        text = (
            f"in a cluster (mode {wire.printable(mode)}): another serial number counts as a"
            " failover, and a unit of another cluster in its place is not noticed"
        )
        return Diagnosis(where, check, Level.WARNING, text, fix)
    text = (
        "whether it is in a cluster is not known: another serial number counts as a failover,"
        " and a unit that takes its place is not noticed"
    )
    return Diagnosis(where, check, Level.WARNING, text, f"{_CFG}, or {fix}")


def _named(where: str, named: Collection[str], there: Collection[str]) -> Diagnosis:
    """Whether the configuration names each unit of the cluster, as far as the unit tells them."""
    if lacks := ", ".join(sorted({*there} - {*named})):
        text = f"'serials' does not name {lacks} of its cluster: once that answers it is refused"
        return Diagnosis(where, "cluster", Level.WARNING, text, f"add {lacks} to 'serials'")
    text = f"one of 'serials' ({', '.join(sorted(named))}): any other is another unit"
    return Diagnosis(where, "cluster", Level.OK, text)

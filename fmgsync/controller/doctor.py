"""Is everything as it must be? Connects to every cluster and FortiManager, and writes nothing.

What is wrong stops fmgsync and is a failure; what others could do past it is a warning. Each comes
with its fix.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model.adom import AdomTopology, Workspace
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.model.rule import Site
from fmgsync.model.target import AdomRef
from fmgsync.planning import sites as site_names
from fmgsync.scheduling.terms import Mode
from fmgsync.targets.fortimanager import checkup, partial, topology
from fmgsync.targets.fortimanager.checkup import UnitFacts
from fmgsync.targets.fortimanager.session import Session

if TYPE_CHECKING:
    from fmgsync.kube.client import ApiSession, Tls
    from fmgsync.kube.requests import Request

OLDEST = (7, 2, 0)
SKEW_S = 30.0
"""More than this between the two clocks, and openings are not what people think."""

EXPIRY_DAYS = 30
_ON = ("enable", 1)
_SHOWN = 8


class Level(enum.StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one check found, and what to do about it; `fix` is empty where all is well."""

    where: str
    check: str
    level: Level
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class UnitToCheck:
    """One FortiManager, what is done there, and how."""

    open_session: Callable[[], Session]
    sites: Mapping[AdomRef, tuple[Site, ...]]
    mode: Mode
    writes: bool


@dataclass(frozen=True, slots=True)
class ClusterToCheck:
    """A cluster: a dump to read, or an API server to ask what is allowed."""

    name: str
    read: Callable[[], ClusterSnapshot] | None = None
    session: Callable[[], ApiSession] | None = None
    wanted: tuple[Request, ...] = ()


def check_cluster(cluster: ClusterToCheck, clock: Clock) -> Iterator[Diagnosis]:
    """Whether it can be read, and what no role allows."""
    where = f"cluster {cluster.name}"
    try:
        if cluster.session is not None:
            yield from _ask_api(where, cluster.session(), cluster.wanted, clock)
        elif cluster.read is not None:
            yield from _dump(where, cluster.read())
        else:
            yield Diagnosis(where, "source", Level.OK, "standard input; not read here")
    except errors.FmgsyncError as error:
        yield _failed(where, "connection", error)


def _ask_api(
    where: str, session: ApiSession, wanted: Iterable[Request], clock: Clock
) -> Iterator[Diagnosis]:
    from fmgsync.kube import rights

    try:
        major, minor = session.version()
        yield Diagnosis(where, "connection", Level.OK, f"Kubernetes {major}.{minor}")
        yield from judge_tls(where, session.tls(), clock.now())
        missing = rights.missing(session, wanted)
    finally:
        session.close()
    for request in missing:
        text = f"may not {request.verb} {request.resource.plural}"
        yield Diagnosis(where, "rights", Level.FAILURE, text, f"grant {request.rule()}")
    if not missing:
        yield Diagnosis(where, "rights", Level.OK, "everything needed is allowed")


def judge_tls(where: str, tls: Tls, now: float) -> Iterator[Diagnosis]:
    """Who we talk to, and for how long both certificates are good."""
    if not tls.verified:
        fix = "remove insecure-skip-tls-verify from the kubeconfig and name its authority"
        yield Diagnosis(where, "certificate", Level.WARNING, "is not verified", fix)
    shown = ((tls.server, "certificate", "API server's"), (tls.client, "own certificate", "user's"))
    for encoded, check, whose in shown:
        if encoded is not None:
            yield _expiry(where, check, certificate_end(encoded), now, whose)


def certificate_end(encoded: bytes) -> datetime:
    """When a certificate, PEM or DER, ends."""
    pem = b"-----BEGIN" in encoded
    load = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
    return load(encoded).not_valid_after_utc


def _expiry(where: str, check: str, ends: datetime, now: float, whose: str) -> Diagnosis:
    left = (ends - datetime.fromtimestamp(now, UTC)).days
    text = f"valid until {ends:%Y-%m-%d}, {left} days"
    soon = left < EXPIRY_DAYS
    fix = f"replace the {whose} certificate before then" if soon else ""
    return Diagnosis(where, check, Level.WARNING if soon else Level.OK, text, fix)


def _dump(where: str, found: ClusterSnapshot) -> Iterator[Diagnosis]:
    for problem in found.problems:
        text = f"{problem.where}: {problem.message}"
        yield Diagnosis(where, "dump", Level.WARNING, text, "write the dump again")
    if not found.problems:
        yield Diagnosis(where, "dump", Level.OK, "read")


def check_unit(to_check: UnitToCheck, clock: Clock) -> Iterator[Diagnosis]:
    """One FortiManager and its ADOMs."""
    session = to_check.open_session()
    where = f"FortiManager {session.access.name}"
    try:
        yield from _certificate(where, session, clock)
        with session:
            facts = checkup.read_unit(session)
            yield from judge_unit(where, facts, to_check, clock.now())
            if to_check.mode is Mode.OBJECTS:
                yield from _objects(where, partial.refusal(session))
            for ref, sites in to_check.sites.items():
                yield from _adom(session, ref, sites)
    except errors.FmgsyncError as error:
        yield _failed(where, "connection", error)


def _certificate(where: str, session: Session, clock: Clock) -> Iterator[Diagnosis]:
    access = session.access
    if not access.verify:
        fix = "remove 'verify: false' and name the CA in tls.caFile"
        yield Diagnosis(where, "certificate", Level.WARNING, "is not verified", fix)
    ends = checkup.expires_at(access)
    if ends is None:
        return
    yield _expiry(where, "certificate", ends, clock.now(), "FortiManager's")


def judge_unit(
    where: str, facts: UnitFacts, to_check: UnitToCheck, now: float
) -> Iterator[Diagnosis]:
    """What the unit's own answers mean."""
    yield _version(where, facts)
    yield _clock(where, facts, now)
    yield _permit(where, facts, writes=to_check.writes)
    yield _others(where, facts)
    yield _setting(
        where,
        "auto_push_cfg",
        facts.admin_settings,
        "FortiManager pushes to a device that comes back, in no window and no wave",
        "config system admin setting, set auto_push_cfg disable",
    )
    yield _setting(
        where,
        "workspace-unlock-after-install",
        facts.settings,
        "FortiManager takes the ADOM's lock away after each install, with waves still to come",
        "config system global, set workspace-unlock-after-install disable",
    )


def _version(where: str, facts: UnitFacts) -> Diagnosis:
    if facts.version is None:
        fix = "give the administrator's profile the right to read system settings"
        return Diagnosis(where, "version", Level.WARNING, "is not told", fix)
    told = ".".join(map(str, facts.version))
    if facts.version < OLDEST:
        fix = "update the FortiManager to 7.2 or later"
        return Diagnosis(where, "version", Level.FAILURE, f"{told} is too old", fix)
    return Diagnosis(where, "version", Level.OK, told)


def _clock(where: str, facts: UnitFacts, now: float) -> Diagnosis:
    if facts.time is None:
        fix = "compare 'get system status' with this computer's clock by hand"
        return Diagnosis(where, "clock", Level.WARNING, "is not told", fix)
    skew = facts.time - now
    text = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this computer"
    if abs(skew) > SKEW_S:
        fix = "let both follow an NTP server: windows go by this computer's clock"
        return Diagnosis(where, "clock", Level.WARNING, text, fix)
    return Diagnosis(where, "clock", Level.OK, text)


def _permit(where: str, facts: UnitFacts, *, writes: bool) -> Diagnosis:
    own = next((a for a in facts.administrators or () if a.user == facts.user), None)
    if own is None:
        text = f"what {facts.user!r} may do is not told"
        fix = "check by hand that rpc-permit is read-write and the profile may install"
        return Diagnosis(where, "rights", Level.WARNING, text, fix)
    if writes and own.rpc_permit != "read-write":
        text = f"{own.user!r} has rpc-permit {own.rpc_permit}: every write will be refused"
        fix = f"config system admin user, edit {own.user}, set rpc-permit read-write"
        return Diagnosis(where, "rights", Level.FAILURE, text, fix)
    if writes and not own.installs:
        text = f"the profile {own.profile} of {own.user!r} may not install"
        fix = f"config system admin profile, edit {own.profile}, set deploy-management read-write"
        return Diagnosis(where, "rights", Level.FAILURE, text, fix)
    text = f"{own.user!r}: rpc-permit {own.rpc_permit}, profile {own.profile}"
    return Diagnosis(where, "rights", Level.OK, text)


def _others(where: str, facts: UnitFacts) -> Diagnosis:
    check = "other administrators"
    if facts.administrators is None:
        text = "who else may install is not told"
        fix = "ask somebody who may read 'config system admin user'"
        return Diagnosis(where, check, Level.WARNING, text, fix)
    names = sorted(a.user for a in facts.administrators if a.installs and a.user != facts.user)
    if not names:
        return Diagnosis(where, check, Level.OK, "nobody else may install")
    shown = ", ".join(names[:_SHOWN]) + (
        f" and {len(names) - _SHOWN} more" if names[_SHOWN:] else ""
    )
    text = f"may install past windows and waves, with our changes in it: {shown}"
    fix = "take deploy-management from profiles that need not install, or use"
    return Diagnosis(where, check, Level.WARNING, text, f"{fix} reconcile.write: before-install")


def _setting(
    where: str, name: str, found: Mapping[str, object] | None, danger: str, fix: str
) -> Diagnosis:
    if found is None or name not in found:
        return Diagnosis(where, name, Level.WARNING, "is not told", f"look by hand; if on: {fix}")
    if found[name] in _ON:
        return Diagnosis(where, name, Level.WARNING, f"is enabled: {danger}", fix)
    return Diagnosis(where, name, Level.OK, "is disabled")


def _objects(where: str, refusal: str | None) -> Iterator[Diagnosis]:
    if refusal is None:
        yield Diagnosis(where, "install.mode: objects", Level.OK, "can be done")
        return
    text, _, fix = refusal.partition("; ")
    yield Diagnosis(where, "install.mode: objects", Level.FAILURE, text, fix)


def _adom(session: Session, ref: AdomRef, sites: tuple[Site, ...]) -> Iterator[Diagnosis]:
    where = f"ADOM {ref.adom} on {ref.fortimanager}"
    try:
        found = topology.read_topology(session, ref)
        yield from _judge_adom(where, found)
        resolved = site_names.resolve(sites, found)
        names = {target.device for site in resolved for target in site.targets}
        yield from _devices(where, found, names)
        yield from _scheduled(where, session, ref.adom)
    except errors.FmgsyncError as error:
        yield _failed(where, "sites", error)


def _judge_adom(where: str, found: AdomTopology) -> Iterator[Diagnosis]:
    if "backup" in found.flags:
        fix = "switch the ADOM to normal mode"
        text = "the ADOM is in backup mode: nothing can be installed from it"
        yield Diagnosis(where, "mode", Level.FAILURE, text, fix)
    if "auto_push_cfg" in found.flags:
        text = "the ADOM pushes to devices by itself, in no window and no wave"
        yield Diagnosis(where, "auto_push_cfg", Level.WARNING, text, "take the ADOM's flag away")
    if found.workspace is Workspace.DISABLED:
        text = "workspace mode is disabled: half-finished edits of others are installed along"
        fix = "config system global, set workspace-mode normal"
        yield Diagnosis(where, "workspace", Level.WARNING, text, fix)
    else:
        yield Diagnosis(where, "workspace", Level.OK, f"workspace mode {found.workspace}")


def _devices(where: str, found: AdomTopology, names: Iterable[str]) -> Iterator[Diagnosis]:
    listed = [found.devices[name] for name in sorted(names)]
    offline = [device.name for device in listed if device.online is False]
    unsynced = [device.name for device in listed if device.in_sync is False]
    if offline:
        text = f"offline: {', '.join(offline[:_SHOWN])} ({len(offline)} of {len(listed)})"
        fix = "mend their management tunnels; they are left for a later window"
        yield Diagnosis(where, "devices", Level.WARNING, text, fix)
    if unsynced:
        text = f"out of sync: {', '.join(unsynced[:_SHOWN])} ({len(unsynced)} of {len(listed)})"
        fix = "retrieve their configuration, or install, by hand; see install.firstInstall"
        yield Diagnosis(where, "devices", Level.WARNING, text, fix)
    if not offline and not unsynced:
        yield Diagnosis(where, "devices", Level.OK, f"{len(listed)} online and in sync")


def _scheduled(where: str, session: Session, adom: str) -> Iterator[Diagnosis]:
    plans = checkup.read_scheduled(session, adom)
    for plan in plans:
        text = f"FortiManager itself will install package {plan.package} at {plan.at}"
        fix = "cancel that scheduled install, or keep windows away from it"
        yield Diagnosis(where, "scheduled installs", Level.WARNING, text, fix)
    if not plans:
        yield Diagnosis(where, "scheduled installs", Level.OK, "none")


def _failed(where: str, check: str, error: errors.FmgsyncError) -> Diagnosis:
    fix = getattr(error, "next_step", None) or "mend that, then run this again"
    known = error.where is None or error.where.startswith((where, "FortiManager"))
    text = error.message if known else f"{error.where}: {error.message}"
    return Diagnosis(where, check, Level.FAILURE, text, fix)

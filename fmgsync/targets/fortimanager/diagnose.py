"""Whether a FortiManager and its ADOMs are as they must be, for `fmgsync doctor`.

`checkup` reads, and here is judged: what is wrong stops fmgsync and is a failure; what others
could do past it is a warning. Each comes with its fix.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model import diagnosis, exploited
from fmgsync.model.adom import AdomTopology, Workspace
from fmgsync.model.diagnosis import Diagnosis, Level
from fmgsync.model.rule import Site
from fmgsync.model.target import TargetRef
from fmgsync.planning import misnamed, workflow_mode
from fmgsync.planning import sites as site_names
from fmgsync.scheduling.install_policy import Mode
from fmgsync.targets.fortimanager import checkup, object_install, topology, workflow
from fmgsync.targets.fortimanager.checkup import UnitFacts
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.protocol import Purpose

OLDEST = (7, 2, 0)
_ON = ("enable", 1)
_SUPER = "Super_User"
_SHOWN = 8


def check_unit(session: Session, purpose: Purpose, clock: Clock) -> Iterator[Diagnosis]:
    """One FortiManager and its ADOMs, over a session that is not open yet."""
    where = f"FortiManager {session.access.name}"
    try:
        yield from _certificate(where, session, clock)
        with session:
            facts = checkup.read_unit(session)
            yield from judge_unit(where, facts, purpose, clock.now())
            if purpose.mode is Mode.OBJECTS:
                yield from _objects(where, object_install.refusal(session))
            for ref, sites in purpose.sites.items():
                yield from _adom(session, ref, sites, purpose, clock)
    except errors.FmgsyncError as error:
        yield diagnosis.failed(where, "connection", error)


def _certificate(where: str, session: Session, clock: Clock) -> Iterator[Diagnosis]:
    access = session.access
    if not access.verify:
        fix = "remove 'verify: false' and name the CA in tls.caFile"
        yield Diagnosis(where, "certificate", Level.WARNING, "is not verified", fix)
    ends = checkup.expires_at(access)
    if ends is None:
        return
    yield diagnosis.expiry(where, "certificate", ends, clock.now(), "FortiManager's")


def judge_unit(where: str, facts: UnitFacts, purpose: Purpose, now: float) -> Iterator[Diagnosis]:
    """What the unit's own answers mean."""
    yield _version(where, facts)
    yield diagnosis.clock(where, facts.time, now)
    yield _permit(where, facts, writes=purpose.writes)
    yield from _account(where, facts)
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
    if known := exploited.holes(exploited.FORTIMANAGER, facts.version):
        text = f"{told} is open to {', '.join(known)}, which is exploited"
        fix = f"update to {exploited.least(exploited.FORTIMANAGER, facts.version)} or later"
        return Diagnosis(where, "version", Level.WARNING, text, fix)
    return Diagnosis(where, "version", Level.OK, told)


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


def _account(where: str, facts: UnitFacts) -> Iterator[Diagnosis]:
    """Whether more is given to us than we need: who has our password has all of it."""
    own = next((a for a in facts.administrators or () if a.user == facts.user), None)
    if own is not None and own.profile == _SUPER:
        text = f"{own.user!r} is a super administrator: anybody with its password rules the unit"
        fix = "give it a profile with policy-objects, adom-policy-packages, deploy-management and"
        yield Diagnosis(
            where, "account", Level.WARNING, text, f"{fix} device-manager, and its ADOMs only"
        )


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
    way = "reconcile.write: before-install (with removals: in-window; not in workflow mode)"
    return Diagnosis(where, check, Level.WARNING, text, f"{fix} {way}")


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


def _adom(
    session: Session,
    ref: TargetRef,
    sites: tuple[Site, ...],
    purpose: Purpose,
    clock: Clock,
) -> Iterator[Diagnosis]:
    where = f"ADOM {ref.domain} on {ref.unit}"
    try:
        found = topology.read_topology(session, ref)
        yield from _judge_adom(where, found)
        for odd in workflow_mode.refused(purpose.at_once, found):
            text, _, fix = odd.message.partition("; ")
            yield Diagnosis(where, odd.name, Level.FAILURE, text, fix)
        for odd in misnamed.findings(
            misnamed.unmatched(purpose.named.get(ref, ()), misnamed.known(found)), found, unread=""
        ):
            fix = "correct the name; if it is meant for another ADOM, all is well"
            yield Diagnosis(where, "names", Level.WARNING, odd.message, fix)
        yield from _submission(where, session, found, clock)
        resolved = site_names.resolve(sites, found)
        names = {target.device for site in resolved for target in site.targets}
        for why in dict.fromkeys(why for site in resolved for _, why in site.missing):
            yield Diagnosis(where, "sites", Level.FAILURE, why, "correct 'sites'")
        yield from _devices(where, found, names)
        yield from _firmware(where, checkup.read_firmware(session, ref), names)
        yield from _scheduled(where, session, ref.domain)
    except errors.FmgsyncError as error:
        yield diagnosis.failed(where, "sites", error)


def _submission(
    where: str, session: Session, found: AdomTopology, clock: Clock
) -> Iterator[Diagnosis]:
    """What of ours waits for somebody, who may not know that the rules ask for other things now."""
    adom, mode = found.ref.domain, found.workspace
    if (waits := workflow.awaiting(session, adom, mode, now=clock.now())) is not None:
        fix = "decide on it in FortiManager; 'fmgsync plan' says whether it is still right"
        yield Diagnosis(where, "workflow", Level.WARNING, waits.brief, fix)


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


def _firmware(
    where: str, known: Mapping[str, exploited.Release], names: Collection[str]
) -> Iterator[Diagnosis]:
    """FortiGates of the sites whose release has a hole that is exploited, a line for each hole."""
    open_to: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names & known.keys()):
        for hole in exploited.holes(exploited.FORTIOS, known[name]):
            open_to[hole].append(f"{name} ({'.'.join(map(str, known[name]))})")
    for hole, devices in sorted(open_to.items()):
        shown = ", ".join(devices[:_SHOWN]) + (" and more" if devices[_SHOWN:] else "")
        text = f"open to {hole}, which is exploited: {shown}"
        yield Diagnosis(where, "firmware", Level.WARNING, text, "update their FortiOS")


def _scheduled(where: str, session: Session, adom: str) -> Iterator[Diagnosis]:
    plans = checkup.read_scheduled(session, adom)
    for plan in plans:
        text = f"FortiManager itself will install package {plan.package} at {plan.at}"
        fix = "cancel that scheduled install, or keep windows away from it"
        yield Diagnosis(where, "scheduled installs", Level.WARNING, text, fix)
    if not plans:
        yield Diagnosis(where, "scheduled installs", Level.OK, "none")

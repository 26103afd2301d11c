"""The `install` part of the configuration as the values that think: calendar and terms."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Callable
from datetime import timedelta

from fmgsync.model.fleet import fleet_of
from fmgsync.model.target import NamedPlace, TargetKind, TargetRef
from fmgsync.scheduling import budget
from fmgsync.scheduling.calendar import ALWAYS, Calendar
from fmgsync.scheduling.foreign import ForeignChanges
from fmgsync.scheduling.install_policy import HoldCommand, Mode, RolloutTerms, Terms
from fmgsync.scheduling.rollout import Overrun
from fmgsync.scheduling.urgent import RemovalPolicy
from fmgsync.scheduling.window import Scope, Window, WindowKind
from fmgsync.settings import amounts, installing, rules
from fmgsync.settings.schema import Config


def terms(config: Config) -> Terms:
    """Under which terms installs happen."""
    install = config.install
    return Terms(
        calendar=calendar(config),
        mode=Mode(install.mode),
        overrun=Overrun(install.overrun),
        removals=_removals(install.removals),
        rollout=_rollout(install.rollout),
        foreign_changes=ForeignChanges(install.foreign_changes),
        first_install=install.first_install == "allow",
        hold=tuple(
            HoldCommand(hold.command, hold.timeout.total_seconds(), str(config.origin.folder))
            for hold in install.hold
        ),
        verify=install.verify,
    )


def written_at_once(config: Config) -> dict[str, str]:
    """Settings that need the ADOM written right when it is installed -> what to set instead."""
    found = {}
    if config.reconcile.write == "before-install":
        found["reconcile.write: before-install"] = "reconcile.write: continuous"
    if config.install.mode != "none" and config.install.removals != "in-window":
        how = "immediately" if config.install.removals == "immediately" else "within"
        found[f"install.removals: {how}"] = "install.removals: in-window"
    return found


def calendar(config: Config) -> Calendar:
    """`always`, or the windows in the order of the file; none of them means never."""
    windows = config.install.windows
    if windows == "always":
        return ALWAYS
    return Calendar(tuple(_window(window) for window in windows))


def named_places(config: Config) -> Callable[[TargetRef], tuple[NamedPlace, ...]]:
    """Tells what canaries, waves and windows name, as far as it may be meant for an ADOM: what the
    sites of another one name is meant for that."""
    rollout, fleets, bearers = config.install.rollout, rules.fleets(config), _bearers(config)
    canary = [NamedPlace("install.rollout.canary", str(name)) for name in rollout.canary]
    waves = (size for size in rollout.waves if isinstance(size, amounts.DeviceGroup))
    everywhere = [*canary, *(NamedPlace("install.rollout.waves", str(size)) for size in waves)]
    windows = config.install.windows
    scopes = [_window(window).scope for window in (windows if windows != "always" else ())]

    def named(ref: TargetRef) -> tuple[NamedPlace, ...]:
        found = [*everywhere]
        for number, scope in enumerate(scopes):
            where = f"install.windows[{number}]"
            if scope.may_cover(ref, fleet_of(fleets, ref).name):
                found += (NamedPlace(where, name) for name in scope.devices or ())
                found += (NamedPlace(where, f"group:{name}") for name in scope.device_groups or ())
        return tuple(each for each in dict.fromkeys(found) if bearers(each.name) <= {ref})

    return named


def _bearers(config: Config) -> Callable[[str], frozenset[TargetRef]]:
    """The targets whose sites name a place: in so many words, or, where no FortiManager is asked
    for what a pattern means, by a name that it fits."""
    exactly: dict[str, set[TargetRef]] = {}
    direct: set[str] = set()
    for site in rules.sites(config):
        for name in site.names():
            exactly.setdefault(name, set()).add(site.adom)
        direct |= site.names() if site.adom.kind is TargetKind.FORTIGATE else frozenset()

    @functools.cache
    def bearers(name: str) -> frozenset[TargetRef]:
        fitting = {
            ref
            for one in fnmatch.filter(direct, name)
            for ref in exactly[one]
            if ref.kind is TargetKind.FORTIGATE
        }
        return frozenset(fitting | exactly.get(name, set()))

    return bearers


def _window(window: installing.Window) -> Window:
    return Window(
        kind=WindowKind(window.kind),
        schedule=window.schedule,
        duration=window.duration,
        timezone=window.timezone,
        scope=Scope(
            fortimanagers=window.fortimanagers,
            adoms=window.adoms,
            devices=window.devices,
            device_groups=window.device_groups,
            fleets=window.fleets,
        ),
    )


def _removals(removals: installing.Removals) -> RemovalPolicy:
    if removals == "in-window":
        return RemovalPolicy()
    if isinstance(removals, str):
        return RemovalPolicy(within=timedelta(0))
    return RemovalPolicy(within=removals.within)


def _rollout(rollout: installing.Rollout) -> RolloutTerms:
    return RolloutTerms(
        canary=rollout.canary,
        waves=tuple(_wave(size) for size in rollout.waves),
        pause=rollout.pause,
        max_failures=_limit(rollout.max_failures),
    )


def _wave(size: amounts.Percent | int | amounts.DeviceGroup) -> budget.Percent | int | str:
    if isinstance(size, amounts.Percent):
        return budget.Percent(size.value)
    return size if isinstance(size, int) else str(size)


def _limit(limit: amounts.Percent | int) -> budget.Limit:
    return limit if isinstance(limit, int) else budget.Percent(limit.value)

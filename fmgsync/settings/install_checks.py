"""Whether windows, rollout and removals fit the rest of the configuration."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from fmgsync.settings import plain, site_checks
from fmgsync.settings.names import GROUP_PREFIX
from fmgsync.settings.plain import Issue, Steps
from fmgsync.settings.refusing import nearest, shown
from fmgsync.yamllines import Plain


def removals(data: Plain) -> Iterator[Issue]:
    """Two keys that cancel each other: with one nothing is written before a window opens, the other
    promises that removals do not wait for it."""
    removals = plain.child(data, "install", "removals")
    if plain.child(data, "reconcile", "write") == "before-install" and removals not in (
        None,
        "in-window",
    ):
        yield Issue(
            ("install", "removals"),
            "'reconcile.write: before-install' writes nothing before a window opens, so a removal"
            " would wait for it",
            "take 'removals: in-window', or 'reconcile.write: continuous'",
        )


def windows(data: Plain) -> Iterator[Issue]:
    """Names that exist nowhere: a deny window with a slip in its name would deny nothing."""
    adoms = {
        str(site["adom"]) for _, site in plain.entries(data, "sites") if plain.has(site, "adom")
    }
    devices, fleets = _site_devices(data), site_checks.fleet_names(data)
    for path, entry in plain.entries(data, "install", "windows"):
        units = _exact(entry.get("fortimanagers"))
        yield from plain.references(
            (*path, "fortimanagers"), units, "FortiManager", plain.names(data, "fortimanagers")
        )
        yield from plain.references(
            (*path, "adoms"), _exact(entry.get("adoms")), "ADOM in sites", sorted(adoms)
        )
        if devices is not None:
            yield from _unmatched((*path, "devices"), entry.get("devices"), devices)
        for index, pattern in plain.words(entry.get("fleets")):
            if not any(fnmatch.fnmatchcase(name, pattern) for name in fleets):
                yield Issue(
                    (*path, "fleets", index),
                    f"there is no fleet {shown(pattern)}{nearest(pattern, fleets)}",
                    f"there are: {', '.join(sorted(fleets)) or 'none'}",
                )


def _exact(value: Plain) -> Plain:
    """The list with None in the place of patterns, so that indexes stay."""
    if not isinstance(value, list):
        return None
    return [
        None if isinstance(item, str) and site_checks.is_pattern(item) else item for item in value
    ]


def _site_devices(data: Plain) -> set[str] | None:
    """Devices that the sites name; None if a device group makes them unknowable here."""
    sites = [site for _, site in plain.entries(data, "sites")]
    named = [device for site in sites for _, device in plain.words(site.get("devices"))]
    direct = plain.names(data, "fortigates")
    for site in sites:
        words = [word for _, word in plain.words(site.get("fortigates"))]
        named += (f"{name}/{vdom}" for name, vdom in site_checks.direct_places(words, direct))
    if any(device.startswith(GROUP_PREFIX) for device in named):
        return None
    return set(named)


def _unmatched(path: Steps, value: Plain, devices: set[str]) -> Iterator[Issue]:
    for index, pattern in plain.words(value):
        if not any(_covers(pattern, device) for device in devices):
            yield Issue(
                (*path, index),
                f"no device of the sites is called {shown(pattern)}{nearest(pattern, devices)}",
            )


def _covers(pattern: str, device: str) -> bool:
    """Whether a pattern may mean a device of a site; a VDOM left out could be any."""
    name, _, vdom = device.partition("/")
    wanted, _, wanted_vdom = pattern.partition("/")
    return fnmatch.fnmatchcase(name, wanted) and (
        not wanted_vdom or not vdom or fnmatch.fnmatchcase(vdom, wanted_vdom)
    )


def rollout(data: Plain) -> Iterator[Issue]:
    """Canaries that exist, and waves that grow until they are everything."""
    path = ("install", "rollout")
    canary = plain.child(data, *path, "canary")
    yield from plain.repeated_words((*path, "canary"), canary)
    devices = _site_devices(data)
    if devices is not None:
        yield from _unmatched((*path, "canary"), canary, devices)
    waves = plain.child(data, *path, "waves")
    if isinstance(waves, list) and waves and waves[-1] not in ("100%", "100.0%"):
        yield Issue(
            (*path, "waves", len(waves) - 1),
            "the last wave must be 100%, or some devices would never be installed",
            "add 100% at the end",
        )
    yield from _shrinking((*path, "waves"), waves)


def _shrinking(path: Steps, waves: Plain) -> Iterator[Issue]:
    before = 0.0
    for index, word in plain.words(waves):
        try:
            share = float(word.removesuffix("%")) if word.endswith("%") else before
        except ValueError:
            continue
        if share < before:
            yield Issue((*path, index), f"{shown(word)} is smaller than the wave before it",
                        "waves are counted together with the ones before")  # fmt: skip
        before = share

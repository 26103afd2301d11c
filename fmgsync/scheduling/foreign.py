"""Whose edits an install would push: ours, another fmgsync's, or somebody else's.

A package install carries everything that is pending for a device. Package status `modified` says
nothing about whose change it was; only the preview's text does. A name proves nothing: an edit is
an owner's only if its object bears that owner's mark, and the preview shows what that owner wrote.
What cannot be attributed is foreign.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fmgsync.model import address as addresses
from fmgsync.model import naming
from fmgsync.model.address import NOWHERE, Address, Family
from fmgsync.model.preview import DevicePreview, Marked, PendingEdit, Source
from fmgsync.model.state import ObjectKey
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.model.words import some

_ADDRESSES = {"firewall address": Family.IPV4, "firewall address6": Family.IPV6}
_GROUPS = {"firewall addrgrp": Family.IPV4, "firewall addrgrp6": Family.IPV6}
_VALUE = {"firewall address": "subnet", "firewall address6": "ip6"}
_PROSE = frozenset({"comment", "comments", "uuid", "color"})
_PLAIN = frozenset({"disable", "default", "ipmask", "ipprefix", "ip", "0"})
_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|(\S+)')
_ESCAPED = re.compile(r"\\(.)")
_DIGITS = 16


class ForeignChanges(enum.StrEnum):
    """What to do with a device on which an install would push other people's edits."""

    BLOCK = "block"
    REPORT = "report"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Owners:
    """Who wrote what: our own part of the ADOM as this run vouches for it, and that of peers.

    `places` are the DeviceVdoms of the install, for edits that do not name their VDOM.
    """

    own: Marked
    peers: tuple[Marked, ...] = ()
    places: tuple[DeviceVdom, ...] = ()

    def source_of(self, device: str, edit: PendingEdit) -> Source:
        """Whose edit it is."""
        places = [
            DeviceVdom(device, edit.vdom) if edit.vdom else place
            for place in self.places
            if place.device == device
        ]
        if wrote(self.own, edit, places):
            return Source.OWN
        return Source.PEER if any(wrote(p, edit, places) for p in self.peers) else Source.FOREIGN


def key_of(edit: PendingEdit) -> ObjectKey | None:
    """The address or group that an edit concerns; None for anything else."""
    family = _ADDRESSES.get(edit.table) or _GROUPS.get(edit.table)
    return None if family is None or edit.name is None else (family, edit.name)


def wrote(owner: Marked, edit: PendingEdit, places: Iterable[DeviceVdom]) -> bool:
    """Whether an owner has written exactly what the edit shows."""
    key = key_of(edit)
    if key is None:
        return False
    if edit.deletes:
        return _deleted(owner, edit, key, places)
    settings = _settings(edit)
    if settings is None:
        return False
    if edit.table in _ADDRESSES:
        return _wrote_address(owner, key, settings.get(_VALUE[edit.table]))
    return _wrote_group(owner, key, settings.get("member"), places)


def _deleted(
    owner: Marked, edit: PendingEdit, key: ObjectKey, places: Iterable[DeviceVdom]
) -> bool:
    """What is gone from the ADOM bears its mark in FortiManager's copy of the device at most."""
    standing = (owner.adom.addresses if edit.table in _ADDRESSES else owner.adom.groups).get(key)
    if standing is not None:
        return standing.owned
    return any((edit.table, key) in owner.copied.get(place, ()) for place in places)


def _wrote_address(owner: Marked, key: ObjectKey, value: list[str] | None) -> bool:
    standing = owner.adom.addresses.get(key)
    if standing is None or not standing.owned:
        return False
    stands_for = naming.address_of(owner.owner, key[1])
    if key[1] == naming.none_name(owner.owner):
        stands_for = NOWHERE[key[0]]
    if stands_for is None or standing.value != stands_for:
        return False
    return value is None or _parsed(value) == stands_for


def _wrote_group(
    owner: Marked, key: ObjectKey, members: list[str] | None, places: Iterable[DeviceVdom]
) -> bool:
    standing = owner.adom.groups.get(key)
    if standing is None or not standing.owned:
        return False
    if members is None:
        return True
    return any(
        sorted(members) == sorted(set(standing.mappings.get(place, standing.members)))
        for place in places
    )


def _parsed(words: Sequence[str]) -> Address | None:
    try:
        return addresses.parse("/".join(words))
    except ValueError:
        return None


def _settings(edit: PendingEdit) -> dict[str, list[str]] | None:
    """Value and members as an edit sets them; None if it sets anything that we never write.

    Nothing may hide in an object of ours: no table in it, no value with a line break, no other
    field than prose and what means nothing.
    """
    found: dict[str, list[str]] = {}
    for line in edit.lines:
        words = _words(line)
        match words:
            case _ if "\n" in line:
                return None
            case ["set", ("subnet" | "ip6" | "member") as name, *values] if name not in found:
                found[name] = values
            case ["set", name, *_] if name in _PROSE:
                pass
            case ["set", _, value] if value in _PLAIN:
                pass
            case ["set", "associated-interface", "any"]:
                pass
            case ["unset", name] if name not in ("subnet", "ip6", "member"):
                pass
            case _:
                return None
    return found


def _words(line: str) -> list[str]:
    return [bare or _ESCAPED.sub(r"\1", quoted) for quoted, bare in _WORD.findall(line)]


def by_source(preview: DevicePreview, owners: Owners) -> Mapping[Source, tuple[PendingEdit, ...]]:
    """The edits of one device by whose they are; every source has an entry."""
    sources: dict[Source, list[PendingEdit]] = {source: [] for source in Source}
    for edit in preview.edits:
        sources[owners.source_of(preview.device, edit)].append(edit)
    return {source: tuple(edits) for source, edits in sources.items()}


def digest(ref: TargetRef, device: str, edits: Iterable[PendingEdit]) -> str:
    """Stands for exactly these edits on this device: another line, another digest."""
    rows = [[e.vdom, e.table, e.name, e.deletes, *e.lines] for e in edits]
    text = json.dumps([ref.unit, ref.domain, device, rows])
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


@dataclass(slots=True)
class Sorted:
    """The devices of a wave after their previews were judged.

    `install` may go on; `empty` have nothing to install; `blocked` maps a device to why it may
    not, `digests` to what lets it through. `let_through` are those that a person has let through,
    by the digest used; `unseen` go on although nobody could see what goes along. `foreign` are all
    edits of other people, told whatever becomes of them.
    """

    install: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    blocked: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, tuple[PendingEdit, ...]] = field(default_factory=dict)
    peers: dict[str, tuple[PendingEdit, ...]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    let_through: dict[str, str] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)


def judge(
    previews: Iterable[DevicePreview],
    owners: Owners,
    policy: ForeignChanges,
    *,
    ref: TargetRef,
    approved: Collection[str] = (),
) -> Sorted:
    """Sort devices by what an install would push there. A device without a preview is blocked,
    unless everything may go along; `approved` are digests that let edits through."""
    made = Sorted()
    for preview in sorted(previews, key=lambda each: each.device):
        device, found = preview.device, by_source(preview, owners)
        foreign, peers = found[Source.FOREIGN], found[Source.PEER]
        made.foreign.update({device: foreign} if foreign else {})
        made.peers.update({device: peers} if peers else {})
        if preview.problem is not None:
            if policy is ForeignChanges.ALLOW:
                made.unseen[device] = preview.problem
                made.install.append(device)
            else:
                made.blocked[device] = f"no preview: {preview.problem}"
        elif not preview.changes:
            made.empty.append(device)
        elif foreign and policy is ForeignChanges.BLOCK:
            _block(made, device, digest(ref, device, foreign), foreign, approved)
        else:
            made.install.append(device)
    return made


def _block(
    made: Sorted,
    device: str,
    stands_for: str,
    edits: tuple[PendingEdit, ...],
    approved: Collection[str],
) -> None:
    if stands_for in approved:
        made.let_through[device] = stands_for
        made.install.append(device)
        return
    made.digests[device] = stands_for
    made.blocked[device] = f"{_told(edits)}; 'fmgsync approve {stands_for}' lets them go along once"


def _told(edits: tuple[PendingEdit, ...]) -> str:
    """`would also push 3 edits of other people: firewall policy 7, ...`."""
    word = "edit" if len(edits) == 1 else "edits"
    return f"an install would also push {len(edits)} {word} of other people: {some(edits)}"

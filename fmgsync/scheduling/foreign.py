"""Whose edits an install would push: ours, another fmgsync's, or somebody else's.

A package install carries everything that is pending for a device. Package status `modified` says
nothing about whose change it was; only the preview's text does. What cannot be attributed is
foreign.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fmgsync.model import naming
from fmgsync.model.preview import DevicePreview, PendingEdit, Source

_ADDRESSES = frozenset({"firewall address", "firewall address6"})
_GROUPS = frozenset({"firewall addrgrp", "firewall addrgrp6"})
_POLICIES = frozenset(
    {"firewall policy", "firewall security-policy", "firewall proxy-policy", "firewall policy6"}
)
_PLAIN = ("set ", "unset ")
_PROSE = ("set comment", "set name", "set uuid")
_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|(\S+)')


class ForeignChanges(enum.StrEnum):
    """What to do with a device on which an install would push other people's edits."""

    BLOCK = "block"
    REPORT = "report"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Owners:
    """What belongs to whom: our own name and groups, and the marked groups of other fmgsyncs.

    `asked_for`: a person is installing now. Then a policy that uses one of our groups goes along:
    whoever writes it wants the group on the device. Unattended it is foreign.
    """

    own: str
    groups: frozenset[str]
    peers: Mapping[str, str] = field(default_factory=dict)
    asked_for: bool = False

    def source_of(self, edit: PendingEdit) -> Source:
        """Whose edit it is, by table and name; only plain lines, as fmgsync causes them."""
        if edit.name is None or not _is_plain(edit):
            return Source.FOREIGN
        if edit.table in _GROUPS:
            return self._of_group(naming.group_of(edit.name))
        if edit.table in _ADDRESSES:
            return self._of_address(edit.name)
        return Source.FOREIGN

    def asked_for_in(self, preview: DevicePreview) -> frozenset[PendingEdit]:
        """Policies that use one of our groups, and what they need: all that their lines name,
        directly or through other edits of this preview."""
        if not self.asked_for:
            return frozenset()
        named = {edit.name: edit for edit in preview.edits if edit.name and _is_object(edit)}
        found: set[PendingEdit] = set()
        for policy in preview.edits:
            if policy.table in _POLICIES and _is_plain(policy):
                reached = _reached(policy, named)
                if any(name in self.groups for name in reached):
                    found.add(policy)
                    found.update(named[name] for name in reached if name in named)
        return frozenset(found)

    def _of_group(self, name: str) -> Source:
        if name in self.groups:
            return Source.OWN
        return Source.PEER if name in self.peers else Source.FOREIGN

    def _of_address(self, name: str) -> Source:
        if _belongs(self.own, name):
            return Source.OWN
        others = set(self.peers.values())
        return Source.PEER if any(_belongs(o, name) for o in others) else Source.FOREIGN


def _belongs(owner: str, name: str) -> bool:
    return naming.address_of(owner, name) is not None or name == naming.none_name(owner)


def _is_plain(edit: PendingEdit) -> bool:
    """Nothing may hide in an object of ours: no table in it, no value with a line break."""
    if edit.deletes:
        return True
    return all(line.startswith(_PLAIN) and "\n" not in line for line in edit.lines)


def _is_object(edit: PendingEdit) -> bool:
    """Something a policy can name; deleting is never what a policy needs."""
    return not edit.deletes and _is_plain(edit) and edit.table.startswith("firewall ")


def _reached(policy: PendingEdit, named: Mapping[str, PendingEdit]) -> set[str]:
    """Every name in the policy's lines, and in those of the edits they name."""
    seen: set[str] = set()
    waiting = [policy]
    while waiting:
        for name in _names(waiting.pop()) - seen:
            seen.add(name)
            if name in named:
                waiting.append(named[name])
    return seen


def _names(edit: PendingEdit) -> set[str]:
    """The values of an edit's lines, which is where other objects are named."""
    found: set[str] = set()
    for line in edit.lines:
        if line.startswith("set ") and not line.startswith(_PROSE):
            words = [quoted or bare for quoted, bare in _WORD.findall(line)]
            found.update(words[2:])
    return found


def by_source(preview: DevicePreview, owners: Owners) -> Mapping[Source, tuple[PendingEdit, ...]]:
    """The edits of one device by whose they are; every source has an entry."""
    asked = owners.asked_for_in(preview)
    sources: dict[Source, list[PendingEdit]] = {source: [] for source in Source}
    for edit in preview.edits:
        source = owners.source_of(edit)
        if source is Source.FOREIGN and edit in asked:
            source = Source.ASKED_FOR
        sources[source].append(edit)
    return {source: tuple(edits) for source, edits in sources.items()}


@dataclass(frozen=True, slots=True)
class Sorted:
    """The devices of a wave after their previews were judged.

    `install` may go on; `empty` have nothing to install; `blocked` maps a device to why it may
    not; `foreign` are all edits of other people, told whatever becomes of them.
    """

    install: tuple[str, ...]
    empty: tuple[str, ...]
    blocked: Mapping[str, str]
    foreign: Mapping[str, tuple[PendingEdit, ...]]
    peers: Mapping[str, tuple[PendingEdit, ...]]


def judge(previews: Iterable[DevicePreview], owners: Owners, policy: ForeignChanges) -> Sorted:
    """Sort devices by what an install would push there. A device without a preview is blocked."""
    install, empty = [], []
    blocked: dict[str, str] = {}
    foreign: dict[str, tuple[PendingEdit, ...]] = {}
    peers: dict[str, tuple[PendingEdit, ...]] = {}
    for preview in sorted(previews, key=lambda each: each.device):
        found = by_source(preview, owners)
        if found[Source.FOREIGN]:
            foreign[preview.device] = found[Source.FOREIGN]
        if found[Source.PEER]:
            peers[preview.device] = found[Source.PEER]
        if preview.problem is not None:
            blocked[preview.device] = f"no preview: {preview.problem}"
        elif not preview.changes:
            empty.append(preview.device)
        elif found[Source.FOREIGN] and policy is ForeignChanges.BLOCK:
            blocked[preview.device] = _told(found[Source.FOREIGN])
        else:
            install.append(preview.device)
    return Sorted(tuple(install), tuple(empty), blocked, foreign, peers)


def _told(edits: tuple[PendingEdit, ...]) -> str:
    """`would also push 3 edits of other people: firewall policy 7, ...`."""
    names = ", ".join(str(edit) for edit in edits[:3])
    rest = f" and {len(edits) - 3} more" if len(edits) > 3 else ""
    word = "edit" if len(edits) == 1 else "edits"
    return f"an install would also push {len(edits)} {word} of other people: {names}{rest}"

"""A group keeps the name it has when its rule's name gains or loses a prefix.

Releases of Calico differ in whether a policy's name begins with its tier. Firewall policies name
the group, and a group cannot be renamed under them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from fmgsync.model import naming
from fmgsync.model.change import Finding
from fmgsync.model.state import DesiredAdom, ObservedAdom

KEPT = "kept-name"
RENAMED = "renamed-policy"
TWIN = "twin-of-others"


def settle(
    desired: DesiredAdom, observed: ObservedAdom, taking: Collection[str] = ()
) -> DesiredAdom:
    """The same, with the names that own groups have already where they have another one; groups of
    `taking` are about to be own.

    Where somebody took a group over for a policy that has a new one already, the old one counts:
    firewall policies may use it.
    """
    mine = [group for group in observed.groups.values() if group.owned]
    own = {group.name for group in mine} | {*taking}
    wanted = {group.name for group in desired.groups}
    taken = {*taking, *(g.name for g in mine if naming.taken_over(g.comment) is not None)}
    known = {
        name: alias
        for name in (wanted if taken else wanted - own)
        if (alias := desired.aliases.get(name)) in own
        and alias not in wanted
        and (name not in own or alias in taken)
    }
    new = wanted - known.keys() - {name for _, name in observed.groups}
    told = [
        *_told(known.items()),
        *_renamed(desired, own, wanted - known.keys()),
        *_of_others(desired, observed, new),
    ]
    if not told:
        return desired
    return replace(
        desired,
        groups=tuple(replace(g, name=known.get(g.name, g.name)) for g in desired.groups),
        findings=(*desired.findings, *told),
        broad=frozenset(known.get(name, name) for name in desired.broad),
    )


def _renamed(desired: DesiredAdom, own: set[str], wanted: set[str]) -> Iterable[Finding]:
    """New groups of policies that may be old ones by another name: nobody but a person knows."""
    lost = {name.partition(".")[2]: name for name in sorted(own - wanted)}
    for name in sorted((desired.aliases.keys() & wanted) - own):
        tier, _, bare = name.partition(".")
        if bare and (old := lost.get(bare)) is not None:
            former = old.partition(".")[0]
            message = (
                f"group {old} has no policy any more, and this new one differs from it by its tier"
                f" only: firewall policies that use {old} do not know it. If the tier was renamed,"
                f" write renamedTiers: {{{tier}: {former}}}, and the group keeps its name; else put"
                " both into those policies before the old one is approved to go"
            )
            yield Finding(RENAMED, name, message)


def _of_others(
    desired: DesiredAdom, observed: ObservedAdom, new: Collection[str]
) -> Iterable[Finding]:
    """New groups beside one that somebody else made for the same policy."""
    there = {name for (_, name), group in observed.groups.items() if not group.owned}
    for name in sorted(new):
        if (twin := desired.aliases.get(name)) in there:
            message = (
                f"group {twin}, which differs by its tier only, is not fmgsync's, and firewall"
                " policies may use it: take it over before this one is made, and it keeps its name:"
                f" fmgsync adopt --names {twin}"
            )
            yield Finding(TWIN, name, message)


def _told(known: Iterable[tuple[str, str]]) -> Iterable[Finding]:
    for name, alias in sorted(known):
        message = f"the group of {name} keeps the name it has: firewall policies may use it"
        yield Finding(KEPT, alias, message)

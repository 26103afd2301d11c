"""A group keeps the name it has when its rule's name gains or loses a prefix.

Releases of Calico differ in whether a policy's name begins with its tier. Firewall policies name
the group, and a group cannot be renamed under them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fmgsync.model.change import Finding
from fmgsync.model.state import DesiredAdom, ObservedAdom

KEPT = "kept-name"


def settle(desired: DesiredAdom, observed: ObservedAdom) -> DesiredAdom:
    """The same, with the names that own groups have already where they have another one."""
    own = {name for (_, name), group in observed.groups.items() if group.owned}
    wanted = {group.name for group in desired.groups}
    known = {
        name: alias
        for name in wanted
        if (alias := desired.aliases.get(name)) in own - wanted and name not in own
    }
    if not known:
        return desired
    return replace(
        desired,
        groups=tuple(replace(g, name=known.get(g.name, g.name)) for g in desired.groups),
        findings=(*desired.findings, *_told(known.items())),
        broad=frozenset(known.get(name, name) for name in desired.broad),
    )


def _told(known: Iterable[tuple[str, str]]) -> Iterable[Finding]:
    for name, alias in sorted(known):
        message = f"the group of {name} keeps the name it has: firewall policies may use it"
        yield Finding(KEPT, alias, message)

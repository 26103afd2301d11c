"""What a process knows of one FortiGate: shared by the targets of its VDOMs, from pass to pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fmgsync.targets.fortigate.identities import Identities
from fmgsync.targets.fortigate.session import Session
from fmgsync.targets.fortigate.tables import Known
from fmgsync.targets.fortigate.transactions import Ability


@dataclass(slots=True)
class Unit:
    """One FortiGate of the configuration.

    `asks_management`: it is refused if a FortiManager manages it, or may. `member_limit` is that of
    one group. `recognise` holds who answers for a VDOM against what is remembered, and may raise.
    """

    identities: Identities
    asks_management: bool = True
    member_limit: int = 600
    recognise: Callable[[Session, str], None] = lambda session, vdom: None
    known: Known = field(default_factory=Known)
    ability: Ability = field(default_factory=Ability)
    free_serials: set[str] = field(default_factory=set)
    """Units of which it is known in this process that no FortiManager manages them."""
    kept_by: str = ""
    """The FortiManager that keeps copies of it, as far as that was asked."""

"""What every pass works with: the configuration's intent, the adapters, and what runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.grouping import clusters, publishable
from fmgsync.model.address import Address
from fmgsync.model.change import Finding
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.model.rule import RuleSet, Site
from fmgsync.model.target import NamedPlace, TargetRef
from fmgsync.passes.fleet_roster import Roster
from fmgsync.passes.guard_memory import AdomGuard
from fmgsync.passes.install_context import Installing
from fmgsync.scheduling.install_policy import Terms
from fmgsync.state.memory import Memory
from fmgsync.targets.protocol import Delivery, Target

ReadSource = Callable[[], ClusterSnapshot]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Intent:
    """What the configuration asks for, independent of what runs.

    `writes` False is policy mode observe, which still shows everything; `removes` False is upsert.
    `member_limit` is that of one address group, None unless somebody has chosen one;
    `needs_reason`: installing at once takes one. `before_install`: written only when installed.
    `at_once` are settings that need that, or more of it -> what to set instead.
    """

    owner: str
    rules: RuleSet
    allowed_ranges: Mapping[str, Sequence[publishable.Range]]
    writes: bool = True
    removes: bool = True
    member_limit: int | None = None
    needs_reason: bool = False
    before_install: bool = False
    at_once: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdomWork:
    """One target and what is wanted of it.

    Inside `session()` all reading calls share one login. `named` are what canaries, waves and
    windows name; `elsewhere` tells what other ADOMs have of that kind, and which could not be read.
    """

    ref: TargetRef
    sites: tuple[Site, ...]
    target: Target
    session: Callable[[], AbstractContextManager[object]]
    fleet: Roster
    guard: AdomGuard
    named: tuple[NamedPlace, ...] = ()
    elsewhere: Callable[[], tuple[frozenset[str], str]] | None = None

    def writes_ahead(self, intent: Intent) -> bool:
        """Whether it is written as soon as something is due, in no window and no wave: not where
        that waits for an install, nor where it is one."""
        return self.target.traits.stages and not intent.before_install

    @property
    def stands_apart(self) -> bool:
        """Whether it may be worked on beside others: each FortiGate is a unit of its own, while the
        ADOMs of a FortiManager share one."""
        return not self.target.traits.stages

    @property
    def clusters(self) -> frozenset[str]:
        """The clusters behind its sites."""
        return frozenset[str]().union(*(site.clusters for site in self.sites))

    @property
    def delivery(self) -> Delivery | None:
        """What brings to the devices what was written; None where writing is delivering."""
        return self.target.delivery()


@dataclass(frozen=True, slots=True)
class World:
    """Everything a one-shot pass works with. `sources` are asked once, in order; `at_once` of the
    targets that stand apart are worked on at the same time. `compare_names` raises TwoNames for a
    target whose unit has another name as well, as far as units have answered."""

    intent: Intent
    sources: Mapping[str, ReadSource]
    adoms: Sequence[AdomWork]
    clock: Clock
    memory: Memory
    installing: Installing
    tell: Tell = lambda text: None
    terms: Terms = field(default_factory=Terms)
    at_once: int = 1
    compare_names: Callable[[TargetRef], None] = lambda ref: None

    @property
    def instant(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self.clock.now(), UTC)


@dataclass(frozen=True, slots=True)
class Workloads:
    """What runs, as far as it could be read, and what each rule selects in it. `who` names what
    has an address, in all clusters."""

    snapshots: Mapping[str, ClusterSnapshot]
    members: clusters.Members
    findings: tuple[Finding, ...]
    problems: tuple[errors.FmgsyncError, ...]
    in_use: Callable[[str, Address], bool]
    """Whether anything in a cluster has an address, selected or not."""
    rules: RuleSet = field(default_factory=lambda: RuleSet(()))
    """The rules that were asked of it, those of policies among them."""
    who: Callable[[Address], tuple[str, ...]] = lambda address: ()

    @property
    def frozen(self) -> dict[str, list[str]]:
        """Why some rules can remove nothing -> their names."""
        found: dict[str, list[str]] = {}
        for (rule, _), members in sorted(self.members.items()):
            if not members.complete:
                found.setdefault(members.because, []).append(rule)
        return found

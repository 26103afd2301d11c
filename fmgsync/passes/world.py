"""What every pass works with: the configuration's intent, the adapters, and what runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.grouping import clusters
from fmgsync.model.address import Address
from fmgsync.model.change import Finding
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.model.rule import RuleSet
from fmgsync.model.target import TargetRef
from fmgsync.passes.install_context import Installing
from fmgsync.passes.reconcile import AdomWork, Intent
from fmgsync.scheduling.install_policy import Terms
from fmgsync.state.memory import Memory

ReadSource = Callable[[], ClusterSnapshot]
Tell = Callable[[str], None]


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

"""What installs need besides the configuration: who starts them, why, and what is kept of them."""

from __future__ import annotations

import getpass
import os
import socket
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from fmgsync.audit import Audit, FileKeeper, Keeper, StreamKeeper
from fmgsync.clock import Clock
from fmgsync.model.target import TargetRef
from fmgsync.passes.rollout_book import Reason
from fmgsync.passes.write_log import Formerly
from fmgsync.scheduling.admission import Clearance
from fmgsync.scheduling.rollout_record import RolloutRecord
from fmgsync.settings import features, rules
from fmgsync.settings.schema import Config
from fmgsync.state.documents import Documents
from fmgsync.state.heads import AuditHeads
from fmgsync.state.rollouts import Rollouts
from fmgsync.state.stale import StaleSince
from fmgsync.state.stops import Stops
from fmgsync.state.units import Units

RECHECK_S = 600.0
"""A device that other people's edits hold back is looked at again after so long."""

AUDIT = "audit.jsonl"
"""The audit's file in the state folder."""


_DECIDING = features.APPLIES | {features.RUN, features.ROLLOUT}


@dataclass(frozen=True, slots=True)
class Installing:
    """How this run installs.

    `patient`: stay with a rollout through its pauses; otherwise come back on a later pass.
    `began_at`: when; it looks once at a device that other people's edits hold back, while the
    others leave it alone for a time. `stopping` says that nothing more may start, `leaving` that
    even what runs is to be let go of.
    """

    rollouts: Rollouts
    stale: StaleSince
    units: Units
    audit: Audit
    reason: Reason
    stops: Stops
    formerly: Formerly
    clearance: Clearance = field(default_factory=Clearance)
    patient: bool = True
    began_at: float = 0.0
    stopping: Callable[[], bool] = lambda: False
    leaving: Callable[[], bool] = lambda: False

    def recall(self, ref: TargetRef) -> RolloutRecord | None:
        """What is remembered of an ADOM's rollout, before anything is written or pushed there.

        Raises StateError for what is damaged, and where decisions could not be kept.
        """
        self.stops.covering(ref)
        record = self.rollouts.read(ref)
        self.audit.check()
        return record

    def held_since(self, now: float) -> float:
        """A device that was held back since then is not looked at again by who looks `now`."""
        return self.began_at if self.patient else now - RECHECK_S


@dataclass(frozen=True, slots=True)
class People:
    """What the person who starts a run says beyond the configuration.

    `reason` goes into audit and device revisions, `by` is in whose name it is. `stopping` tells
    that they want it to end, `leaving` that they cannot wait for what runs, `audit_file` where the
    audit is kept, None for its place in the state folder.
    """

    reason: str = ""
    override_deny: bool = False
    audit_file: Path | None = None
    stopping: Callable[[], bool] = lambda: False
    leaving: Callable[[], bool] = lambda: False
    by: str = ""


def make_installing(
    config: Config,
    command: str,
    documents: Documents,
    clock: Clock,
    people: People,
    *,
    folder: Path,
    units: Units,
) -> Installing:
    """How `command` installs. A command that only looks writes no audit.

    `folder` holds the audit's file, unless this is a replica among others.
    """
    run = str(structlog.contextvars.get_contextvars().get("run") or uuid.uuid4().hex[:12])
    reason = Reason(run, named(people.by), people.reason)
    heads = AuditHeads(documents)
    keeper: Keeper | None = None
    if command == features.RUN and config.lease is not None and people.audit_file is None:
        # A pod keeps no file, and its output is collected.
        keeper = StreamKeeper(_print_line, heads)
    elif command in _DECIDING:
        keeper = FileKeeper(people.audit_file or folder / AUDIT, heads)
    audit = Audit(
        f"{config.owner}@{socket.gethostname()}",  # one chain per installation and replica
        clock=clock,
        keeper=keeper,
        heads=heads,
        about={"run": run, **_about(people.by, people.reason)},
    )
    return Installing(
        Rollouts(documents, config.owner, clock=clock, units=units, fleets=rules.fleets(config)),
        StaleSince(documents, config.owner, units=units),
        units,
        audit,
        reason,
        Stops(documents, config.owner),
        Formerly(),
        Clearance(now=command == features.APPLY_NOW, override_deny=people.override_deny),
        patient=command != features.RUN,
        began_at=clock.now(),
        stopping=people.stopping,
        leaving=people.leaving,
    )


def make_decision_audit(
    owner: str, documents: Documents, clock: Clock, folder: Path, *, by: str, reason: str
) -> Audit:
    """The audit of what a person decides outside a run: a chain of its own, since a controller may
    be at work under the same name."""
    heads = AuditHeads(documents)
    return Audit(
        f"{owner}@{socket.gethostname()}/decisions",
        clock=clock,
        keeper=FileKeeper(folder / AUDIT, heads),
        heads=heads,
        about=_about(by, reason),
    )


def _about(by: str, reason: str) -> dict[str, str]:
    return {"who": who(), **({"by": by} if by else {}), "reason": reason or "not given"}


def _print_line(line: str) -> None:
    """At once, whole: what reads standard output must not wait for a buffer to fill."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def named(by: str) -> str:
    """Who decides something: who they say they are, beside who they are here."""
    return f"{by} ({who()})" if by else who()


def who() -> str:
    """Who runs this, for audit and ledger: the user behind sudo rather than root."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a container's user often has no name
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"

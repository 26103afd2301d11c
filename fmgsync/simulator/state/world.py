"""Everything one simulated FortiManager knows. No part of it is global: several may run at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fmgsync.simulator.codes import Refusal, bad_url, no_permission
from fmgsync.simulator.state.adom import Adom
from fmgsync.simulator.state.devices import Device
from fmgsync.simulator.state.ignored import Ignored
from fmgsync.simulator.state.sessions import Admin, Session, Sessions
from fmgsync.simulator.state.store import Database
from fmgsync.simulator.state.tasks import Tasks
from fmgsync.simulator.state.timeline import Timeline

Version = tuple[int, int, int]


@dataclass(slots=True)
class Switches:
    """Behaviour that no public source settles, or that an administrator can set.

    The defaults punish careless clients. `docs/simulator.md` explains each.
    """

    partial_install: bool = True
    partial_install_refusal: int = -9
    parent_write_keeps_mappings: bool = False
    accept_unknown_scope: bool = False
    list_writes_all_or_nothing: bool = False
    stop_at_first_error: bool = False
    unreachable_install_fails: bool = False
    second_install_fails: bool = False
    failed_push_status: str = "installed"
    retrieved_status: str = "modified"
    member_limit: int = 20_000
    stated_member_limit: int = -1
    commit_answers_task: bool = False
    auto_push: bool = False
    workspace_unlock_after_install: bool = False
    per_policy_lock: bool = False
    all_status_words: bool = False
    rename_used: bool = False
    preview_hides_failed_copy: bool = False
    missing_right_shrinks: bool = False
    transaction_locks_writes: bool = True
    unit_transactions: bool = True
    unit_takes_lists: bool = False
    unit_requests_per_second: int = 0
    unit_max_body: int = 1 << 20


OF_FORTIGATES: Final = frozenset(
    {
        "missing_right_shrinks",
        "transaction_locks_writes",
        "unit_transactions",
        "unit_takes_lists",
        "unit_requests_per_second",
        "unit_max_body",
    }
)
"""Switches of the FortiGates' own REST API: nothing that a FortiManager answers depends on them."""


class World:
    """State of the unit and of its FortiGates; `lock` guards all of it."""

    def __init__(
        self,
        *,
        version: Version,
        mode: str,
        admins: dict[str, Admin],
        clock: Callable[[], float],
        idle_limit_s: float,
        secret: str,
    ) -> None:
        self.version = version
        self.mode = mode
        self.clock = clock
        self.admins = admins
        self.hostname = "FMG-SIM"
        self.serial = "FMG-VMTM00000001"
        self.started = clock()
        self.switches = Switches()
        self.ignored = Ignored()
        self.lock = threading.RLock()
        self.timeline = Timeline()
        self.tasks = Tasks()
        self.adoms: dict[str, Adom] = {}
        self.devices: dict[str, Device] = {}
        self.alone: dict[str, Device] = {}
        """FortiGates that this FortiManager does not know."""
        self.resources: dict[str, Resource] = {}
        self.profiles: dict[str, Mapping[str, str]] = {}
        """Administrator profiles: what each gives, by right."""
        self.ha_settings: dict[str, Any] = {}
        self.ha_peers: dict[int, dict[str, Any]] = {}
        self.assigned: dict[tuple[str, int], int] = {}
        """Global packages by ADOM and package oid, with the version that was assigned."""
        self.ha_role = "Stand Alone"
        self.ha_since = self.started
        """Since when it has that role."""
        self.requests = 0
        self.last_answer = b"{}"
        """Counted for `cid`, which newer releases add to every answer."""
        self.defects: list[str] = []
        """Exceptions that should not have been; a test may ask that there are none."""
        self.unplug: Callable[[float], None] = lambda seconds: None
        """Takes the unit off the network for so many seconds; set by the running server."""
        self._last_oid = 160
        self._meta_fields: dict[str, dict[str, dict[str, Any]]] = {}
        self.sessions = Sessions(
            admins,
            self.timeline,
            idle_limit_s=idle_limit_s,
            secret=secret,
            ended=self._release,
        )

    def now(self) -> float:
        """The clock's time, after everything that was due by then has happened."""
        now = self.clock()
        self.timeline.advance(now)
        return now

    def next_oid(self) -> int:
        """A fresh object id."""
        self._last_oid += 1
        return self._last_oid

    def adom(self, name: str) -> Adom:
        """The ADOM, or -6 as for any url that leads nowhere."""
        found = self.adoms.get(name)
        if found is None:
            raise bad_url()
        return found

    def enter(self, name: str, session: Session) -> Adom:
        """The ADOM if this session may see it."""
        adom = self.adom(name)
        if not session.admin.may_enter(name):
            raise no_permission()
        return adom

    def device(self, name: str) -> Device:
        """The device, or -3."""
        found = self.devices.get(name)
        if found is None:
            raise Refusal(-3)
        return found

    def units(self) -> dict[str, Device]:
        """Every FortiGate by its name, managed or not."""
        return {**self.devices, **self.alone}

    def adoms_of(self, device: str) -> list[Adom]:
        """ADOMs that hold a VDOM of the device."""
        return [adom for adom in self.adoms.values() if device in adom.members]

    def view(self, adom: Adom, session: Session) -> Database:
        """The ADOM's database as the session sees it."""
        return adom.view(session.sid)

    def meta_fields(self, table: str) -> dict[str, dict[str, Any]]:
        """The meta fields of a table, by name."""
        return self._meta_fields.setdefault(table, {})

    def fail_over(self) -> None:
        """The other unit of the cluster takes over: it has the configuration, and nothing else."""
        for session in self.sessions.all():
            self.sessions.end(session)
        self.tasks.clear()
        self.take_role("HA Primary")

    def take_role(self, role: str) -> None:
        """What this unit is in its cluster from now on."""
        if role != self.ha_role:
            self.ha_role, self.ha_since = role, self.clock()

    def _release(self, session: Session) -> None:
        """Locks and drafts of a session that ended are gone."""
        for adom in self.adoms.values():
            adom.locks = [lock for lock in adom.locks if lock.sid != session.sid]
            adom.drafts.pop(session.sid, None)


@dataclass(slots=True)
class Resource:
    """A threat feed file that FortiManager hosts for its FortiGates."""

    name: str
    content: str
    modified: int

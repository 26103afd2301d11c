"""Other people at work: in the ADOM, and on FortiGates that stand alone. They know what foreign
objects there are, and nothing of what fmgsync does."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.life.console import Console
from tests.end_to_end.estate import PACKAGE
from tests.end_to_end.mixed import ALONE, BEHIND, RULES, Mixed

ADOM = "/pm/config/adom/prod"
OBJECTS = f"{ADOM}/obj/firewall"
HOST = "255.255.255.255"


class Administrator:
    """Somebody else at work in the ADOM."""

    def __init__(self, estate: Mixed, dice: random.Random) -> None:
        self.estate, self.dice = estate, dice
        self.locked: Console | None = None
        self.has_deleted = self.has_moved = False
        self._clones: list[str] = []
        self._made = 0

    def act(self) -> None:
        """One thing, if nobody's lock is in the way."""
        if self.locked is not None:
            self.go_home()
            return
        mostly = (self.edit, self.edit, self.clone, self.lock, self.change)
        seldom = (self.rename, self.widen, self.deny, self.negate, self.drop_spare, self.empty)
        rarely = (self.move, self.delete_package, self.delete_group)
        try:
            self.dice.choice((*mostly, *mostly, *mostly, *seldom, *seldom, *rarely))()
        except Refusal:
            return  # somebody else has the ADOM, or it is used, as in life

    def _saving(self, *calls: tuple[str, str, Any]) -> None:
        with self.estate.administrator() as console:
            for method, url, data in calls:
                console.call(method, url, data)

    def _group(self) -> str:
        return self.dice.choice(list(RULES))

    def edit(self) -> None:
        """Our mapping of one device is opened up."""
        name = self.dice.choice(BEHIND)
        data = {
            "_scope": [{"name": name, "vdom": "root"}],
            "member": [self.dice.choice(("all", "legacy-db", "none"))],
        }
        url = f"{OBJECTS}/addrgrp/{self._group()}/dynamic_mapping/{name}/root"
        self._saving(("set", url, data))

    def empty(self) -> None:
        """Our group's own value is opened up for whoever has no mapping."""
        self._saving(("update", f"{OBJECTS}/addrgrp/{self._group()}", {"member": ["all"]}))

    def _own(self) -> list[str]:
        found = self.estate.unit.console("admin").objects("prod", "address")
        return sorted(name for name in found if name.startswith("prod_10"))

    def widen(self) -> None:
        """One of our addresses gets another value."""
        if own := self._own():
            url = f"{OBJECTS}/address/{self.dice.choice(own)}"
            self._saving(("update", url, {"subnet": "10.0.0.0/8"}))

    def clone(self) -> None:
        """One of our addresses, mark and all, under another name and with another value."""
        if own := self._own():
            self._made += 1
            name, value = f"clone-{self._made}", f"10.66.{self._made // 250}.{self._made % 250}"
            comment = f"Managed by fmgsync (prod): {self.dice.choice(own)}"
            data = {"name": name, "subnet": f"{value}/32", "comment": comment}
            self._saving(("add", f"{OBJECTS}/address", data))
            self._clones.append(name)

    def rename(self) -> None:
        """A foreign object that nobody uses gets another name."""
        if self._clones:
            at = self.dice.randrange(len(self._clones))
            new = f"{self._clones[at]}x"[:60]
            self._saving(("update", f"{OBJECTS}/address/{self._clones[at]}", {"name": new}))
            self._clones[at] = new

    def change(self) -> None:
        """A foreign object that a policy uses gets another value: a pending edit of somebody."""
        value = f"10.9.0.{self.dice.randint(1, 9)}"
        self._saving(("update", f"{OBJECTS}/address/legacy-db", {"subnet": f"{value}/32"}))

    def lock(self) -> None:
        """The ADOM is locked, and kept for a while."""
        if not self.estate.choice.locks:
            return
        console = self.estate.unit.console("admin")
        try:
            console.lock("prod")
        except Refusal:
            console.log_out()
            raise
        self.locked = console

    def go_home(self) -> None:
        """The lock is given back."""
        if self.locked is not None:
            console, self.locked = self.locked, None
            try:
                console.unlock("prod")
                console.log_out()
            except Refusal:
                return  # the session is gone, and with it the lock

    def deny(self) -> None:
        """A policy that denies what is in a group of ours."""
        self._policy(self._group(), action="deny")

    def negate(self) -> None:
        """A policy for everything but what is in a group of ours."""
        self._policy(self._group(), **{"dstaddr-negate": "enable"})

    def _policy(self, group: str, **more: Any) -> None:
        self._made += 1
        policy = {"name": f"extra-{self._made}", "srcaddr": ["all"], "dstaddr": [group]}
        policy |= {"srcintf": ["any"], "dstintf": ["any"], "service": ["ALL"]}
        policy |= {"schedule": ["always"], "action": "accept", **more}
        self._saving(("add", f"{ADOM}/pkg/{PACKAGE}/firewall/policy", policy))

    def drop_spare(self) -> None:
        """A package that is installed nowhere goes, or comes back."""
        names = [row.key for row in self.estate.unit.world.adoms["prod"].packages(
            self.estate.unit.world.adoms["prod"].ground)]  # fmt: skip
        if "edge/spare" in names:
            self._saving(("delete", "/pm/pkg/adom/prod/edge/spare", None))
        else:
            self._saving(("add", "/pm/pkg/adom/prod/edge", {"name": "spare", "type": "pkg"}))

    def delete_package(self) -> None:
        """The package that the devices have goes: what they run stays."""
        self._saving(("delete", f"/pm/pkg/adom/prod/{PACKAGE}", None))
        self.has_deleted = True

    def delete_group(self) -> None:
        """A group of ours goes, unless a policy uses it."""
        self._saving(("delete", f"{OBJECTS}/addrgrp/{self._group()}", None))

    def move(self) -> None:
        """A FortiGate moves to another ADOM, or back."""
        to = "prod" if self.has_moved else "spare"
        console = self.estate.unit.console("carol")
        try:
            if self.estate.choice.locks:
                console.lock(to)
            data = [{"name": BEHIND[-1], "vdom": "root"}]
            console.call("add", f"/dvmdb/adom/{to}/object member", data)
            self.has_moved = not self.has_moved
        finally:
            console.log_out()

    def put_right(self) -> None:
        """What was taken away by mistake is there again, and installed."""
        self.go_home()
        self.estate.approve_submissions()
        if self.has_moved:
            self.move()
        if self.has_deleted:
            targets = [{"name": name, "vdom": "root"} for name in BEHIND]
            folder = {"name": "default", "type": "pkg", "scope member": targets}
            self._saving(("add", "/pm/pkg/adom/prod/edge", folder))
            self.has_deleted = False

    def use_everything(self) -> None:
        """A policy that uses each group of ours that no policy uses, where there is one."""
        world = self.estate.unit.world
        ground = world.adoms["prod"].ground
        there = ground.rows("firewall addrgrp")
        tables = [table for table in ground.tables() if table.startswith("firewall policy of")]
        used = {n for t in tables for row in ground.rows(t) for n in row.attrs.get("dstaddr", ())}
        for group in RULES:
            if group in there and group not in used:
                self._policy(group)


class Operator:
    """Somebody at work on the FortiGates that stand alone."""

    def __init__(self, estate: Mixed, dice: random.Random) -> None:
        self.unit, self.dice = estate.unit, dice
        self.transactions: list[tuple[str, int]] = []
        self._made = 0

    def act(self) -> None:
        """One thing on one unit; a transaction that is open is closed first."""
        self._made += 1
        if self.transactions:
            self.go_home()
            return
        mostly: tuple[Callable[[str], None], ...] = (self.edit, self.edit, self.clone, self.change)
        seldom = (self.hold, self.fail_over, self.restart)
        self.dice.choice((*mostly, *mostly, *seldom))(self.dice.choice(ALONE))

    def edit(self, name: str) -> None:
        """Our group is opened up, if it is there, or loses all that is in it."""
        gate, group = self.unit.fortigate(name), self.dice.choice(list(RULES))
        if gate.members(group) is not None:
            members = self.dice.choice((("all",), ("legacy-db",), ()))
            gate.drift("firewall addrgrp", group, member=members)

    def clone(self, name: str) -> None:
        """One of our addresses, mark and all, under another name and with another value."""
        own = sorted(n for n in self.unit.fortigate(name).names("firewall address") if "prod_" in n)
        if own:
            self._put(name, f"clone-{self._made}", f"10.66.0.{self._made % 250}", own[0])

    def change(self, name: str) -> None:
        """A foreign object that a policy uses gets another value."""
        self._put(name, "legacy-db", f"10.9.0.{self.dice.randint(1, 9)}", "")

    def _put(self, name: str, address: str, value: str, like: str) -> None:
        gate = self.unit.fortigate(name)
        mark = f"Managed by fmgsync (prod): {like}" if like else "by hand"
        gate.drift("firewall address", address, subnet=(value, HOST), comment=mark)
        gate.save()  # a restart must not take it away again

    def hold(self, name: str) -> None:
        """A transaction holds the groups."""
        held = self.unit.fortigate(name).hold("firewall addrgrp")
        self.transactions.append((name, held))

    def go_home(self) -> None:
        """Transactions are given up."""
        while self.transactions:
            name, number = self.transactions.pop()
            self.unit.fortigate(name).let_go(number)

    def fail_over(self, name: str) -> None:
        """The other unit of the cluster answers, with its own serial number."""
        self.unit.fortigate(name).fail_over()

    def restart(self, name: str) -> None:
        """The unit boots with what was saved last."""
        self.unit.fortigate(name).restart()

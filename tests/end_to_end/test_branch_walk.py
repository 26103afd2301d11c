"""A random walk along branch offices: pods come and go, an administrator edits units in the middle
of passes, opens transactions, lets a unit fail over or boot with unsaved changes, and a middlebox
answers 502, nothing, or another request's answer.

After each step the units' own state is looked at, past everything fmgsync says; when the trouble
stops, everything converges, and nothing foreign was ever touched.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.passes import once
from fmgsync.passes.result import Result
from fmgsync.wiring import wiring
from tests.end_to_end.branches import GROUP, Branches, open_branches, seed
from tests.end_to_end.middlebox import Middlebox

UNITS = ("branch-1", "branch-2", "branch-3")
POOL = range(1, 9)
STEPS = 8
HOST = "255.255.255.255"


class Administrator:
    """Somebody at work on the units; knows what foreign objects must look like on each."""

    def __init__(self, branches: Branches, dice: random.Random) -> None:
        self.unit, self.dice = branches.unit, dice
        self.foreign = {name: {"legacy-db": "10.9.0.1"} for name in UNITS}
        self.transactions: list[tuple[str, int]] = []
        self.edits = 0

    def act(self) -> None:
        """One thing on one unit; a transaction that is open is closed first."""
        self.edits += 1
        if self.transactions:
            self.go_home()
            return
        mostly = (self.edit, self.edit, self.clone, self.change)
        seldom = (self.hold, self.fail_over, self.restart, self.remove)
        self.dice.choice((*mostly, *mostly, *seldom))(self.dice.choice(UNITS))

    def edit(self, name: str) -> None:
        """Our group is opened up, if it is there, or loses all that is in it."""
        gate = self.unit.fortigate(name)
        if gate.members(GROUP) is not None:
            members = self.dice.choice((("all",), ("legacy-db",), ()))
            gate.drift("firewall addrgrp", GROUP, member=members)

    def clone(self, name: str) -> None:
        """One of our addresses, mark and all, under another name and with another value."""
        gate = self.unit.fortigate(name)
        own = [n for n in sorted(gate.names("firewall address")) if n.startswith("prod_")]
        if own:
            self._put(name, f"clone-{self.edits}", f"10.66.0.{self.edits % 250}", own[0])

    def change(self, name: str) -> None:
        """A foreign object that a policy uses gets another value."""
        self._put(name, "legacy-db", f"10.9.0.{self.dice.randint(1, 9)}", "")

    def remove(self, name: str) -> None:
        """A foreign object that nobody uses goes, by whom it belongs to."""
        clones = [one for one in self.foreign[name] if one.startswith("clone")]
        if clones:
            gone = self.dice.choice(clones)
            self.unit.fortigate(name).drift("firewall address", gone)
            del self.foreign[name][gone]
            self.unit.fortigate(name).save()

    def _put(self, name: str, address: str, value: str, like: str) -> None:
        gate = self.unit.fortigate(name)
        mark = f"Managed by fmgsync (prod): {like}" if like else "by hand"
        gate.drift("firewall address", address, subnet=(value, HOST), comment=mark)
        gate.save()  # a restart must not take it away again
        self.foreign[name][address] = value

    def hold(self, name: str) -> None:
        """A transaction holds the groups."""
        gate = self.unit.fortigate(name)
        self.transactions.append((name, gate.hold("firewall addrgrp")))

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


class Walk:
    """One walk; every check is against the simulator's own state."""

    def __init__(self, branches: Branches, dice: random.Random) -> None:
        self.branches, self.dice = branches, dice
        self.somebody = Administrator(branches, dice)
        self.box = Middlebox(dice, self.somebody.act)
        self.wanted: set[int] = {1}
        self.proven = 0
        branches.pods(1)

    def step(self) -> None:
        """Something changes, and a run meets whatever comes."""
        if self.dice.random() < 0.7:
            self.wanted = set(self.dice.sample(POOL, self.dice.randint(1, len(POOL))))
            self.branches.pods(*sorted(self.wanted))
        edits = self.somebody.edits
        result = self.run()
        self.check(result if self.somebody.edits == edits else None)
        self.branches.clock.sleep(self.dice.choice((1, 60, 900)))

    def run(self) -> Result | None:
        """`apply --install window`, the windows being always open. Only our own errors come out."""
        try:
            world = wiring.make_world(
                self.branches.path,
                command="apply --install window",
                clock=self.branches.clock,
                state_dir=self.branches.folder / "state",
                transport=lambda access: self.box,
            )
            return once.apply(world, install=True)
        except errors.FmgsyncError:
            return None

    def check(self, result: Result | None) -> None:
        """Foreign objects are as their owners made them; what is called verified is so."""
        for name in UNITS:
            gate = self.branches.unit.fortigate(name)
            rows = gate.rest("/api/v2/cmdb/firewall/address?vdom=root")["results"]
            there = {row["name"]: row.get("subnet", "") for row in rows}
            for address, value in self.somebody.foreign[name].items():
                assert there[address] == f"{value} {HOST}", f"{address} of {name}"
            assert gate.members("legacy") == {self.somebody.foreign[name]["legacy-db"]}
            assert {"all", "none", "gmail.com"} <= there.keys(), f"{name} was purged"
        for target in verified(result):
            self.proven += 1
            assert self.branches.held(target) == self.wanted, f"{target} is called verified"

    def settle(self) -> None:
        """The trouble stops, people answer for what was held; everything becomes as it should."""
        self.box.quiet = True
        self.somebody.go_home()
        self.branches.clock.sleep(3600)
        result = None
        for _ in range(8):
            self.branches.steer("resume")
            result = self.run()
            assert result is not None
            for adom in result.adoms:
                for hold in adom.seen.plan.held if adom.seen else ():
                    self.branches.approve(hold.digest)
            if all(self.branches.held(name) == self.wanted for name in UNITS):
                break
            self.branches.clock.sleep(900)
        assert result is not None
        told = [str(adom.error) for adom in result.adoms if adom.error]
        assert [self.branches.held(name) for name in UNITS] == [self.wanted] * 3, told
        self.check(result)


def verified(result: Result | None) -> set[str]:
    if result is None:
        return set()
    rollouts = [adom.rollout for adom in result.adoms if adom.rollout is not None]
    return {target.device for rollout in rollouts for target in rollout.verified}


def walk(folder: Path, number: int, *, at_once: int = 1, **more: Any) -> Walk:
    """One unit after the other, the same dice make the same walk."""
    dice = random.Random(number)
    made = seed(UNITS, saving="manual", **more)
    for at, unit in enumerate(made["fortigates"], 1):
        unit |= {"serial": f"FGTSIM00000000{at}A", "standby": [f"FGTSIM00000000{at}B"]}
    with open_branches(folder, made) as branches:
        branches.write_config(
            guard={"maxRemovedShare": 1.0, "maxAddedShare": 100},
            reconcile={"unitsAtOnce": at_once},
        )
        walked = Walk(branches, dice)
        for _ in range(STEPS):
            walked.step()
        walked.settle()
        return walked


def test_whatever_comes_nothing_foreign_is_touched_and_it_converges(tmp_path: Path) -> None:
    assert walk(tmp_path, 0).box.acted


@pytest.mark.slow
@pytest.mark.parametrize("version", ["7.0.12", "7.4.5"])
@pytest.mark.parametrize("number", range(1, 21))
def test_longer_walks(tmp_path: Path, number: int, version: str) -> None:
    """Without empty groups and with them; every other one with the units side by side."""
    walked = walk(tmp_path, number, version=version, at_once=1 + number % 2 * 15)
    assert walked.box.acted, "a walk without trouble tries nothing"
    assert walked.box.broken

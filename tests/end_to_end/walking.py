"""What walks are made of: a middlebox, an administrator, and checks against the simulator's state,
past everything fmgsync says."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from fmgsync import errors
from fmgsync.passes import once
from fmgsync.passes.result import Result
from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.life.console import Console
from fmgsync.wiring import wiring
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import GROUP, names, open_fleet, seed, web
from tests.end_to_end.middlebox import Middlebox

DEVICES = 3
OBJECTS = "/pm/config/adom/prod/obj/firewall"
POOL = [f"10.1.0.{number}" for number in range(1, 9)]
STEPS = 8


class Administrator:
    """Somebody else at work; knows what foreign objects must look like."""

    def __init__(self, estate: Estate, dice: random.Random) -> None:
        self.estate, self.dice = estate, dice
        self.foreign: dict[str, str] = {"legacy-db": "10.9.0.1"}
        self.locked: Console | None = None
        self._clones = 0

    def act(self) -> None:
        """One thing, if nobody's lock is in the way."""
        if self.locked is not None:
            self.go_home()
            return
        mostly = (self.edit, self.edit, self.clone, self.lock)
        what = self.dice.choice((*mostly, *mostly, self.rename, self.change))
        try:
            what()
        except Refusal:
            return  # somebody else has the ADOM, as in life

    def _saving(self, *calls: tuple[str, str, dict[str, Any]]) -> None:
        console = self.estate.unit.console("admin")
        locks = self.estate.unit.world.mode != "disabled"
        try:
            if locks:
                console.lock("prod")
            for method, url, data in calls:
                console.call(method, f"{OBJECTS}/{url}", data)
            if locks:
                console.commit("prod")
        finally:
            console.log_out()

    def edit(self) -> None:
        """Our mapping of one device is opened up."""
        name = self.dice.choice(names(DEVICES))
        scope = [{"name": name, "vdom": "root"}]
        data = {"_scope": scope, "member": [self.dice.choice(("all", "legacy-db", "none"))]}
        self._saving(("set", f"addrgrp/{GROUP}/dynamic_mapping/{name}/root", data))

    def clone(self) -> None:
        """One of our addresses, mark and all, under another name and with another value."""
        own = [
            n
            for n in self.estate.unit.console("admin").objects("prod", "address")
            if "prod_10" in n
        ]
        if own:
            self._clones += 1
            name, value = f"clone-{self._clones}", f"10.66.0.{self._clones}"
            comment = f"Managed by fmgsync (prod): {self.dice.choice(own)}"
            self._saving(
                ("add", "address", {"name": name, "subnet": f"{value}/32", "comment": comment})
            )
            self.foreign[name] = value

    def lock(self) -> None:
        """The ADOM is locked, and kept for a while."""
        if self.estate.unit.world.mode != "disabled":
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
            self.locked.unlock("prod")
            self.locked.log_out()
            self.locked = None

    def rename(self) -> None:
        """A foreign object that nobody uses gets another name."""
        clones = [name for name in self.foreign if name.startswith("clone")]
        if clones:
            old = self.dice.choice(clones)
            new = f"{old}x"
            self._saving(("update", f"address/{old}", {"name": new}))
            self.foreign[new] = self.foreign.pop(old)

    def change(self) -> None:
        """A foreign object that a policy uses gets another value: a pending edit of somebody."""
        value = f"10.9.0.{self.dice.randint(1, 9)}"
        self._saving(("update", "address/legacy-db", {"subnet": f"{value}/32"}))
        self.foreign["legacy-db"] = value


class Walk:
    """One walk; every check is against the simulator's own state."""

    def __init__(self, estate: Estate, dice: random.Random) -> None:
        self.estate, self.dice = estate, dice
        self.somebody = Administrator(estate, dice)
        self.box = Middlebox(dice, self.somebody.act)
        self.wanted = {"10.1.0.1"}
        self.ever = {"10.1.0.1"}
        self.proven = 0

    def step(self) -> None:
        """Something changes, and a run meets whatever comes."""
        if self.dice.random() < 0.7:
            self.wanted = set(self.dice.sample(POOL, self.dice.randint(1, len(POOL))))
            self.ever |= self.wanted
            web(self.estate, *sorted(self.wanted))
        result = self.run()
        if result is not None:
            self.check(result)
        self.estate.clock.sleep(self.dice.choice((1, 60, 900)))

    def run(self) -> Result | None:
        """`apply --install window`, the windows being always open. Only our own errors come out."""
        try:
            world = wiring.make_world(
                self.estate.path,
                command="apply --install window",
                clock=self.estate.clock,
                state_dir=self.estate.folder / "state",
                transport=lambda access: self.box,
            )
            return once.apply(world, install=True)
        except errors.FmgsyncError:
            return None

    def check(self, result: Result) -> None:
        held = {name: self.held(name) for name in names(DEVICES)}
        there = self.estate.unit.console("admin").objects("prod", "address")
        for name, value in self.somebody.foreign.items():
            assert there[name]["subnet"][0] == value, f"{name} is not what its owner made it"
        if self.estate.unit.world.mode != "disabled":
            # Without locks an edit can come between the last look and the push; see docs.
            for name, members in held.items():
                assert members <= self.ever, f"{name} lets through what no rule ever asked for"
            for adom in result.adoms:
                for target in adom.rollout.verified if adom.rollout else ():
                    self.proven += 1
                    assert held[target.device] == self.wanted, f"{target.device} is called verified"

    def held(self, device: str) -> set[str]:
        """What the FortiGate lets through, without the address that means nobody."""
        found = self.estate.on_device(device, GROUP) or set()
        return {str(each) for each in found} - {"0.0.0.0", "0.0.0.0/32"}

    def settle(self) -> None:
        """The trouble stops, people answer for what was held; everything becomes as it should."""
        self.box.quiet = True
        self.somebody.go_home()
        self.estate.clock.sleep(3600)
        self.run()
        self.estate.install_by_hand()  # whoever edited foreign objects installs them
        result = None
        for _ in range(6):
            self.estate.steer("resume")
            result = self.run()
            assert result is not None
            for digest in {
                hold.digest for a in result.adoms if a.seen for hold in a.seen.plan.held
            }:
                self.estate.approve(digest)
            if all(self.held(name) == self.wanted for name in names(DEVICES)):
                break
            self.estate.clock.sleep(900)
        for name in names(DEVICES):
            assert self.held(name) == self.wanted
        assert result is not None
        self.check(result)
        assert not self.estate.unit.world.adoms["prod"].locks


def walk(folder: Path, number: int, mode: str) -> Walk:
    dice = random.Random(number)
    unit = {**seed(DEVICES), "workspaceMode": mode}
    rollout = {"waves": ["100%"], "pause": "0s", "maxFailures": "100%"}
    with open_fleet(
        folder, unit, foreignChanges="block", windows="always", rollout=rollout
    ) as estate:
        estate.write_config(guard={"maxRemovedShare": 1.0, "maxAddedShare": 100})
        walked = Walk(estate, dice)
        for _ in range(STEPS):
            walked.step()
        walked.settle()
        return walked

"""The demo's night: a change waits for its window, goes out in waves, stops at a failure, goes on.

Time is a manual clock that FortiManager and fmgsync share, so that hours pass in seconds. Nothing
else is special: the commands' own code runs, over HTTPS, on a configuration file. The story plays
the people around it, and tells who did what.
"""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from fmgsync import audit
from fmgsync.audit import Line
from fmgsync.cli import findings, rollout_text, story, timeline
from fmgsync.cli.audit import print_lines
from fmgsync.clock import ManualClock
from fmgsync.model.words import some
from fmgsync.passes import rollout_commands, windows
from fmgsync.passes.install_context import AUDIT, People
from fmgsync.passes.result import Result
from fmgsync.passes.world import World
from fmgsync.planning import summary
from fmgsync.scheduling.ledger import Ledger
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from rich.console import Console

LEAST = 3
"""A canary, one that fails, and one that waits."""

INSTALL_S = 40.0
"""How long an install takes on each FortiGate; FortiManager works on all of a wave at once."""

_EVENING = datetime(2026, 3, 3, 18, 0, tzinfo=UTC)
_OPENS = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
_WINDOW = {"kind": "allow", "schedule": "0 1 * * *", "duration": "3h", "timezone": "UTC"}
_AHEAD = timedelta(hours=14)
_REPAIR_S = 1500.0
_AUDIT_LINES = 16
_STRIP = 60
"""So many FortiGates are drawn one by one; of more, the strip shows shares."""

_LEFT_OUT = ("'lease'", "reading ")
"""What fmgsync says as well, true and of no interest here."""

_WHY = {
    "network team": "the rules of 3 March, CHG-1042",
    "on-call": "link mended, CHG-1042 goes on",
}
_STYLES = {"fmgsync": "cyan", "network team": "yellow", "on-call": "yellow", "clusters": "blue"}


def evening() -> ManualClock:
    """Six o'clock: the window opens at one."""
    return ManualClock(_EVENING.timestamp())


def play(estate: story.Estate, console: Console) -> None:
    """The six chapters; the demo itself prints what every FortiGate answers in the end."""
    night = Night(estate, console)
    night.set_out()
    night.change_the_rules()
    night.wait_for_the_window()
    night.open_the_window()
    night.mend_and_resume()
    night.read_the_audit()
    night.head("6. Every FortiGate is asked what it holds, and compared with what runs")


class Night:
    """The estate, the console, and what the clock says."""

    def __init__(self, estate: story.Estate, console: Console) -> None:
        self._estate = estate
        self._console = console
        self._names = sorted(name for names in estate.devices.values() for name in names)
        self._canary = self._names[0]
        self._budget = max(1, len(self._names) // 20)
        self._may_break = False
        self._broken: list[str] = []
        self._drawn = ""
        self._before: int = 0

    def set_out(self) -> None:
        """The state before the night: groups with the addresses of nodes, on every FortiGate."""
        estate = self._estate
        self._print(
            f"A maintenance night. {estate.size.devices} FortiGates behind one FortiManager "
            f"({estate.unit.url}), {estate.size.pods} pods in two clusters: all simulated, and so "
            "is time. Each line begins with what the clock shows (UTC). fmgsync is the real one."
        )
        self.head("1. The day before")
        self._configure(publish="node")
        self._quiet_apply("never")
        story.administrator_brings_policies(estate)
        self._quiet_apply("now")
        self._line("fmgsync", "groups hold the addresses of nodes; every FortiGate has them")

    def change_the_rules(self) -> None:
        """A change of rules, churn, and a guard that asks a person."""
        estate = self._estate
        self.head("2. Evening: the rules change")
        self._configure(publish="pod")
        self._line(
            "network team",
            "edits fmgsync.yaml: groups shall hold the pods' addresses, no longer their nodes'",
        )
        story.churn(estate)
        self._line("clusters", f"{estate.size.changes} pods come, go or move meanwhile")
        result = self._apply("network team")
        held = [hold for adom in result.adoms if adom.seen for hold in adom.seen.plan.held]
        if held:
            text = f"the guard holds {_count(len(held), 'part')} for a person to decide, such as"
            self._line("fmgsync", f"{text} {findings.sentence(summary.finding_json(held[0]))}")
            estate.clock.sleep(900)
            self._line("network team", f"has read the plan: fmgsync approve {result.digest}")
            story.approve(estate, result.digest)
            self._apply("network team")

    def wait_for_the_window(self) -> None:
        """FortiManager has the change, no FortiGate gets it yet."""
        self._line("fmgsync", "the ADOM has the change; installs wait for their window")
        ahead = windows.look_ahead(self._world("fmgsync"), _EVENING, _AHEAD)
        outlooks = [outlook for adom in ahead for outlook in adom.outlooks]
        timeline.print_bars(self._console, outlooks, _EVENING, _AHEAD)
        self._estate.clock.sleep(_OPENS.timestamp() - self._estate.clock.now())

    def open_the_window(self) -> None:
        """Canary, then waves, until the budget is spent. One FortiGate does not take the change."""
        self.head("3. The window opens: canary, then waves")
        self._line(
            "fmgsync",
            f"{self._canary} is the canary; a wave starts ten minutes after the one before it is "
            f"verified; {_count(self._budget, 'failure')} and everything stops",
        )
        self._may_break = True
        self._estate.unit.world.switches.unreachable_install_fails = True
        result = self._apply("network team")
        self._print()
        rollout_text.print_rollouts(self._console, rollout_text.rollout_rows(result))

    def mend_and_resume(self) -> None:
        """A person looks, mends, resumes."""
        estate = self._estate
        self.head("4. A person looks, repairs, and lets it go on")
        estate.clock.sleep(_REPAIR_S)
        for name in self._broken:
            estate.unit.world.devices[name].online = True
        self._line("on-call", f"mends the management link of {_listed(self._broken)}")
        self._line("on-call", f"fmgsync rollout resume --reason {_WHY['on-call']!r}")
        world = self._world("on-call")
        for work in world.adoms:
            self._line("fmgsync", f"{work.ref}: {rollout_commands.resume(world, work.ref).what}")
        result = self._apply("on-call")
        self._print()
        rollout_text.print_rollouts(self._console, rollout_text.rollout_rows(result))

    def read_the_audit(self) -> None:
        """What the night leaves behind."""
        self.head("5. What was decided, by whom and why: fmgsync audit show")
        lines = [line for line in self._audit() if line.position > self._before]
        print_lines(self._console, lines[-_AUDIT_LINES:])
        whole = not any(line.problem for line in lines)
        self._print(
            f"\n{len(lines)} decisions this night"
            + (f", the last {_AUDIT_LINES} shown" if len(lines) > _AUDIT_LINES else "")
            + ("; each is chained to the one before: whole." if whole else "; the chain is BROKEN.")
        )

    def head(self, text: str) -> None:
        """A chapter begins."""
        self._console.print(Text(f"\n{text}", style="bold"))

    # -- the commands ------------------------------------------------------------------------------

    def _apply(self, who: str) -> Result:
        """`fmgsync apply`, told as it goes."""
        return story.run_apply(self._estate, self._tell, "window", People(_WHY.get(who, "")))

    def _quiet_apply(self, install: str) -> None:
        story.run_apply(self._estate, lambda text: None, install, People("the day before"))
        self._before = len(self._audit())

    def _world(self, who: str) -> World:
        people = People(_WHY.get(who, ""))
        return story.make_world(self._estate, lambda text: None, "window", people)

    def _audit(self) -> tuple[Line, ...]:
        path = self._estate.folder / "state" / AUDIT
        return audit.read(path) if path.exists() else ()

    def _configure(self, *, publish: str) -> None:
        """Edit the configuration file; from here on installs keep to window, canary and waves."""
        config: dict[str, Any] = json.loads(self._estate.config.read_text(encoding="utf-8"))
        for group in config["groups"]:
            group["publish"] = publish
        config["install"] = {
            "windows": [_WINDOW],
            "rollout": {
                "canary": [self._canary],
                "waves": ["50%", "100%"],
                "pause": "10m",
                "maxFailures": self._budget,
            },
        }
        self._estate.config.write_text(json.dumps(config, indent=2), encoding="utf-8")

    # -- what is printed ---------------------------------------------------------------------------

    def _tell(self, text: str) -> None:
        """What fmgsync says while it works, with what it has come to."""
        if any(word in text for word in _LEFT_OUT):
            return
        self._line("fmgsync", text.removeprefix(f"ADOM {story.ADOM}: "))
        if self._may_break and "wave 2: installing" in text:
            self._break_links()
        strip = self._strip()
        if strip != self._drawn and ("verified" in text or "failed" in text):
            self._line("", strip)
            self._drawn = strip

    def _break_links(self) -> None:
        """Whoever is being installed loses FortiManager, once: as many as may fail."""
        self._may_break = False
        self._broken = sorted(a.device for ledger in self._ledgers() for a in ledger.running)
        for name in self._broken:
            self._estate.unit.world.devices[name].online = False
        self._line("(nobody)", f"the management link of {_listed(self._broken)} breaks")

    def _ledgers(self) -> list[Ledger]:
        world = self._world("fmgsync")
        records = [world.installing.rollouts.read(work.ref) for work in world.adoms]
        return [record.ledger for record in records if record is not None]

    def _strip(self) -> str:
        """A mark for every FortiGate: verified, failed, running or waiting."""
        ledgers = self._ledgers()
        marks = [_mark(name, ledgers) for name in self._names]
        counts = f"{marks.count('+')} of {len(marks)} verified"
        failed = marks.count("!")
        shown = "".join(sorted(marks, key="+!>.".index))
        if len(shown) > _STRIP:
            shown = "".join(shown[i * len(shown) // _STRIP] for i in range(_STRIP))
        if timeline.can_draw(self._console):
            shown = shown.translate(str.maketrans("+!>.", "█✗▒·"))
        return f"{shown}  {counts}" + (f", {failed} failed" if failed else "")

    def _line(self, who: str, text: str) -> None:
        """Time, who, what; folded under its own column on a terminal."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True, min_width=8)
        grid.add_column(no_wrap=True, min_width=12)
        grid.add_column(overflow="fold")
        style = "green" if "verified on" in text else "red" if "failed:" in text else ""
        grid.add_row(
            Text(self._now() if who else ""),
            Text(who, _STYLES.get(who, "")),
            Text(safe_text(text), style),
        )
        self._console.print(grid)

    def _print(self, text: str = "") -> None:
        self._console.print(text)

    def _now(self) -> str:
        return f"{datetime.fromtimestamp(self._estate.clock.now(), UTC):%H:%M:%S}"


def _mark(name: str, ledgers: list[Ledger]) -> str:
    failed = set(itertools.chain.from_iterable((a.device for a in ll.failed) for ll in ledgers))
    if name in failed:
        return "!"
    if any(name in ledger.at_risk for ledger in ledgers):
        return ">"
    return "+" if any(name in ledger.proven for ledger in ledgers) else "."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("s" if number > 1 else "")


def _listed(names: list[str]) -> str:
    return some(names)

"""The scenarios by name: what each asks and writes, and running them so that nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from fmgsync import errors
from fmgsync.recording.guarding import COMMENT
from fmgsync.recording.lab import Scenario
from fmgsync.recording.scenarios import direct, installs, locks, looking, mappings, objects


class Place(Protocol):
    """Where scenarios run: an ADOM, or a VDOM of a FortiGate without a FortiManager."""

    @property
    def title(self) -> str:
        """As people call it."""

    @property
    def prefix(self) -> str:
        """With what the names of our objects begin."""

    def step(self, name: str) -> AbstractContextManager[None]:
        """Exchanges in it bear this name."""

    def hindrance(self, wanted: Scenario) -> str | None:
        """Why a scenario cannot run here; None if it can."""

    def left_over(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Objects whose names begin with our prefix, by table."""

    def sweep(self) -> None:
        """Delete them for good."""


_DRAFT: Final = "addresses and groups in the ADOM, deleted again"
_MAPPED: Final = "addresses, a group and its per-device mappings in the ADOM, deleted again"

SCENARIOS: Final = (
    Scenario("unit", looking.unit),
    Scenario("status", looking.status),
    Scenario("reading", looking.reading),
    Scenario("on-device", looking.on_device, devices=1),
    Scenario("addresses", objects.addresses, _DRAFT),
    Scenario("groups", objects.groups, _DRAFT),
    Scenario("params", objects.params, _DRAFT),
    Scenario("lists", objects.lists, _DRAFT),
    Scenario("names", objects.names, _DRAFT),
    Scenario("many", objects.many, _DRAFT),
    Scenario("mappings", mappings.entries, _MAPPED, devices=1),
    Scenario("complete-set", mappings.complete_set, _MAPPED, devices=2),
    Scenario("scopes", mappings.scopes, _MAPPED, devices=1),
    Scenario("traces", mappings.traces, _MAPPED, devices=1),
    Scenario("locks", locks.locks, "locks the ADOM for seconds; one address, discarded"),
    Scenario("commits", locks.commits, "one address, committed and deleted again"),
    Scenario("logging-out", locks.logging_out, "locks the ADOM for seconds"),
    Scenario("preview", installs.preview, "a preview task, which installs nothing", devices=1),
    Scenario(
        "partial",
        installs.partial,
        "a group with fifty addresses, committed and deleted again; a preview task",
        devices=1,
    ),
    Scenario("install", installs.install, "INSTALLS the device's package", installs=True),
    Scenario("two-installs", installs.two_installs, "INSTALLS it twice at once", installs=True),
)
_LIVE: Final = "addresses and groups that nothing uses, live at once, deleted again"
_QUEUED: Final = "the same in transactions, of which one is committed"

DIRECT: Final = (
    Scenario("unit", direct.unit),
    Scenario("reading", direct.reading),
    Scenario("rights", direct.rights),
    Scenario("addresses", direct.addresses, _LIVE),
    Scenario("groups", direct.groups, _LIVE),
    Scenario("names", direct.names, _LIVE),
    Scenario("bodies", direct.bodies, _LIVE),
    Scenario("transactions", direct.transactions, _QUEUED),
)
"""Of a FortiGate without a FortiManager."""


def chosen(
    names: Iterable[str], *, may_install: bool, of: Sequence[Scenario] = SCENARIOS
) -> tuple[Scenario, ...]:
    """The scenarios by these names, or all that are allowed; raises for unknown ones."""
    wanted = tuple(names)
    by_name = {scenario.name: scenario for scenario in of}
    unknown = [name for name in wanted if name not in by_name]
    if unknown:
        raise errors.UsageError(
            f"there is no scenario {unknown[0]!r}", next_step=f"there are: {', '.join(by_name)}"
        )
    if not wanted:
        return tuple(one for one in of if may_install or not one.installs)
    blocked = [name for name in wanted if by_name[name].installs and not may_install]
    if blocked:
        raise errors.UsageError(
            f"scenario {blocked[0]!r} installs", next_step="name the device with --allow-install"
        )
    return tuple(one for one in of if one.name in wanted)


def refuse_strangers(lab: Place) -> None:
    """Raise if something with our prefix is there already: it is not ours to touch."""
    left = lab.left_over()
    names = [str(row["name"]) for rows in left.values() for row in rows]
    if not names:
        return
    ours = all(
        str(row.get("comment", "")).startswith(COMMENT) for rows in left.values() for row in rows
    )
    raise errors.UsageError(
        f"{lab.title} holds {len(names)} objects that begin with {lab.prefix}:"
        f" {', '.join(names[:3])}",
        next_step="a recording that was killed left them; delete them with --clean-up"
        if ours
        else "choose another --prefix",
    )


def run(lab: Place, scenarios: Sequence[Scenario], tell: Callable[[str], None]) -> list[str]:
    """Run scenarios in order; the names of those that ran.

    Whatever happens, interruption included, nothing of ours stays behind, or it is told what may.
    """
    done: list[str] = []
    try:
        for scenario in scenarios:
            why = lab.hindrance(scenario)
            if why is not None:
                tell(f"{scenario.name}: left out, {why}")
                continue
            tell(f"{scenario.name}: {scenario.asks}")
            with lab.step(scenario.name):
                scenario.run(lab)
            done.append(scenario.name)
    finally:
        with lab.step("cleaning up"):
            clean_up(lab, tell)
    return done


def clean_up(lab: Place, tell: Callable[[str], None]) -> None:
    """Delete what is left under our prefix."""
    try:
        if not lab.left_over():
            return
        lab.sweep()
        names = [str(row["name"]) for rows in lab.left_over().values() for row in rows]
    except errors.TargetError as error:
        tell(f"cleaning up failed: {error}; objects that begin with {lab.prefix} may be left")
        return
    if names:
        tell(f"these could not be deleted: {', '.join(names)}")

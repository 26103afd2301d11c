"""The scenarios by name: what each asks and writes, and running them so that nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fmgsync import errors
from fmgsync.recording.guarding import COMMENT
from fmgsync.recording.lab import Lab
from fmgsync.recording.scenarios import installs, locks, looking, mappings, objects


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named set of questions. `writes` says in words what it writes, if anything.

    `devices` is how many devices it needs, `installs` whether it needs one to install on.
    """

    name: str
    run: Callable[[Lab], None]
    writes: str = ""
    devices: int = 0
    installs: bool = False

    @property
    def asks(self) -> str:
        """What it asks: the first paragraph of the function's docstring."""
        text = (self.run.__doc__ or "").split("\n\n")[0]
        return " ".join(text.split())


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
BY_NAME: Final = {scenario.name: scenario for scenario in SCENARIOS}


def chosen(names: Iterable[str], *, may_install: bool) -> tuple[Scenario, ...]:
    """The scenarios by these names, or all that are allowed; raises for unknown ones."""
    wanted = tuple(names)
    unknown = [name for name in wanted if name not in BY_NAME]
    if unknown:
        raise errors.UsageError(
            f"there is no scenario {unknown[0]!r}", next_step=f"there are: {', '.join(BY_NAME)}"
        )
    if not wanted:
        return tuple(one for one in SCENARIOS if may_install or not one.installs)
    blocked = [name for name in wanted if BY_NAME[name].installs and not may_install]
    if blocked:
        raise errors.UsageError(
            f"scenario {blocked[0]!r} installs", next_step="name the device with --allow-install"
        )
    return tuple(one for one in SCENARIOS if one.name in wanted)


def hindrance(scenario: Scenario, lab: Lab) -> str | None:
    """Why a scenario cannot run on this unit; None if it can."""
    if len(lab.facts.targets) < scenario.devices:
        return f"the ADOM has fewer than {scenario.devices} devices or VDOMs"
    if lab.facts.workflow and scenario.writes:
        return "the ADOM is in workflow mode, where every write needs an approval"
    target = lab.bounds.install_on
    if scenario.installs and not any(target in own for own in lab.facts.packages.values()):
        return "no policy package has the device as a target of its own"
    return None


def refuse_strangers(lab: Lab) -> None:
    """Raise if something with our prefix is there already: it is not ours to touch."""
    left = lab.left_over()
    names = [str(row["name"]) for rows in left.values() for row in rows]
    if not names:
        return
    ours = all(
        str(row.get("comment", "")).startswith(COMMENT) for rows in left.values() for row in rows
    )
    raise errors.UsageError(
        f"ADOM {lab.bounds.adom} holds {len(names)} objects that begin with {lab.bounds.prefix}:"
        f" {', '.join(names[:3])}",
        next_step="a recording that was killed left them; delete them with --clean-up"
        if ours
        else "choose another --prefix",
    )


def run(lab: Lab, scenarios: Sequence[Scenario], tell: Callable[[str], None]) -> list[str]:
    """Run scenarios in order; the names of those that ran.

    Whatever happens, interruption included, nothing of ours stays behind, or it is told what may.
    """
    done: list[str] = []
    try:
        for scenario in scenarios:
            why = hindrance(scenario, lab)
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


def clean_up(lab: Lab, tell: Callable[[str], None]) -> None:
    """Delete what is left under our prefix, and commit that where the ADOM has workspaces."""
    try:
        if not lab.left_over():
            return
        if lab.facts.workspace:
            lab.lock()
        try:
            lab.clean()
            if lab.facts.workspace:
                lab.run(lab.workspace("commit"))
        finally:
            if lab.facts.workspace:
                lab.run(lab.workspace("unlock"))
        names = [str(row["name"]) for rows in lab.left_over().values() for row in rows]
    except errors.TargetError as error:
        tell(
            f"cleaning up failed: {error}; objects that begin with {lab.bounds.prefix} may be left"
        )
        return
    if names:
        tell(f"these could not be deleted: {', '.join(names)}")

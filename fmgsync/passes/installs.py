"""What is read of device databases, FortiGates and package status, and put beside the ADOM."""

from __future__ import annotations

from dataclasses import replace

from fmgsync.assessing import survey as views
from fmgsync.assessing.observation import NOTHING, Known, Observation, Survey
from fmgsync.model.state import ObservedAdom
from fmgsync.passes.world import AdomWork
from fmgsync.planning import sites
from fmgsync.targets.protocol import STATUSES, Answer, Copies, Question


def survey(
    work: AdomWork, seen: Observation, *, ask_devices: bool, known: Known = NOTHING
) -> Survey:
    """Hold the four views side by side.

    Only DeviceVdoms that some policy brings our groups to are read, and of these only those that
    are not `known` from shortly before. `ask_devices` asks the FortiGates themselves as well.
    """
    facts, delivery = views.facts_of(seen), work.delivery
    if delivery is None:
        resolved = sites.resolve(work.sites, seen.topology)
        everywhere = {target for site in resolved for target in site.targets}
        return views.of_live(facts, seen, everywhere)
    targets, names = views.places(facts)
    databases, devices, told = dict(known.databases), dict(known.devices), None
    if fresh := [target for target in targets if target not in databases]:
        # What was installed before is needed only if something is pending, which these show.
        told = work.target.look(Question(copies=Copies(fresh, names), statuses=not known.statuses))
        databases |= told.copies()
    if ask_devices and (fresh := [target for target in targets if target not in devices]):
        devices |= work.target.ask(fresh, names)
    facts = replace(facts, databases=databases, devices=devices)
    return _with_statuses(work, views.made(facts, seen, asked=ask_devices), known, told)


def survey_part(work: AdomWork, known: Survey, part: Observation, *, adom: ObservedAdom) -> Survey:
    """The survey with the views of a part made anew; nothing is read of devices."""
    found = views.with_part(known, part, adom=adom)
    return _with_statuses(work, found, Known(statuses=known.statuses))


def _with_statuses(
    work: AdomWork, found: Survey, known: Known, told: Answer | None = None
) -> Survey:
    """Only who has something to install must know what was installed before."""
    if work.delivery is None or not found.pending:
        return found
    if known.statuses:
        return replace(found, statuses=known.statuses)
    told = told or work.target.look(STATUSES)
    return replace(found, statuses=told.statuses())

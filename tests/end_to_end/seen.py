"""What a result says, in the words of the tests."""

from __future__ import annotations

import io

from rich.console import Console

from fmgsync.cli import apply_text, documents
from fmgsync.model.address import NOWHERE
from fmgsync.model.change import AdomPlan, Change, Finding, Hold
from fmgsync.model.rollout import Outcome
from fmgsync.model.view import GroupState
from fmgsync.passes.result import Result
from tests import builders
from tests.end_to_end.estate import Estate


def plans(result: Result) -> list[AdomPlan]:
    """The plans of the ADOMs that could be read."""
    return [adom.seen.plan for adom in result.adoms if adom.seen]


def changes(result: Result) -> list[Change]:
    """What is still to write."""
    return [change for plan in plans(result) for change in plan.changes]


def held(result: Result) -> list[Hold]:
    """What waits for a human."""
    return [hold for plan in plans(result) for hold in plan.held]


def findings(result: Result, kind: str) -> list[Finding]:
    """What people are told, of one kind, errors of rules included."""
    found = [*result.workloads.findings]
    found += [one for plan in plans(result) for one in (*plan.foreign, *plan.findings)]
    return [one for one in found if one.kind == kind]


def states(result: Result) -> dict[tuple[str, str], GroupState]:
    """State by device and group."""
    return {
        (view.target.device, group.name): group.state
        for adom in result.adoms
        for view in adom.views
        for group in view.groups
    }


def outcomes(result: Result) -> dict[str, Outcome]:
    """How the installs ended, by device."""
    return {one.target.device: one.outcome for adom in result.adoms for one in adom.outcomes}


def web(net: str, number: int) -> builders.Manifest:
    """A pod that the group k8s-web selects."""
    return builders.pod(f"web-{number}", f"{net}.{number}", labels={"app": "web"})


def passed(estate: Estate, device: str, group: str = "k8s-web") -> set[str]:
    """The addresses a FortiGate lets through, without the one that means nobody."""
    return {str(a) for a in (estate.on_device(device, group) or set()) - set(NOWHERE.values())}


def said(result: Result) -> str:
    """What `fmgsync apply` prints, in one line."""
    out = io.StringIO()
    apply_text.print_apply(Console(file=out, width=10_000), documents.apply_document(result))
    return " ".join(out.getvalue().split())

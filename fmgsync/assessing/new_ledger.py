"""Whether a rollout without a ledger may begin one: a first rollout may, and one whose ledger is
lost as soon as nothing of it can be under way or unknown any more.

"Try it by hand, then deploy" is everybody's path, and leaves no ledger behind. FortiManager's own
task history and the devices' answers are enough then: all our tasks have ended, and what they have
done is what the devices say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fmgsync.assessing import four
from fmgsync.model.adom import AdomTopology
from fmgsync.model.view import DeviceView


def may_be_one(views: Iterable[DeviceView]) -> bool:
    """Whether there may have been a rollout at all: some device already has one of our groups."""
    return any(group.device_database for view in views for group in four.asked_for(view))


def why_not(
    installs: Mapping[int, bool],
    views: Iterable[DeviceView],
    topology: AdomTopology,
    *,
    asked: bool,
) -> str:
    """Why no ledger can begin; empty if one can. `installs` are our tasks and whether each has
    ended; `asked`: the devices themselves were asked."""
    concerned = [view for view in views if four.asked_for(view)]
    if running := sorted(number for number, over in installs.items() if not over):
        return f"install task {running[0]} of ours has not ended"
    if not installs:
        return ""
    silent = sorted(
        {
            view.target.device
            for view in concerned
            if not (_answered(view) if asked else _reachable(view, topology))
        }
    )
    return f"{silent[0]} has not answered{_more(silent)}" if silent else ""


def _answered(view: DeviceView) -> bool:
    return all(group.device is not None for group in four.asked_for(view))


def _reachable(view: DeviceView, topology: AdomTopology) -> bool:
    device = topology.devices.get(view.target.device)
    return device is not None and device.online is True


def _more(names: list[str]) -> str:
    return f", nor have {len(names) - 1} more" if len(names) > 1 else ""

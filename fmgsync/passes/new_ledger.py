"""Whether a rollout without a ledger may begin one: a first rollout may, and one whose ledger is
lost as soon as nothing of it can be under way or unknown any more.

"Try it by hand, then deploy" is everybody's path, and leaves no ledger behind. FortiManager's own
task history and the devices' answers are enough then: all our tasks have ended, and what they have
done is what the devices say.
"""

from __future__ import annotations

from collections.abc import Iterable

from fmgsync.assessing import four
from fmgsync.model.adom import AdomTopology
from fmgsync.model.view import DeviceView
from fmgsync.targets.protocol import Delivery


def why_not(
    delivery: Delivery | None,
    views: Iterable[DeviceView],
    topology: AdomTopology,
    *,
    asked: bool,
) -> str:
    """Why no ledger can begin; empty if one can. `asked`: the devices themselves were asked.

    Where writing is delivering nothing can be under way, and who was looked at has answered.

    Only where a device already has one of our groups may there have been a rollout at all.
    """
    if delivery is None:
        return ""
    concerned = [view for view in views if four.asked_for(view)]
    if not any(g.device_database for view in concerned for g in four.asked_for(view)):
        return ""
    installs = delivery.own_installs()
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

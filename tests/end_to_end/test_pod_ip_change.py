"""The walk of one pod: `web-7` moves from 10.1.0.5 to 10.1.0.9, told over HTTPS.

Nothing is patched and nobody sleeps: fmgsync and FortiManager share one manual clock.
"""

from __future__ import annotations

from fmgsync.model.change import Change
from fmgsync.model.rollout import Outcome
from fmgsync.model.view import GroupState
from fmgsync.passes.result import Result
from tests import builders
from tests.end_to_end.estate import Estate


def states(result: Result) -> set[GroupState]:
    return {group.state for adom in result.adoms for view in adom.views for group in view.groups}


def changes(result: Result) -> list[Change]:
    return [change for adom in result.adoms if adom.seen for change in adom.seen.plan.changes]


def outcomes(result: Result) -> dict[str, Outcome]:
    return {str(o.target): o.outcome for adom in result.adoms for o in adom.outcomes}


def test_a_pod_moves(estate: Estate) -> None:
    estate.run("east", builders.pod("web-7", "10.1.0.5", labels={"app": "web"}))
    estate.run("west", builders.pod("web-1", "10.2.0.1", labels={"app": "web"}))

    # The group is created first; no policy uses it, so no device hears of it.
    first = estate.apply()
    assert [adom.error for adom in first.adoms] == [None]
    assert states(first) == {GroupState.NOT_REFERENCED}
    assert estate.on_device("fgt-east", "k8s-web") is None

    # An administrator writes a policy with it: now every device is behind, and gets its own.
    estate.write_policy("k8s-web")
    second = estate.apply()
    done = {"fgt-east/root": Outcome.DONE, "fgt-west/root": Outcome.DONE}
    assert outcomes(second) == done
    assert estate.on_device("fgt-east", "k8s-web") == {"10.1.0.5"}
    assert estate.on_device("fgt-west", "k8s-web") == {"10.2.0.1"}

    # The pod moves: one address comes, one goes, on the one device in front of its cluster.
    estate.run("east", builders.pod("web-7", "10.1.0.9", labels={"app": "web"}))
    planned = estate.plan()
    assert [(c.action, c.kind, c.name, c.device and c.device.device) for c in changes(planned)] == [
        ("create", "address", "prod_10.1.0.9", None),
        ("update", "mapping", "k8s-web", "fgt-east"),
        ("delete", "address", "prod_10.1.0.5", None),
    ]
    third = estate.apply()
    assert outcomes(third) == {"fgt-east/root": Outcome.DONE}
    assert estate.on_device("fgt-east", "k8s-web") == {"10.1.0.9"}
    assert estate.on_device("fgt-west", "k8s-web") == {"10.2.0.1"}
    assert states(third) == {GroupState.IN_SYNC}

    # Nothing is left to do: such a pass writes nothing, locks nothing, installs nothing.
    mark = estate.unit.requests.mark()
    fourth = estate.apply()
    assert changes(fourth) == []
    assert outcomes(fourth) == {}
    assert estate.unit.requests.writing(since=mark) == []

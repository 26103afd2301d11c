"""Every state has its exit code, and every command that tells states ends with it."""

from __future__ import annotations

import pytest

from fmgsync.cli import common, remote
from fmgsync.model.view import GroupState

CODES = {
    GroupState.IN_SYNC: 0,
    GroupState.NOT_REFERENCED: 0,
    GroupState.WRITE_PENDING: 3,
    GroupState.INSTALL_PENDING: 3,
    GroupState.HELD: 3,
    GroupState.DRIFTED: 3,
    GroupState.UNREACHABLE: 1,
    GroupState.UNKNOWN: 1,
}


@pytest.mark.parametrize("state", GroupState)
def test_each_state_has_its_code(state: GroupState) -> None:
    assert common.states_code([state], asked=True) == CODES[state]


@pytest.mark.parametrize("state", GroupState)
def test_what_a_controller_saw_ends_like_what_was_looked_at(state: GroupState) -> None:
    document = {"devices": [{"groups": [{"state": state.value}]}]}
    # A device that was not asked lately did not fail to answer, and is not known to be in sync.
    expected = 3 if state is GroupState.UNKNOWN else CODES[state]
    assert remote.status_code(document) == expected


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([], 0),
        (["in sync", "drifted"], 3),
        (["drifted", "unreachable"], 1),
        (["not referenced", "in sync"], 0),
    ],
)
def test_the_worst_counts(states: list[str], code: int) -> None:
    assert common.states_code(states, asked=True) == code

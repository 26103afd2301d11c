"""What a changed pod costs a FortiManager in requests does not grow unnoticed."""

from __future__ import annotations

from benchmarks import request_counts

MOST = {
    "apply, one changed pod, workspaces": 30,
    # Without locks the ADOM is read again after each preview, and an edit during the push is seen.
    "a controller's pass, one changed pod, no workspaces": 22,
    # One of them asks whether the push was delivered twice, before what was narrowed is put back.
    "apply, an urgent removal, workspaces": 44,
}


def test_no_run_needs_more_requests_than_it_did() -> None:
    measured = request_counts.measured()
    counted = {name: len(requests) for name, requests in measured.items()}
    assert {name: n for name, n in counted.items() if n > MOST[name]} == {}
    assert counted.keys() == MOST.keys()
    for name in MOST:
        # Written and installed under one lock: nobody else's install can carry the change.
        locks = [each for each in measured[name] if each.endswith("/workspace/lock")]
        assert len(locks) == ("workspaces" in name and "no workspaces" not in name), name

"""The whole way, against a simulated FortiManager with simulated FortiGates."""

from fmgsync.testing import pod


def test_a_pod_that_moves_is_followed_to_the_firewall(fmgsync_trial, east):
    fmgsync_trial.run_in("east", *east)
    fmgsync_trial.fmgsync("apply", "--install", "now")
    # Only what a policy uses is installed: now an administrator writes one, and installs it once.
    fmgsync_trial.write_policies()
    assert fmgsync_trial.fmgsync("apply", "--install", "now").code == 0
    assert fmgsync_trial.on_device("fgt-east-1", "k8s-frontend") == {"10.1.0.5", "10.1.0.6"}

    moved = [one for one in east if one["metadata"]["name"] != "web-2"]
    labels = {"app": "frontend", "tier": "dmz"}
    moved.append(pod("web-2", "10.1.0.60", namespace="shop", labels=labels))
    fmgsync_trial.run_in("east", *moved)
    assert fmgsync_trial.fmgsync("apply", "--install", "now").code == 0
    assert fmgsync_trial.on_device("fgt-east-1", "k8s-frontend") == {"10.1.0.5", "10.1.0.60"}


def test_a_plan_says_what_would_change(fmgsync_trial, east):
    fmgsync_trial.run_in("east", *east)
    ran = fmgsync_trial.fmgsync("plan")
    assert ran.code == 3
    (adom,) = ran.document["adoms"]
    groups = {change["name"] for change in adom["changes"] if change["kind"] == "addrgrp"}
    assert groups == {"k8s-frontend", "k8s-ingress-nodes"}

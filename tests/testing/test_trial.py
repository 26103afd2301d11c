"""A configuration run for real in a user's own tests."""

from __future__ import annotations

import json
from pathlib import Path

from fmgsync.simulator import Simulator
from fmgsync.testing import configured, pod, trial


def test_fortigates_without_a_fortimanager_are_tried_as_well(tmp_path: Path) -> None:
    """Without any policy: what is written there is live."""
    config = {
        "owner": "prod",
        "clusters": [{"name": "east", "allowedRanges": ["10.1.0.0/16"]}],
        "fortigates": [
            {"name": name, "host": f"{name}.example.net", "apiKey": {"file": "/etc/key"}}
            for name in ("branch-1", "branch-2")
        ],
        "sites": [{"clusters": ["east"], "fortigates": ["branch-1", "branch-2/dmz"]}],
        "groups": [{"name": "k8s-web", "select": "app == 'web'"}],
    }
    path = tmp_path / "fmgsync.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    read, password = configured.read(path), trial.make_password()
    assert read.devices == ("branch-1/root", "branch-2/dmz")
    with Simulator(trial.seed_of(read, password), strict=True) as unit:
        tried = trial.Trial(read, unit, password, trial.folder_below(tmp_path))
        tried.run_in("east", pod("web-1", "10.1.0.5", labels={"app": "web"}))
        assert tried.fmgsync("apply", "--install", "now").code == 0
        tried.write_policies()
        assert tried.on_device("branch-1", "k8s-web") == {"10.1.0.5"}
        assert tried.on_device("branch-2/dmz", "k8s-web") == {"10.1.0.5"}
        assert tried.on_device("branch-2", "k8s-web") is None

"""The demo's story without a FortiManager: FortiGates that are written over their own REST API."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from fmgsync.cli import story
from fmgsync.cli.story import Estate, Size, Tell

KEY = "only-in-this-demo-and-long-enough"
CANARY = "fgt-east-1"


def seed(size: Size) -> dict[str, Any]:
    """FortiGates that nobody manages, each with a policy and an address of its own."""
    own = {
        "vdoms": ["root"],
        "apiUsers": [{"name": "fmgsync", "key": KEY, "profile": "advised"}],
        "addresses": [{"name": "legacy-db", "subnet": "10.250.0.1/32", "comment": "by hand"}],
        "policies": [{"name": "legacy", "srcaddr": ["legacy-db"], "dstaddr": ["all"]}],
    }
    names = [name for devices in story.devices_of(size).values() for name in devices]
    return {"fortigates": [{"name": name, **own} for name in names]}


def write_files(estate: Estate) -> None:
    """The configuration a user would write, and the clusters' dumps."""
    (estate.folder / "key").write_text(KEY, encoding="utf-8")
    (estate.folder / "key").chmod(0o600)
    config = {
        "owner": "demo",
        "clusters": [{"name": site, "manifests": f"./{site}.json"} for site in story.SITES],
        "fortigates": [
            {
                "name": name,
                "host": urlsplit(url).netloc,
                "apiKey": {"file": "./key"},
                "tls": {"caFile": str(estate.unit.ca_file)},
            }
            for name, url in estate.unit.fortigates.items()
        ],
        "sites": [
            {"clusters": [site], "fortigates": devices, "fleet": "branches"}
            for site, devices in estate.devices.items()
            if devices
        ],
        "groups": [
            {"name": f"k8s-{app}", "select": f"app == '{app}'", "families": ["ipv4", "ipv6"]}
            for app in estate.apps
        ],
        "install": {
            "rollout": {
                "canary": [CANARY],
                "waves": ["50%", "100%"],
                "pause": "0s",
                "maxFailures": "100%",
            }
        },
    }
    estate.config.write_text(json.dumps(config, indent=2), encoding="utf-8")
    story.write_dumps(estate)


def play(estate: Estate, tell: Tell, console: Console) -> None:
    """Three chapters: the first fill, churn, and what the units say."""
    size = estate.size
    console.print(
        f"Two sites, {size.devices} FortiGates without a FortiManager, {size.pods} pods in two"
        " clusters. All simulated; fmgsync is not."
    )
    console.print(
        f"\n1. A write is live at once, so it goes in waves: {CANARY} first, the others when that"
        " is proven."
    )
    story.run_apply(estate, tell)
    console.print(f"\n2. Pods come, go and move: {size.changes} changes.")
    story.churn(estate)
    story.apply_and_approve(estate, tell, console)
    console.print("\n3. Every FortiGate was asked what it holds, and compared with what runs:\n")

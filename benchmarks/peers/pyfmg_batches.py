"""pyfmg in batches of 500 made by hand: the limit to approach."""

from __future__ import annotations

import json
import sys
from typing import Any

from pyFMG.fortimgr import FortiManager

OBJ = "/pm/config/adom/prod/obj/firewall"
BATCH = 500


def main() -> None:
    told: dict[str, Any] = json.load(sys.stdin)
    addresses = [
        {
            "url": f"{OBJ}/address",
            "data": {"name": f"p_{address}", "subnet": [address, "255.255.255.255"]},
        }
        for members in told["groups"].values()
        for address in members
    ]
    groups = [
        {"url": f"{OBJ}/addrgrp", "data": {"name": group, "member": ["none"]}}
        for group in told["groups"]
    ]
    mappings = [
        {
            "url": f"{OBJ}/addrgrp/{group}/dynamic_mapping",
            "data": {
                "_scope": [{"name": device, "vdom": "root"}],
                "member": [f"p_{address}" for address in members],
            },
        }
        for group, members in told["groups"].items()
        for device in told["devices"]
    ]
    with FortiManager(told["host"], "admin", told["password"], verify_ssl=told["ca"]) as fmg:
        fmg.lock_adom("prod")
        for batch in (*chunks(addresses), *chunks(groups), *chunks(mappings)):
            code, answer = fmg.free_form("add", data=batch)
            if code not in (0, None) and not isinstance(answer, list):
                raise SystemExit(f"{code}: {str(answer)[:200]}")
        fmg.commit_changes("prod")
        fmg.unlock_adom("prod")
    print(len(addresses) + len(groups) + len(mappings))


def chunks(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]


if __name__ == "__main__":
    main()

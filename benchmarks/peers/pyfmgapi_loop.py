"""pyFortiManagerAPI, one call per object. It has no call for mappings, so only addresses count."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from pyFortiManagerAPI import FortiManager


def main() -> None:
    told: dict[str, Any] = json.load(sys.stdin)
    done, limit = 0, told["limit"]
    os.environ["REQUESTS_CA_BUNDLE"] = told["ca"]
    fmg = FortiManager(told["host"], "admin", told["password"], adom="prod", verify=told["ca"])
    fmg.lock_adom()
    for members in told["groups"].values():
        for address in members:
            if done >= limit:
                break
            fmg.add_firewall_address_object(f"p_{address}", [address, "255.255.255.255"])
            done += 1
    lock = {"method": "exec", "params": [{"url": "dvmdb/adom/prod/workspace/commit"}]}
    fmg.custom_api(lock)
    fmg.unlock_adom()
    print(done)


if __name__ == "__main__":
    main()

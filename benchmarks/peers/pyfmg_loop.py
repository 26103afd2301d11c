"""pyfmg as its README shows it: lock, one call per object, commit, unlock."""

from __future__ import annotations

import json
import sys
from typing import Any

from pyFMG.fortimgr import FortiManager

OBJ = "/pm/config/adom/prod/obj/firewall"


def main() -> None:
    told: dict[str, Any] = json.load(sys.stdin)
    done, limit = 0, told["limit"]
    with FortiManager(told["host"], "admin", told["password"], verify_ssl=told["ca"]) as fmg:
        fmg.lock_adom("prod")
        for members in told["groups"].values():
            for address in members:
                if done >= limit:
                    break
                fmg.add(f"{OBJ}/address", name=f"p_{address}", subnet=[address, "255.255.255.255"])
                done += 1
        fmg.commit_changes("prod")
        if done < limit:
            for group, members in told["groups"].items():
                fmg.add(f"{OBJ}/addrgrp", name=group, member=["none"])
                done += 1
                for device in told["devices"]:
                    if done >= limit:
                        break
                    fmg.add(
                        f"{OBJ}/addrgrp/{group}/dynamic_mapping",
                        _scope=[{"name": device, "vdom": "root"}],
                        member=[f"p_{address}" for address in members],
                    )
                    done += 1
            fmg.commit_changes("prod")
        fmg.unlock_adom("prod")
    print(done)


if __name__ == "__main__":
    main()

"""ADOMs that every unit has, whoever set it up: clients that walk all ADOMs meet them first.

`root` and `rootp` with their numbers: "How to FortiManager API", 001. The ADOMs of other products
are those of the administration guide, with the product words of the API's own description; they
hold nothing here.
"""

from __future__ import annotations

from typing import Final

from fmgsync.simulator.state.adom import Adom, DeviceGroup, Mode
from fmgsync.simulator.state.world import World

ROOT_OID: Final = 3
RESERVED: Final = {
    "FortiAnalyzer": "faz",
    "FortiAuthenticator": "fac",
    "FortiCache": "fch",
    "FortiCarrier": "foc",
    "FortiClient": "fct",
    "FortiDDoS": "fdd",
    "FortiDeceptor": "fdc",
    "FortiFirewall": "ffw",
    "FortiFirewallCarrier": "fwc",
    "FortiMail": "fml",
    "FortiManager": "fmg",
    "FortiNAC": "fna",
    "FortiProxy": "fpx",
    "FortiSandbox": "fsa",
    "FortiWeb": "fwb",
    "Syslog": "log",
    "others": "log",
    "rootp": "fos",
}
_OIDS: Final = {"rootp": 10}
_FIRST_OID: Final = 101


def add_reserved(world: World, mode: Mode) -> None:
    """Those of them that a seed does not have itself."""
    for at, (name, product) in enumerate(RESERVED.items()):
        if name not in world.adoms:
            oid = _OIDS.get(name, _FIRST_OID + at)
            adom = Adom(name, oid, world.version[:2], mode)
            adom.kept["restricted_prds"] = product
            adom.groups["All_FortiGate"] = DeviceGroup("All_FortiGate", oid + 1000, kind="default")
            world.adoms[name] = adom

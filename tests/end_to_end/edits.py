"""What administrators do to an ADOM between our requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.end_to_end import fleet
from tests.end_to_end.estate import Estate
from tests.end_to_end.fleet import (
    CLOSED,
    GROUP,
    OPEN,
    Agenda,
    open_fleet,
    seed,
    to,
    verified,
    web,
)


def mapped(estate: Estate, device: str) -> list[str]:
    """What the ADOM holds for a device."""
    return estate.mapped(fleet.GROUP)[device]


def start(estate: Estate) -> None:
    """Two addresses everywhere; then one goes and another comes, outside the window."""
    web(estate, "10.1.0.1", "10.1.0.2")
    to(estate, OPEN)
    assert len(verified(estate.apply("window"))) == len(fleet.names(2))
    to(estate, CLOSED + timedelta(days=1))
    web(estate, "10.1.0.2", "10.1.0.3")


GROUPS = "/pm/config/adom/prod/obj/firewall/addrgrp"
ADDRESSES = "/pm/config/adom/prod/obj/firewall/address"


def edit(estate: Estate, method: str, url: str, data: Any = None) -> None:
    """An administrator changes one thing, and saves."""
    with estate.administrator() as console:
        console.call(method, url, data)


def open_up(estate: Estate) -> None:
    """Our mapping of fgt-2 is set to `all`."""
    edit(estate, "set", f"{GROUPS}/{GROUP}/dynamic_mapping/fgt-2/root",
         {"_scope": [{"name": "fgt-2", "vdom": "root"}], "member": ["all"]})  # fmt: skip


def widen_an_address(estate: Estate) -> None:
    """An address of ours gets another value."""
    edit(estate, "update", f"{ADDRESSES}/prod_10.1.0.2", {"subnet": "10.0.0.0/8"})


def vary_an_address(estate: Estate) -> None:
    """An address of ours is another one on fgt-2 alone."""
    edit(estate, "set", f"{ADDRESSES}/prod_10.1.0.2/dynamic_mapping/fgt-2/root",
         {"_scope": [{"name": "fgt-2", "vdom": "root"}],
          "subnet": ["10.0.0.0", "255.0.0.0"]})  # fmt: skip


TOGETHER: dict[str, Any] = {"waves": ["100%"], "pause": "0s", "maxFailures": 10}
INSTALL_S = 30.0


@contextmanager
def due(folder: Path, count: int = 3, **unit: Any) -> Iterator[Estate]:
    """FortiGates with one change to bring to all of them at once, and the window open."""
    made = {**seed(count, install_s=INSTALL_S), **unit}
    with open_fleet(folder, made, clock=Agenda(), rollout=TOGETHER) as estate:
        web(estate, "10.1.0.2")
        to(estate, OPEN)
        yield estate

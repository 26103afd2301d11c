"""What one changed address costs: a group of 600 members that 50 FortiGates have.

    python -m benchmarks.changed

A mapping's members are written as a whole list, the smallest write of a mapping that any published
exchange shows (`set .../dynamic_mapping/{device}/{vdom}`). What can be made smaller is the list.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.contestants import Fmgsync
from benchmarks.estate import Pods, Size
from benchmarks.unit import running

SIZE = Size(600, 1, 50)
WAYS: dict[str, dict[str, Any]] = {
    "per device, one group (default)": {},
    "per device, memberLimit: 100": {"memberLimit": 100},
    "per device, memberLimit: 30": {"memberLimit": 30},
    "mapping: shared": {"group": {"mapping": "shared"}},
}


def rows(folder: Path) -> Iterator[str]:
    for number, (name, options) in enumerate(WAYS.items()):
        with running(SIZE.seed(), 0.0) as unit:
            pods = Pods(SIZE)
            ours = Fmgsync(folder / str(number), unit, pods, **options)
            ours.sync(SIZE.objects)
            idle = ours.sync(0).cost
            pods.replace(1 / SIZE.addresses)
            cost = ours.sync(0).cost
            sent = cost.sent - idle.sent
            yield f"| {name} | {sent / 1e3:,.1f} | {cost.bytes / 1e3:,.0f} | {cost.requests} |"


def main() -> None:
    print("| 600 members, 50 FortiGates, one changed | kB sent for it | kB in all | requests |")
    print("|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(Path(folder)):
            print(row, flush=True)


if __name__ == "__main__":
    main()

"""How long does a dump of kubectl take to read, and how much memory, whole pods included?

    python -m benchmarks.dumps [--pods 30000] [--yaml-pods 2000]

Pods of 4 kB, five times as many of them, and pods of 14 kB. The peers read the same JSON: all
events of it by ijson's C backend (`pip install ijson`; an inventory would still have to be built of
them), and the whole of it at once by `json.load` and by msgspec into the few fields that matter.
Each reads in a process of its own, so that memory is its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from benchmarks.inventory import pod
from fmgsync.sources import manifests
from fmgsync.sources.convert.objects import Pod

LARGE, SMALL = 20, 5
"""Variables of a container, and thrice as many managed fields."""


class _List(msgspec.Struct):
    items: list[Pod]


def whole_pod(n: int, parts: int = LARGE) -> dict[str, Any]:
    """As kubectl indents it: containers with their environment, managed fields. About 14 kB, or
    4 kB of `SMALL`."""
    made = pod(n, n, n, 5_000)
    fields: dict[str, Any] = {f"f:x{j}": {"f:y": {}} for j in range(3 * parts)}
    made["metadata"]["managedFields"] = [{"manager": "m", "fieldsV1": fields}]
    environment = [{"name": f"E{k}", "value": "v"} for k in range(parts)]
    made["spec"]["containers"] = [{"name": f"c{j}", "env": environment} for j in range(2)]
    return {"apiVersion": "v1", "kind": "Pod", **made}


def pieces(pods: int, parts: int) -> Iterator[str]:
    """The dump as `kubectl get pods -A -o json` prints it."""
    yield '{\n    "apiVersion": "v1",\n    "items": [\n'
    for n in range(pods):
        text = json.dumps(whole_pod(n, parts), indent=4).replace("\n", "\n        ")
        yield f"        {text}{',' if n < pods - 1 else ''}\n"
    yield '    ],\n    "kind": "List",\n    "metadata": {\n        "resourceVersion": ""\n'
    yield "    }\n}\n"


def ijson_events(path: Path) -> None:
    import ijson  # type: ignore[import-not-found, import-untyped, unused-ignore]

    with path.open("rb") as stream:
        for _ in ijson.basic_parse(stream, use_float=True):
            pass


def ours(path: Path) -> None:
    manifests.read_snapshot("east", path)


def by_msgspec(path: Path) -> None:
    msgspec.json.decode(path.read_bytes(), type=_List)


def by_json(path: Path) -> None:
    json.loads(path.read_bytes())


def cost(read: Callable[[Path], None], path: Path) -> tuple[float, float] | None:
    """Seconds of processor and megabytes at the most; None if a peer is not installed."""
    began = time.process_time()
    try:
        read(path)
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.process_time() - began, peak


def measure(name: str, pods: int, read: Callable[[Path], None], path: Path, wanted: str) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(cost, (read, path))
    what = f"{name} ({path.stat().st_size / 1e6:,.0f} MB)"
    if found is None:
        print(f"| {what} | {wanted} | not installed | | |", flush=True)
        return
    took, peak = found
    print(f"| {what} | {wanted} | {took:.1f} | {took / pods * 1e6:.0f} | {peak:,.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=30_000)
    parser.add_argument("--yaml-pods", type=int, default=2_000)
    size = parser.parse_args()
    few, many = size.pods, 5 * size.pods
    print("| processor time | wanted, s (MB) | s | per pod, us | peak, MB |")
    print("|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "east.json")

        def write(pods: int, parts: int) -> None:
            with path.open("w", encoding="utf-8") as stream:
                stream.writelines(pieces(pods, parts))

        write(many, SMALL)
        measure(f"fmgsync, {many:,} pods of 4 kB", many, ours, path, "25 (300)")
        write(few, SMALL)
        measure(f"fmgsync, {few:,} pods of 4 kB", few, ours, path, "5")
        write(few, LARGE)
        measure(f"fmgsync, {few:,} pods of 14 kB", few, ours, path, "")
        measure("ijson (C), events alone, the same", few, ijson_events, path, "")
        measure("msgspec, whole, few fields, the same", few, by_msgspec, path, "")
        measure("`json.load`, whole, the same", few, by_json, path, "")
        content = {"apiVersion": "v1", "items": [whole_pod(n) for n in range(size.yaml_pods)]}
        path = Path(folder, "west.yaml")
        path.write_text(yaml.dump({**content, "kind": "List"}, Dumper=yaml.CSafeDumper))
        name = f"fmgsync, YAML of {size.yaml_pods:,} pods of 14 kB"
        measure(name, size.yaml_pods, ours, path, "")


if __name__ == "__main__":
    main()

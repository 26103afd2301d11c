"""How long does a dump of kubectl take to read, and how much memory, whole pods included?

    python benchmarks/dumps.py [--pods 30000] [--yaml-pods 2000]

The peers read the same JSON: all events of it by ijson's C backend (`pip install ijson`; an
inventory would still have to be built of them), and the whole of it at once by `json.load` and by
msgspec into the few fields that matter.
"""

from __future__ import annotations

import argparse
import json
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


class _List(msgspec.Struct):
    items: list[Pod]


def whole_pod(n: int) -> dict[str, Any]:
    """About 14 kB as kubectl indents it: containers with their environment, managed fields."""
    made = pod(n, n, n, 5_000)
    fields: dict[str, Any] = {f"f:x{j}": {"f:y": {}} for j in range(60)}
    made["metadata"]["managedFields"] = [{"manager": "m", "fieldsV1": fields}]
    environment = [{"name": f"E{k}", "value": "v"} for k in range(20)]
    made["spec"]["containers"] = [{"name": f"c{j}", "env": environment} for j in range(2)]
    return {"apiVersion": "v1", "kind": "Pod", **made}


def pieces(pods: int) -> Iterator[str]:
    """The dump as `kubectl get pods -A -o json` prints it."""
    yield '{\n    "apiVersion": "v1",\n    "items": [\n'
    for n in range(pods):
        text = json.dumps(whole_pod(n), indent=4).replace("\n", "\n        ")
        yield f"        {text}{',' if n < pods - 1 else ''}\n"
    yield '    ],\n    "kind": "List",\n    "metadata": {\n        "resourceVersion": ""\n'
    yield "    }\n}\n"


def ijson_events(path: Path) -> None:
    import ijson  # type: ignore[import-not-found, unused-ignore]

    with path.open("rb") as stream:
        for _ in ijson.basic_parse(stream, use_float=True):
            pass


def measure(name: str, pods: int, read: Callable[[Path], object], path: Path) -> None:
    began = time.process_time()
    try:
        read(path)
    except ImportError:
        print(f"{name:34} not installed")
        return
    took = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:34} {took:8.2f} s {took / pods * 1e6:8.0f} us/pod {peak:8.0f} MB peak so far")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=30_000)
    parser.add_argument("--yaml-pods", type=int, default=2_000)
    size = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "east.json")
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(pieces(size.pods))
        print(f"{size.pods} pods, {path.stat().st_size / 1e6:.0f} MB of JSON; processor time")
        measure("fmgsync", size.pods, lambda p: manifests.read_snapshot("east", p), path)
        measure("ijson, events alone", size.pods, ijson_events, path)
        measure(
            "msgspec, whole, the same fields",
            size.pods,
            lambda p: msgspec.json.decode(p.read_bytes(), type=_List),
            path,
        )
        measure("json.load, whole", size.pods, lambda p: json.loads(p.read_bytes()), path)
        content = {"apiVersion": "v1", "items": [whole_pod(n) for n in range(size.yaml_pods)]}
        path = Path(folder, "west.yaml")
        path.write_text(yaml.dump({**content, "kind": "List"}, Dumper=yaml.CSafeDumper))
        yaml_of = f"fmgsync, YAML of {size.yaml_pods}"
        measure(yaml_of, size.yaml_pods, lambda p: manifests.read_snapshot("west", p), path)


if __name__ == "__main__":
    main()

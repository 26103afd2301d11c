"""`fmgsync run` as a process of its own: what it is given, and what it costs, seen from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from benchmarks.estate import PASSWORD
from fmgsync.simulator.kubernetes import KubernetesSimulator


class Unit(Protocol):
    """A FortiManager to write to."""

    host: str
    ca_file: str


def pod(number: int, address: str, namespace: str, app: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{number}", "namespace": namespace, "labels": {"app": app}},
        "spec": {"nodeName": "node-1", "containers": [{"name": "main", "image": "x"}]},
        "status": {"phase": "Running", **addressed(address)},
    }


def addressed(address: str) -> dict[str, Any]:
    """The part of a pod's status that says where it is."""
    return {"podIP": address, "podIPs": [{"ip": address}]}


def write_config(folder: Path, unit: Unit, cluster: KubernetesSimulator, **more: Any) -> Path:
    """A configuration with one cluster and one FortiManager, and what else there is to it."""
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o600)
    cluster.kubeconfig(folder / "kubeconfig")
    config = {
        "clusters": [{"name": "east", "kubeconfig": {"file": "./kubeconfig"}}],
        "fortimanagers": [
            {
                "name": "hq",
                "host": unit.host,
                "credentials": {"username": "admin", "password": {"file": "./password"}},
                "tls": {"caFile": unit.ca_file},
            }
        ],
        **more,
    }
    path = folder / "fmgsync.yaml"
    path.write_text(json.dumps(config))
    return path


@contextmanager
def running(
    config: Path, port: int, *words: str, log: str = "log"
) -> Iterator[subprocess.Popen[bytes]]:
    """A controller, stopped as an operator stops it; `log` is written beside the configuration."""
    words = ("run", "-c", str(config), "--listen", f"127.0.0.1:{port}", *words)
    with (config.parent / log).open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "fmgsync", *words], stdout=file, stderr=file, cwd=config.parent
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def processor_s(pid: int) -> float:
    """The seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def waited_s(pid: int) -> float:
    """The seconds that its threads were ready and had no processor: others' work, not its own."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[1]) for task in tasks) / 1e9

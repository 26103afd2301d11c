"""Who takes part: fmgsync, and what a user would pick instead. Each is a process of its own."""

from __future__ import annotations

import compileall
import functools
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.estate import PASSWORD, Pods
from benchmarks.unit import Cost, Unit

HERE = Path(__file__).parent
_UNCOMPILED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")


@dataclass(frozen=True)
class Run:
    """One run of one contestant. `objects`: how many it wrote; a loop is stopped early."""

    seconds: float
    processor_s: float
    peak_mb: float
    objects: int
    cost: Cost


@functools.cache
def as_installed() -> Mapping[str, str]:
    """The environment of programs that pip has installed: it compiles every module, which takes a
    second of each run where nothing may write what was compiled."""
    compileall.compile_dir(HERE.parent / "fmgsync", quiet=1)
    kept = {name: value for name, value in os.environ.items() if name not in _UNCOMPILED}
    return {**kept, "PYTHONPATH": str(HERE.parent), "PYTHONWARNINGS": "ignore"}


def measured(words: Sequence[str], told: str, unit: Unit, cwd: Path, objects: int) -> Run:
    """Run a program to its end; what it cost itself and the unit."""
    environment = as_installed()
    unit.cost()
    began = time.perf_counter()
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(told.encode())
    process.stdin.close()
    errors = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    process.returncode = code
    process.stderr.close()
    if code not in (0, 3):
        raise SystemExit(f"{' '.join(words)} ended with {code}:\n{errors.decode()[-2000:]}")
    return Run(seconds, used.ru_utime + used.ru_stime, _megabytes(used), objects, unit.cost())


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / 1024


class Fmgsync:
    """`fmgsync apply --install never` over a dump of kubectl."""

    def __init__(
        self, folder: Path, unit: Unit, pods: Pods, *, group: Mapping[str, Any] = {}, **more: Any
    ) -> None:
        self._folder, self._unit, self._pods = folder, unit, pods
        self._group, self._more = group, more
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o600)
        (folder / "fmgsync.yaml").write_text(json.dumps(self._config()))

    def _config(self) -> dict[str, Any]:
        size = self._pods.size
        return {
            "owner": "bench",
            "clusters": [{"name": "east", "manifests": "./east.json"}],
            "fortimanagers": [
                {
                    "name": "hq",
                    "host": self._unit.host,
                    "credentials": {"username": "admin", "password": {"file": "./password"}},
                    "tls": {"caFile": self._unit.ca_file},
                }
            ],
            "sites": [
                {
                    "clusters": ["east"],
                    "fortimanager": "hq",
                    "adom": "prod",
                    "devices": size.device_names(),
                }
            ],
            "groups": [
                {"name": name, "select": f"app == 'a{number}'", **self._group}
                for number, name in enumerate(size.group_names())
            ],
            "guard": {"maxAddedShare": 1e6, "maxRemovedShare": 1.0, "maxMembers": 1_000_000},
            "install": {"mode": "none"},
            **self._more,
        }

    def sync(self, objects: int) -> Run:
        """One run over what the pods are now."""
        self._pods.write_dump(self._folder / "east.json")
        words = [sys.executable, "-m", "fmgsync", "apply", "--install", "never"]
        words += ["-c", "fmgsync.yaml", "--state-dir", "state"]
        return measured(words, "", self._unit, self._folder, objects)


def script(name: str) -> Callable[[Path, Unit, Pods, int], Run]:
    """A peer that is a script of this folder: it is told what to write on standard input."""

    def run(folder: Path, unit: Unit, pods: Pods, limit: int) -> Run:
        told = {
            "host": unit.host,
            "ca": unit.ca_file,
            "password": PASSWORD,
            "groups": pods.members(),
            "devices": pods.size.device_names(),
            "limit": limit,
        }
        words = [sys.executable, str(HERE / "peers" / f"{name}.py")]
        return measured(words, json.dumps(told), unit, folder, limit)

    return run


def ansible(folder: Path, unit: Unit, pods: Pods, limit: int) -> Run:
    """fortinet.fortimanager, one task per object."""
    host, _, port = unit.host.rpartition(":")
    known = {
        "ansible_connection": "ansible.netcommon.httpapi",
        "ansible_network_os": "fortinet.fortimanager.fortimanager",
        "ansible_host": host,
        "ansible_httpapi_port": int(port),
        "ansible_httpapi_use_ssl": True,
        "ansible_httpapi_validate_certs": True,
        "ansible_httpapi_ca_path": unit.ca_file,
        "ansible_python_interpreter": sys.executable,
        "ansible_user": "admin",
        "ansible_password": PASSWORD,
        "addresses": pods.addresses[:limit],
    }
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"fortimanager": known}}}))
    play = str(HERE / "peers" / "objects.yml")
    return measured([_ansible(), "-i", str(inventory), play], "", unit, folder, limit)


def _ansible() -> str:
    return str(Path(sys.executable).with_name("ansible-playbook"))


PEERS: Mapping[str, tuple[Callable[[Path, Unit, Pods, int], Run], int | None]] = {
    "pyfmg in batches of 500 by hand": (script("pyfmg_batches"), None),
    "pyfmg, one call per object": (script("pyfmg_loop"), 200),
    "pyFortiManagerAPI, one call per object": (script("pyfmgapi_loop"), 100),
    "Ansible, one task per object": (ansible, 10),
}
"""Name -> how it runs, and after how many objects a loop is stopped (the rest is projected)."""


def available(name: str) -> str | None:
    """Why a peer cannot take part here; None if it can."""
    if name.startswith("Ansible") and shutil.which(_ansible()) is None:
        return "ansible is not installed (pip install -e '.[clients]')"
    if name.startswith("pyFortiManagerAPI"):
        try:
            import pyFortiManagerAPI  # noqa: F401
        except ImportError:
            return "pyFortiManagerAPI is not installed (pip install -e '.[clients]')"
    return None

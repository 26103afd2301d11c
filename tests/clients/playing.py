"""Runs a playbook of this folder with `ansible-playbook`, and reads what it reports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmgsync.simulator import Simulator
from tests.clients.conftest import place_of

_PLAYBOOKS = Path(__file__).parent / "playbooks"
_HOST = "fortimanager"
"""Name of the one host in every inventory; it may be a FortiGate as well."""
_LIMIT_S = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """`changed` and `failed` as the play recap counts them; `tasks` by name."""

    changed: int
    failed: int
    tasks: Mapping[str, Mapping[str, Any]]

    def data(self, task: str) -> Any:
        """What FortiManager answered a task."""
        return self.tasks[task]["meta"]["response_data"]

    def code(self, task: str) -> int:
        """FortiManager's status code for a task."""
        return int(self.tasks[task]["rc"])


def play(unit: Simulator, playbook: str, folder: Path, *, user: str | None = "robot") -> Outcome:
    """One run. Without a user the playbook itself must bring an API key."""
    return _run(_inventory(unit, user), playbook, folder)


def play_fortigate(unit: Simulator, key: str, playbook: str, folder: Path) -> Outcome:
    """One run against the FortiGate's own REST API, with the key in the inventory."""
    host, port = place_of(unit)
    known = _known(unit, "fortinet.fortios.fortios", host, port)
    known["ansible_httpapi_session_key"] = {"access_token": key}
    return _run({"all": {"hosts": {_HOST: known}}}, playbook, folder)


def _run(hosts: Mapping[str, Any], playbook: str, folder: Path) -> Outcome:
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps(hosts))
    command = (_program(), "-i", str(inventory), str(_PLAYBOOKS / f"{playbook}.yml"))
    run = subprocess.run(
        command, env=_environment(folder), capture_output=True, text=True, timeout=_LIMIT_S
    )
    assert run.stdout.lstrip().startswith("{"), run.stdout + run.stderr
    return _outcome(json.loads(run.stdout))


def _program() -> str:
    """The one beside this Python. Not installed is a failure: a skipped proof proves nothing."""
    found = shutil.which("ansible-playbook", path=str(Path(sys.executable).parent))
    assert found is not None, "ansible-playbook is missing: pip install -e '.[clients]'"
    return found


def _inventory(unit: Simulator, user: str | None) -> dict[str, Any]:
    host, _, port = unit.host.rpartition(":")
    known = _known(unit, "fortinet.fortimanager.fortimanager", host, int(port))
    if user is not None:
        known |= {"ansible_user": user, "ansible_password": "secret"}
    return {"all": {"hosts": {_HOST: known}}}


def _known(unit: Simulator, system: str, host: str, port: int) -> dict[str, Any]:
    return {
        "ansible_connection": "ansible.netcommon.httpapi",
        "ansible_network_os": system,
        "ansible_host": host,
        "ansible_httpapi_port": port,
        "ansible_httpapi_use_ssl": True,
        "ansible_httpapi_validate_certs": True,
        "ansible_httpapi_ca_path": unit.ca_file,
        "ansible_python_interpreter": sys.executable,
    }


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the user's own Ansible settings, nothing left in the home directory."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("ANSIBLE_", "LC_"))}
    return {
        **kept,
        "ANSIBLE_CONFIG": str(_PLAYBOOKS / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "LC_ALL": "C.UTF-8",
    }


def _outcome(report: Mapping[str, Any]) -> Outcome:
    stats = report["stats"][_HOST]
    tasks = {
        task["task"]["name"]: task["hosts"][_HOST]
        for play in report["plays"]
        for task in play["tasks"]
    }
    return Outcome(stats["changed"], stats["failures"] + stats["unreachable"], tasks)

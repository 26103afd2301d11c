"""docs/migrating.md, walked from those who are no controllers of Calico's: Consul-Terraform-Sync,
Ansible scripts, the FortiGate's own connector. Each with its way back.

What they leave behind is as public sources show it: the module `fortinetdev/cts-agpu/fortimanager`
(addresses named by service instances, without comments; a group by the name that a person gave it,
set to `none` when its services are gone, never deleted), the collection `fortinet.fortimanager`
(what the playbook says, comments included), and the FortiOS administration guide ("Kubernetes SDN
connector": addresses of type dynamic with `sdn` and `filter`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from tests.builders import listing, namespace, node, pod
from tests.end_to_end.estate import PACKAGE, Estate, default_seed, open_estate

pytestmark = pytest.mark.slow

OBJECTS = "/pm/config/adom/prod/obj/firewall"
POLICIES = f"/pm/config/adom/prod/pkg/{PACKAGE}/firewall/policy"
IPS = {"web-1": "10.1.0.1", "web-2": "10.1.0.2", "web-3": "10.1.0.3"}


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with open_estate(tmp_path, default_seed(install_s=0)) as made:
        made.run("west", dump=listing(pod("x"), node("n"), namespace()))
        runs(made, "web-1", "web-2")
        yield made


def runs(estate: Estate, *names: str) -> None:
    pods = [pod(name, IPS[name], labels={"app": "web"}) for name in names]
    estate.run("east", dump=listing(*pods, pod("x", "10.1.9.9"), node("node-1"), namespace()))


def rule(name: str) -> dict[str, Any]:
    return {"name": name, "select": "app == 'web'", "sites": {"clusters": ["east"]}}


def shared(name: str) -> dict[str, Any]:
    """As the groups of scripts are: every device gets the same members."""
    return {"name": name, "select": "app == 'web'", "mapping": "shared"}


def configured(estate: Estate, made: dict[str, Any]) -> None:
    install = {"windows": "always", "rollout": {"waves": ["100%"], "pause": "0s"}}
    estate.write_config(groups=[made], install=install)


def run(estate: Estate, *words: str) -> int:
    return main.run([*words, "-c", str(estate.path), "--state-dir", str(estate.folder / "state")])


def used_on_both(estate: Estate, *destinations: str) -> int:
    """A policy with these destinations, installed by hand."""
    with estate.administrator() as console:
        made = console.add_policy(
            "prod", PACKAGE, name="to-web", srcaddr=["all"], dstaddr=[*destinations]
        )
    estate.install_by_hand()
    return made


def change(estate: Estate, url: str, data: dict[str, Any]) -> None:
    with estate.administrator() as console:
        console.call("set", url, data)


def pointed_at(estate: Estate, policy: int, *destinations: str) -> None:
    """The administrator edits the policy, and installs."""
    change(estate, f"{POLICIES}/{policy}", {"dstaddr": [*destinations]})
    estate.install_by_hand()


def comment(estate: Estate, table: str, name: str) -> str:
    found = estate.object(table, name)
    assert found is not None, name
    return str(found.get("comment") or "")


# --- Consul-Terraform-Sync ------------------------------------------------------------------------

CTS = "consul-web"


def synced(estate: Estate, *names: str) -> None:
    """What the module does when instances of its service come and go."""
    with estate.administrator() as console:
        for name in names:
            subnet = [IPS[name], "255.255.255.255"]
            data = {"name": f"cts-{name}", "type": "ipmask", "subnet": subnet, "obj-type": "ip"}
            console.call("set", f"{OBJECTS}/address", data)
        members = [f"cts-{name}" for name in names] or ["none"]
        console.call("set", f"{OBJECTS}/addrgrp", {"name": CTS, "member": members})


def test_beside_a_group_of_consul_terraform_sync_and_back(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    synced(estate, "web-1", "web-2")
    policy = used_on_both(estate, CTS)
    old = {"10.1.0.1", "10.1.0.2"}
    assert estate.on_device("fgt-east", CTS) == old

    # A group of another name, filled, put beside the old one, installed.
    configured(estate, rule("k8s-web"))
    assert run(estate, "plan") == 3
    assert run(estate, "apply", "--install", "never") in (0, 3)
    pointed_at(estate, policy, CTS, "k8s-web")
    assert run(estate, "apply", "--install", "now") == 0, capsys.readouterr()
    assert estate.on_device("fgt-east", "k8s-web") == old

    # Both follow, each in its own hands.
    synced(estate, "web-2", "web-3")
    runs(estate, "web-2", "web-3")
    estate.install_by_hand()
    assert run(estate, "apply", "--install", "now") == 0, capsys.readouterr()
    now = {"10.1.0.2", "10.1.0.3"}
    assert estate.on_device("fgt-east", CTS) == estate.on_device("fgt-east", "k8s-web") == now

    # The old one out, the task ended. Nothing of it was touched.
    pointed_at(estate, policy, "k8s-web")
    assert comment(estate, "addrgrp", CTS) == comment(estate, "address", "cts-web-2") == ""

    # The way back: the old group into the policy, ours out, and away.
    pointed_at(estate, policy, CTS)
    assert estate.on_device("fgt-east", CTS) == now
    assert run(estate, "cleanup", "--apply") == 0
    assert estate.object("addrgrp", "k8s-web") is None
    assert estate.object("addrgrp", CTS) is not None


def test_a_group_of_consul_terraform_sync_taken_over_and_given_back(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    synced(estate, "web-1", "web-2")
    used_on_both(estate, CTS)
    configured(estate, shared(CTS))
    assert run(estate, "plan") == 1, "its name is taken"
    assert run(estate, "adopt", "--names", CTS, "--apply") == 0, capsys.readouterr()
    estate.install_by_hand()
    assert run(estate, "apply", "--install", "now") == 0, capsys.readouterr()
    assert estate.on_device("fgt-east", CTS) == {"10.1.0.1", "10.1.0.2"}
    assert estate.object("address", "cts-web-1") is not None, "Terraform's stays Terraform's"

    # It is not out of Terraform's state: the task sets it back, and that is said.
    capsys.readouterr()
    with estate.administrator() as console:
        back = {"name": CTS, "member": ["cts-web-1"], "comment": ""}
        console.call("set", f"{OBJECTS}/addrgrp", back)
    assert run(estate, "plan") == 1
    assert CTS in capsys.readouterr().out
    assert run(estate, "adopt", "--names", CTS, "--apply") == 0
    assert run(estate, "apply", "--install", "now") in (0, 3), capsys.readouterr()

    # The way back.
    assert run(estate, "adopt", "--release", "--apply") == 0, capsys.readouterr()
    assert comment(estate, "addrgrp", CTS) == ""
    synced(estate, "web-2")
    estate.install_by_hand()
    assert estate.on_device("fgt-east", CTS) == {"10.1.0.2"}
    assert run(estate, "cleanup", "--apply") == 0
    # What came into the group meanwhile was given away with it.
    assert comment(estate, "address", "prod_10.1.0.2") == ""


# --- Ansible scripts ------------------------------------------------------------------------------

WEB, DB = "grp_web", "grp_db"


def played(estate: Estate) -> None:
    """What `fmgr_firewall_address` and `fmgr_firewall_addrgrp` leave of a playbook."""
    with estate.administrator() as console:
        for name in ("web-1", "web-2"):
            data = {"name": f"h_{name}", "type": "ipmask", "subnet": f"{IPS[name]}/32"}
            console.call(
                "set", f"{OBJECTS}/address", {**data, "comment": "Ansible: inventory prod"}
            )
        ranged = {"name": "r_db", "type": "iprange", "start-ip": "10.5.0.1", "end-ip": "10.5.0.9"}
        console.call("set", f"{OBJECTS}/address", ranged)
        named = {"name": "n_db", "type": "fqdn", "fqdn": "db.example.net"}
        console.call("set", f"{OBJECTS}/address", named)
        groups: dict[str, list[str]] = {WEB: ["h_web-1", "h_web-2"], DB: ["r_db", "n_db"]}
        for name, members in groups.items():
            made = {"name": name, "member": members, "comment": "Ansible: do not edit"}
            console.call("set", f"{OBJECTS}/addrgrp", made)


def test_groups_of_a_playbook_taken_over_and_given_back(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    played(estate)
    used_on_both(estate, WEB, DB)
    configured(estate, shared(WEB))
    estate.write_config(groups=[shared(WEB), shared(DB)])
    before = estate.on_device("fgt-east", WEB)

    # What holds a range or a domain name is refused, with what is in it; the other goes on.
    capsys.readouterr()
    assert run(estate, "adopt", "--names", f"{WEB},{DB}") == 1
    told = capsys.readouterr().out
    assert f"not: {DB}: it holds what is no plain address" in told
    assert "n_db" in told
    configured(estate, shared(WEB))
    assert run(estate, "adopt", "--names", WEB, "--apply") == 0, capsys.readouterr()
    estate.install_by_hand()
    assert run(estate, "apply", "--install", "now") == 0, capsys.readouterr()
    assert estate.on_device("fgt-east", WEB) == before
    assert estate.mapped(WEB)[""] == ["prod_10.1.0.1", "prod_10.1.0.2"]
    assert comment(estate, "address", "h_web-1") == "Ansible: inventory prod"
    estate.install_by_hand()  # the old addresses leave the devices, which are people's

    runs(estate, "web-2", "web-3")
    assert run(estate, "apply", "--install", "now") == 0, capsys.readouterr()
    assert estate.on_device("fgt-east", WEB) == {"10.1.0.2", "10.1.0.3"}

    # The way back: the group with its comment, then the playbook as it was.
    assert run(estate, "adopt", "--release", "--apply") == 0, capsys.readouterr()
    assert comment(estate, "addrgrp", WEB) == "Ansible: do not edit"
    assert estate.mapped(WEB)[""] == ["prod_10.1.0.2", "prod_10.1.0.3"]
    played(estate)
    estate.install_by_hand()
    assert estate.on_device("fgt-east", WEB) == before


# --- the FortiGate's own connector ----------------------------------------------------------------

DYNAMIC = "k8s-dyn-web"


def resolved_by_each_fortigate(estate: Estate) -> None:
    """An address that the connector fills, alone and in a group."""
    with estate.administrator() as console:
        data = {"name": DYNAMIC, "type": "dynamic", "sdn": ["k8s-east"],
                "filter": "K8S_Label.app=web", "comment": "by hand"}  # fmt: skip
        console.call("set", f"{OBJECTS}/address", data)
        group = {"name": "dyn-web", "member": [DYNAMIC], "comment": "by hand"}
        console.call("set", f"{OBJECTS}/addrgrp", group)


def test_beside_addresses_of_the_connector_and_back(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    resolved_by_each_fortigate(estate)
    policy = used_on_both(estate, DYNAMIC, "dyn-web")
    address, group = estate.object("address", DYNAMIC), estate.object("addrgrp", "dyn-web")

    # There is nothing to take over.
    configured(estate, shared("dyn-web"))
    assert run(estate, "adopt", "--names", "dyn-web", "--apply") == 1
    assert (
        f"no plain address or prefix (a group, a range, a name, values by device): {DYNAMIC}"
        in (capsys.readouterr().out)
    )

    configured(estate, rule("k8s-web"))
    assert run(estate, "apply", "--install", "never") in (0, 3)
    pointed_at(estate, policy, DYNAMIC, "dyn-web", "k8s-web")
    assert run(estate, "apply", "--install", "now") == 0, capsys.readouterr()
    assert run(estate, "status") == 0
    assert estate.on_device("fgt-east", "k8s-web") == {"10.1.0.1", "10.1.0.2"}
    pointed_at(estate, policy, "k8s-web")
    runs(estate, "web-3")
    assert run(estate, "apply", "--install", "now") in (0, 3), capsys.readouterr()

    # The way back; all of the connector's is as it was.
    pointed_at(estate, policy, DYNAMIC, "dyn-web")
    assert run(estate, "cleanup", "--apply") == 0, capsys.readouterr()
    assert estate.object("address", DYNAMIC) == address
    assert estate.object("addrgrp", "dyn-web") == group
    assert estate.object("addrgrp", "k8s-web") is None

"""`publish: service` and the like, and which addresses of nodes count: from what a cluster says to
what FortiManager holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.cli import main
from fmgsync.passes import once
from fmgsync.passes.result import Result
from tests.builders import Manifest, exposed, listing, namespace, node, pod
from tests.end_to_end.estate import Estate, default_seed, open_estate

GROUP = "k8s-web"
EAST = {"sites": {"clusters": ["east"]}}
WEB = {"app": "web"}


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with open_estate(tmp_path, default_seed(install_s=0, workspaceMode="disabled")) as made:
        made.run("west", pod("other", "10.2.0.1"))
        yield made


def applied(estate: Estate, *objects: Manifest, **rule: Any) -> tuple[list[str], str]:
    """What the group of such a rule holds then, and what was said."""
    if rule:
        estate.write_config(groups=[{"name": GROUP, **EAST, **rule}])
    named = [node("node-1", "10.0.0.1")] if all(o["kind"] != "Node" for o in objects) else []
    estate.run("east", dump=listing(*objects, *named, namespace(), pod("x", "10.1.0.99")))
    result: Result = estate.apply_never()
    gaps = [*once.source_gaps(result.workloads)]
    told = " ".join([*gaps, *(finding.message for finding in result.workloads.findings)])
    held = estate.mapped(GROUP)["fgt-east"] if estate.object("addrgrp", GROUP) else []
    return [each.removeprefix("prod_") for each in held], told


def service(name: str = "web", **parts: Any) -> Manifest:
    spec = {"clusterIPs": ["10.96.0.5"], "externalIPs": ["198.51.100.1"]}
    balancer = [{"ip": "192.0.2.4"}, {"hostname": "a.elb.example.net"}]
    status = {"loadBalancer": {"ingress": balancer}}
    return exposed("Service", name, labels=WEB, **{"spec": spec, "status": status, **parts})


def test_a_service_stands_with_what_others_bear_out(estate: Estate) -> None:
    held, told = applied(estate, service(), select="app == 'web'", publish="service")
    assert held == ["10.96.0.5", "192.0.2.4"]
    assert "198.51.100.1 is what Service default/web asks for" in told.replace(
        "of cluster east ", ""
    )
    assert "the host name 'a.elb.example.net' is no address" in told
    # Who reads no Services knows nothing of them, and takes nothing away.
    held, told = applied(estate, pod("y", "10.1.0.98"))
    assert held == ["10.96.0.5", "192.0.2.4"]
    assert "services not read completely" in told
    # What a tenant wishes for counts inside what somebody else vouches for.
    vouched = {"within": ["198.51.100.0/24", "192.0.2.0/24"], "publish": "service"}
    held, told = applied(estate, service(), select="app == 'web'", **vouched)
    assert held == ["192.0.2.4", "198.51.100.1"]
    assert "asks for" not in told


def test_a_rule_chooses_which_addresses_of_a_node_count(estate: Estate) -> None:
    further = [{"type": "ExternalIP", "address": "203.0.113.5"}]
    host = node("node-1", "10.0.0.1", "10.9.0.1", addresses=further)
    host["metadata"]["annotations"] = {"example.net/egress": "198.51.100.9/28"}
    web = pod("web-1", "10.1.0.1", labels=WEB)
    pods = {"select": "app == 'web'", "publish": "node"}
    held, _ = applied(estate, web, host, **pods)
    assert held == ["10.0.0.1", "10.9.0.1"]
    held, _ = applied(estate, web, host, **pods, within=["10.0.0.0/16"])
    assert held == ["10.0.0.1"]
    held, _ = applied(estate, web, host, **pods, addresses=["ExternalIP"])
    assert held == ["203.0.113.5"]
    noted = {"selectNodes": "all()", "addresses": ["annotation:example.net/egress"]}
    held, told = applied(estate, web, host, **noted)
    assert held == ["203.0.113.5"]  # the guard keeps it from becoming empty
    assert "is told only by annotation:example.net/egress of node node-1" in told
    held, _ = applied(estate, web, host, **noted, within=["198.51.100.0/24"])
    assert held == ["198.51.100.9"]
    held, told = applied(estate, web, node("node-1", "10.0.0.1"), **pods, addresses=["ExternalIP"])
    assert "node node-1 of 1 has no ExternalIP" in told


def test_a_hostile_object_of_a_described_kind_adds_nothing_and_holds_nobody_back(
    estate: Estate,
) -> None:
    described = {"apiVersion": "lb.example.net/v1", "kind": "Address", "addresses": [".spec.ip"]}
    rule = {"select": "all()", "publish": "object", "object": described, "within": ["192.0.2.0/24"]}

    def address(name: str, ip: Any) -> Manifest:
        return {"apiVersion": "lb.example.net/v1", "kind": "Address",
                "metadata": {"name": name, "namespace": "default"}, "spec": {"ip": ip}}  # fmt: skip

    good, other = address("a", "192.0.2.7"), address("b", "192.0.2.8")
    assert applied(estate, good, other, **rule)[0] == ["192.0.2.7", "192.0.2.8"]
    hostile = [
        address("c", "10.1.0.99"),  # another pod's
        address("d", "192.0.2.7 or everything"),
        address("e", ["0.0.0.0/0", {"a": 1}, None]),
        address("f", {"deep": []}),
    ]
    held, told = applied(estate, good, *hostile)
    assert held == ["192.0.2.7"]
    assert "'192.0.2.7 or everything' (.spec.ip) is no address" in told


def test_what_an_address_belongs_to_is_explained(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    further = [{"type": "ExternalIP", "address": "203.0.113.5"}]
    host = node("node-1", "10.0.0.1", addresses=further)
    web = pod("web-1", "10.1.0.1", labels=WEB)
    chosen = {"name": "k8s-nodes", "select": "app == 'web'", "publish": "node", **EAST}
    vip = {"name": GROUP, "select": "app == 'web'", "publish": "service", **EAST}
    estate.write_config(groups=[vip, {**chosen, "addresses": ["ExternalIP"]}])
    applied(estate, service(), web, host)

    def explained(*words: str) -> str:
        capsys.readouterr()
        main.run(["explain", *words, "-c", str(estate.path), "--state-dir", str(estate.folder)])
        return capsys.readouterr().out

    assert "Service default/web of cluster east" in explained("ip", "192.0.2.4")
    assert "node node-1 of cluster east" in explained("ip", "203.0.113.5")
    told = explained("pod", "default/web-1")
    assert "203.0.113.5: the rule publishes nodes" in told
    assert "10.0.0.1" not in told

"""The controller on a running cluster: watches in, FortiGates out, whatever breaks on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmgsync.clock import SystemClock
from fmgsync.daemon import reload
from fmgsync.model.address import Address
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.sources import census, strangers
from tests import builders
from tests.daemon.controllers import running, supervised, until, web, written
from tests.end_to_end.estate import UNATTENDED, Estate, default_seed, open_estate


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        yield made


@pytest.fixture
def estate(
    tmp_path: Path, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Estate]:
    """East is a running cluster, west a dump that never changes."""
    monkeypatch.setattr(reload, "RELOAD_POLL_S", 0.05)
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        made.run("west", web("web-1", "10.2.0.1"))
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        cluster.add(builders.node("node-1"))
        cluster.add(web("web-1", "10.1.0.1"))
        made.write_config(
            clusters=[
                {"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}},
                made.config["clusters"][1],
            ],
            reconcile={"settle": "0s", "maxDelay": "1s"},
            install=UNATTENDED,
        )
        yield made


def test_a_watched_change_reaches_the_fortigate(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    with running(estate):
        until(lambda: written(estate, "10.1.0.1", "10.2.0.1"))
        estate.write_policy("k8s-web")
        cluster.add(web("web-2", "10.1.0.2"))
        until(
            lambda: (
                estate.on_device("fgt-east", "k8s-web")
                == {Address("10.1.0.1"), Address("10.1.0.2")}
            )
        )
        cluster.delete("Pod", "web-1")
        until(lambda: estate.on_device("fgt-east", "k8s-web") == {Address("10.1.0.2")})


def test_only_pods_that_a_rule_can_select_are_followed(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    """Of the others only name and address are asked for; who has a certain address by now is asked
    when somebody wants to know."""
    cluster.add(builders.pod("other", "10.1.0.7", labels={"app": "other"}))
    with running(estate) as controller:
        until(lambda: written(estate, "10.1.0.1", "10.2.0.1"))
        asked = [each.query for each in cluster.requests if each.resource == "pods"]
        counts = [query for query in asked if "labelSelector" not in query]
        assert {query["labelSelector"] for query in asked if query not in counts} == {
            "app in (web)"
        }
        assert [query["includeObject"] for query in counts] == ["None"]
        assert controller.workloads.in_use("east", Address("10.1.0.1"))
        assert controller.workloads.in_use("east", Address("10.1.0.7"))
        assert not controller.workloads.in_use("east", Address("10.1.0.8"))


def looked_up(cluster: KubernetesSimulator, ip: str) -> int:
    """How often it was asked who has the address."""
    wanted = f"status.podIP={ip}"
    return sum(wanted in each.query.get("fieldSelector", "") for each in cluster.requests)


def other(name: str, ip: str, *, started: str = "2999-01-01T00:00:00Z") -> builders.Manifest:
    """A pod that no rule selects, started after all others."""
    made = builders.pod(name, ip, labels={"app": "other"})
    return {**made, "status": {**made["status"], "startTime": started}}


def test_two_that_run_when_following_begins(estate: Estate, cluster: KubernetesSimulator) -> None:
    """Not even for a moment does the group hold the address of what no rule selects."""
    cluster.add(other("db-1", "10.1.0.1"))
    cluster.add(web("web-2", "10.1.0.2"))
    with running(estate) as controller:
        until(lambda: written(estate, "10.1.0.2", "10.2.0.1"))
        (told,) = [each.message for each in controller.workloads.findings]
        assert told.startswith("10.1.0.1 of cluster east belongs to pod default/db-1 by now")
        assert "prod_10.1.0.1" not in str(estate.unit.requests.since())


def test_a_second_pod_with_the_address_of_one_that_runs_on(
    estate: Estate, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody says so but a count of all pods; it is found at the next, and so is its end."""
    monkeypatch.setattr(census, "EVERY_S", 0.2)
    monkeypatch.setattr(strangers, "AGAIN_S", 0.1)
    cluster.add(web("web-2", "10.1.0.2"))
    with running(estate):
        until(lambda: written(estate, "10.1.0.1", "10.1.0.2", "10.2.0.1"))
        cluster.add(other("db-1", "10.1.0.1"))
        until(lambda: written(estate, "10.1.0.2", "10.2.0.1"))
        cluster.delete("Pod", "db-1")
        until(lambda: written(estate, "10.1.0.1", "10.1.0.2", "10.2.0.1"))


@pytest.mark.parametrize("host_network", [False, True])
def test_a_claim_never_stands_against_somebody_who_is_not_followed(
    estate: Estate,
    cluster: KubernetesSimulator,
    monkeypatch: pytest.MonkeyPatch,
    host_network: bool,
) -> None:
    """A pod that never ran, and an annotation that anybody writes: not even for a moment."""
    monkeypatch.setattr(strangers, "CLAIM_S", 0.1)
    monkeypatch.setattr(strangers, "AGAIN_S", 0.1)
    (east, west) = estate.config["clusters"]
    estate.write_config(clusters=[{**east, "allowedRanges": ["10.1.0.0/24"]}, west])
    victim = builders.pod("db-1", "10.1.0.66", labels={"app": "db"}, host_network=host_network)
    cluster.add(victim)
    for name, ip in (("bad", "10.1.0.66"), ("good", "10.1.0.67")):
        claim = {"cni.projectcalico.org/podIP": f"{ip}/32"}
        labels = {"app": "web"}
        cluster.add(builders.pod(name, labels=labels, phase="Pending", annotations=claim))
    with running(estate) as controller:
        until(lambda: written(estate, "10.1.0.1", "10.1.0.67", "10.2.0.1"))
        told = [each.message for each in controller.workloads.findings]
        assert told[0].startswith("10.1.0.66 of cluster east belongs to pod default/db-1 by now")
        assert "prod_10.1.0.66" not in str(estate.unit.requests.since())
        cluster.delete("Pod", "db-1")
        until(lambda: written(estate, "10.1.0.1", "10.1.0.66", "10.1.0.67", "10.2.0.1"))


def test_the_address_of_a_pod_that_ends_may_be_anothers_by_now(
    estate: Estate, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another that no rule can select, so that nobody hears of it but who asks."""
    monkeypatch.setattr(strangers, "AGAIN_S", 0.1)
    cluster.add(web("web-2", "10.1.0.2"))
    with running(estate) as controller:
        until(lambda: written(estate, "10.1.0.1", "10.1.0.2", "10.2.0.1"))
        assert looked_up(cluster, "10.1.0.1") == 0
        cluster.terminate("web-1")
        until(lambda: looked_up(cluster, "10.1.0.1") > 0)
        assert written(estate, "10.1.0.1", "10.1.0.2", "10.2.0.1")
        cluster.add(other("db-1", "10.1.0.1"))
        until(lambda: written(estate, "10.1.0.2", "10.2.0.1"))
        (told,) = [each.message for each in controller.workloads.findings]
        assert told.startswith("10.1.0.1 of cluster east belongs to pod default/db-1 by now")
        cluster.delete("Pod", "db-1")
        until(lambda: written(estate, "10.1.0.1", "10.1.0.2", "10.2.0.1"))
        cluster.delete("Pod", "web-1")
        until(lambda: written(estate, "10.1.0.2", "10.2.0.1"))


def test_the_address_of_a_pod_whose_node_is_silent_may_be_anothers_by_now(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    cluster.add(web("web-2", "10.1.0.2"))
    cluster.add(other("db-1", "10.1.0.1", started="2000-01-01T00:00:00Z"))
    with running(estate):
        until(lambda: written(estate, "10.1.0.1", "10.1.0.2", "10.2.0.1"))
        cluster.patch("Pod", "web-1", {"status": {"phase": "Unknown"}})
        until(lambda: written(estate, "10.1.0.2", "10.2.0.1"))


def test_an_address_that_appears_anew_may_be_anothers_as_well(
    estate: Estate, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "AGAIN_S", 0.1)
    cluster.add(other("db-1", "10.1.0.2"))
    with running(estate):
        until(lambda: written(estate, "10.1.0.1", "10.2.0.1"))
        cluster.add(web("web-2", "10.1.0.2"))
        cluster.add(web("web-3", "10.1.0.3"))
        until(lambda: written(estate, "10.1.0.1", "10.1.0.3", "10.2.0.1"))
        until(lambda: looked_up(cluster, "10.1.0.3") == 1)
        until(lambda: looked_up(cluster, "10.1.0.2") > 2)
        cluster.delete("Pod", "db-1")
        until(lambda: written(estate, "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.2.0.1"))
        assert looked_up(cluster, "10.1.0.3") == 1


def test_a_stranger_that_a_rule_selects_by_now_is_followed_and_contends_no_more(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    cluster.add(other("db-1", "10.1.0.2"))
    with running(estate):
        until(lambda: written(estate, "10.1.0.1", "10.2.0.1"))
        cluster.add(web("web-2", "10.1.0.2"))
        until(lambda: looked_up(cluster, "10.1.0.2") == 1)
        cluster.patch("Pod", "db-1", {"metadata": {"labels": {"app": "web"}}})
        until(lambda: written(estate, "10.1.0.1", "10.1.0.2", "10.2.0.1"))


def test_who_may_not_ask_removes_nothing(estate: Estate, cluster: KubernetesSimulator) -> None:
    with running(estate):
        until(lambda: written(estate, "10.1.0.1", "10.2.0.1"))
        cluster.faults.forbid("pods", "list")
        cluster.add(other("db-1", "10.1.0.1"))
        cluster.terminate("web-1")
        until(lambda: looked_up(cluster, "10.1.0.1") > 0)
        cluster.add(web("web-2", "10.1.0.2"))
        until(lambda: written(estate, "10.1.0.1", "10.1.0.2", "10.2.0.1"))


def test_an_api_server_that_is_gone_removes_nothing(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    with running(estate) as controller:
        until(lambda: written(estate, "10.1.0.1", "10.2.0.1"))
        cluster.down()
        until(lambda: any(r.difference and r.difference.problems for r in controller.clusters))
        estate.run("west", web("web-1", "10.2.0.9"))
        until(lambda: written(estate, "10.1.0.1", "10.2.0.9"))
        cluster.up()
        cluster.add(web("web-3", "10.1.0.3"))
        until(lambda: written(estate, "10.1.0.1", "10.1.0.3", "10.2.0.9"))


def test_a_changed_configuration_takes_over_and_a_broken_one_is_refused(estate: Estate) -> None:
    started = supervised(estate)
    with running(estate, started):
        until(lambda: written(estate, "10.1.0.1", "10.2.0.1"))
        whole = estate.path.read_text()
        estate.path.write_text("owner: [")
        until(lambda: started.controller.refused_configs > 0)
        assert written(estate, "10.1.0.1", "10.2.0.1")
        changed = json.loads(whole)
        changed["groups"].append({"name": "k8s-all", "select": "all()"})
        estate.path.write_text(json.dumps(changed))
        until(lambda: estate.unit.console().object("prod", "addrgrp", "k8s-all") is not None)


def test_a_renewed_kubeconfig_takes_over(estate: Estate, cluster: KubernetesSimulator) -> None:
    """Tokens run out; what follows from one that is refused is nothing but waiting."""
    started = supervised(estate)
    with running(estate, started):
        until(lambda: written(estate, "10.1.0.1", "10.2.0.1"))
        cluster.rotate_token()
        cluster.cut_connections()
        cluster.add(web("web-2", "10.1.0.2"))
        refused = started.controller
        until(lambda: any(r.difference and r.difference.problems for r in refused.clusters))
        assert written(estate, "10.1.0.1", "10.2.0.1")
        cluster.kubeconfig(estate.folder / "east.kubeconfig")
        until(lambda: written(estate, "10.1.0.1", "10.1.0.2", "10.2.0.1"))


@pytest.mark.parametrize("kept", ["token", "tokenFile"])
def test_a_token_that_is_replaced_is_not_used_again(
    estate: Estate, cluster: KubernetesSimulator, kept: str
) -> None:
    """Nobody has to be refused first: the file counts, not what was read of it."""
    path = estate.folder / "east.kubeconfig"

    def keep(token: str) -> None:
        content = json.loads(path.read_text())
        content["users"][0]["user"] = {kept: token if kept == "token" else "./token"}
        (estate.folder / "token").write_text(token)
        path.write_text(json.dumps(content))

    keep(cluster.token)
    started = supervised(estate)
    with running(estate, started):
        until(lambda: written(estate, "10.1.0.1", "10.2.0.1"))
        before = started.controller
        keep(cluster.rotate_token())
        refused = cluster.unauthorized
        if kept == "token":
            until(lambda: started.controller is not before)
        cluster.cut_connections()
        cluster.add(web("web-2", "10.1.0.2"))
        until(lambda: written(estate, "10.1.0.1", "10.1.0.2", "10.2.0.1"))
        assert cluster.unauthorized == refused


def test_a_cluster_restored_from_a_backup_is_what_counts(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    """Not what was known of its future: what is gone from it goes, what is back comes back."""
    backup = cluster.backup()
    with running(estate):
        until(lambda: written(estate, "10.1.0.1", "10.2.0.1"))
        cluster.add(web("web-2", "10.1.0.2"))
        cluster.delete("Pod", "web-1")
        until(lambda: written(estate, "10.1.0.2", "10.2.0.1"))
        cluster.restore(backup)
        until(lambda: written(estate, "10.1.0.1", "10.2.0.1"))
        cluster.add(web("web-3", "10.1.0.3"))
        until(lambda: written(estate, "10.1.0.1", "10.1.0.3", "10.2.0.1"))

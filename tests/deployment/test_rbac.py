"""The roles are held against the requests that fmgsync makes: none refused, none for nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from fmgsync.clock import SystemClock
from fmgsync.kube import requests
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests import builders
from tests.daemon.controllers import running, until, web, written
from tests.deployment.grants import Ask, asked, granted
from tests.deployment.places import CONFIG, ROOT, read
from tests.end_to_end.estate import Estate, default_seed, open_estate

ACCOUNT = "fmgsync/fmgsync"
ROLES = [each for path in sorted((CONFIG / "rbac").rglob("*.yaml")) for each in read(path)]
GRANTS = granted([each for each in ROLES if "roleRef" in each or "rules" in each], ACCOUNT)


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fmgsync"}})
        yield made


@pytest.fixture
def estate(tmp_path: Path, cluster: KubernetesSimulator) -> Iterator[Estate]:
    """One running cluster, and the Leases in it."""
    seed = default_seed(install_s=0, workspaceMode="disabled")
    with open_estate(tmp_path, seed, clock=SystemClock()) as made:
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        cluster.add(builders.node("node-1"))
        cluster.add(web("web-1", "10.1.0.1"))
        made.write_config(
            clusters=[{"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}}],
            sites=made.config["sites"][:1],
            # Nodes are read where a rule needs them.
            groups=[
                *made.config["groups"],
                {"name": "k8s-gates", "selectNodes": "has(gate)", "allowEmpty": True},
            ],
            reconcile={"settle": "0s", "maxDelay": "1s"},
            lease={"namespace": "fmgsync"},
        )
        yield made


def told_times(cluster: KubernetesSimulator, times: int) -> bool:
    """Whether the event at the configuration was counted so often."""
    here = [e for e in cluster.requests if e.resource == "events" and e.namespace == "fmgsync"]
    named = next((each.name for each in here if each.name), None)
    event = cluster.find("Event", named, namespace="fmgsync") if named else None
    return bool(here) if times == 1 else event is not None and event["count"] == times


def work(estate: Estate, cluster: KubernetesSimulator) -> set[Ask]:
    """A controller reads everything and follows changes, on API servers new and old."""
    for initial_events in (True, False):
        cluster.faults.initial_events = initial_events
        with running(estate):
            cluster.add(web("web-2", "10.1.0.2"))
            until(lambda: written(estate, "10.1.0.1", "10.1.0.2"))
            cluster.delete("Pod", "web-2")
            until(lambda: written(estate, "10.1.0.1"))
            cluster.delete("Pod", "web-1")
            # The last member waits for a person, who is told; the second time it is counted.
            until(partial(told_times, cluster, 1 if initial_events else 2))
            cluster.add(web("web-1", "10.1.0.1"))
    return asked(cluster)


def test_no_request_is_refused_and_no_permission_is_idle(
    estate: Estate, cluster: KubernetesSimulator
) -> None:
    seen = work(estate, cluster)
    assert {ask for ask in seen if not any(each.allows(ask) for each in GRANTS)} == set()
    written_down = set(requests_in_code())
    idle = {
        each
        for each in GRANTS
        if not any(each.allows(ask) for ask in seen)
        and (each.verb, each.resource) not in written_down
    }
    assert idle == set()
    assert {ask.verb for ask in seen if ask.resource == "pods"} == {"list", "watch"}


def test_every_request_written_in_the_code_is_granted() -> None:
    """Also those that no test provokes; where one names no kind, the kinds are checked above."""
    written_down = set(requests_in_code())
    assert ("list", "") in written_down
    kinds = {each.plural for each in vars(requests).values() if isinstance(each, requests.Resource)}
    for verb, plural in written_down:
        if plural == requests.SERVER_VERSION.plural:
            continue  # everybody may ask for the version
        assert plural == "" or plural in kinds
        assert any(
            (each.verb, each.resource) == (verb, plural or each.resource) for each in GRANTS
        ), f"{verb} {plural}"


def requests_in_code() -> Iterator[tuple[str, str]]:
    """Verb and plural of each `Request(...)`; "" for a kind that is a variable."""
    for path in sorted((ROOT / "fmgsync").rglob("*.py")):
        if "simulator" in path.parts or "kube.requests" not in path.read_text():
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _name(node.func) == "Request" and len(node.args) > 1:
                verb, kind = node.args[:2]
                constant = getattr(requests, _name(kind), None)
                if isinstance(verb, ast.Constant):
                    yield verb.value, constant.plural if constant else ""  # type: ignore[misc]


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize(
    ("ask", "allowed"),
    [
        (Ask("watch", "", "pods"), True),
        (Ask("watch", "", "pods", "shop"), True),
        (Ask("get", "", "pods", "shop", "web-1"), False),
        (Ask("get", "", "secrets", "fmgsync", "fmgsync-credentials"), False),
        (Ask("list", "", "secrets"), False),
        (Ask("update", "coordination.k8s.io", "leases", "fmgsync", "hq-prod"), True),
        (Ask("update", "coordination.k8s.io", "leases", "kube-node-lease", "node-1"), False),
        (Ask("update", "", "configmaps", "fmgsync", "fmgsync-state"), True),
        (Ask("update", "", "configmaps", "fmgsync", "fmgsync-config"), False),
        (Ask("create", "", "events", "shop"), True),
        (Ask("delete", "", "events", "shop", "web-1.17"), False),
    ],
)
def test_what_the_roles_allow(ask: Ask, allowed: bool) -> None:
    """No Secret, nothing outside its namespace but reading and telling."""
    assert any(each.allows(ask) for each in GRANTS) is allowed

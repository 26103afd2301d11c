"""What may be read is derived from the rules: by the command, by doctor, the chart and kustomize.

It is held against what is really asked of an API server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.model.endpoint import ALWAYS, EGRESS_KINDS, POLICY_KINDS, SEEN_KINDS, Kind
from fmgsync.settings.load import load_config, read_config
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.sources.kinds import KINDS
from fmgsync.wiring import checkups, roles
from tests import builders
from tests.daemon.controllers import running, until, web
from tests.deployment import tools
from tests.deployment.grants import Ask, Grant, asked, granted
from tests.deployment.places import CONFIG, found
from tests.deployment.rendered import rendered
from tests.end_to_end.estate import Estate, default_seed, open_estate

HERE = {"sites": {"clusters": ["east"]}}
WEST = {"sites": {"clusters": ["west"]}}
POLICIES = {"fromGlobalNetworkPolicies": "projectcalico.org/tier == 'dmz'"}
STAGED = {**POLICIES, "staged": True, "networkSets": True}
WEB: dict[str, Any] = {"name": "k8s-web", "select": "app == 'web'"}
CALICO = {Kind.ACCOUNTS, Kind.POLICIES}
SETS = {Kind.GLOBAL_SETS, Kind.NETWORK_SETS}
DESTINATIONS = {
    "service": Kind.SERVICES,
    "endpointSlice": Kind.ENDPOINT_SLICES,
    "gateway": Kind.GATEWAYS,
    "ingress": Kind.INGRESSES,
}
DESCRIBED = {"apiVersion": "ipam.example.net/v1", "kind": "IPAddress", "addresses": [".status.ip"]}
ASSIGNED: dict[str, Any] = {"name": "k8s-ips", "select": "all()", "publish": "object"}
RULES: dict[str, tuple[list[dict[str, Any]], set[Kind]]] = {
    "pods": ([WEB], set()),
    "nodes": ([{"name": "k8s-nodes", "selectNodes": "has(gate)"}], set()),
    "network sets": ([{**WEB, "networkSets": True}], SETS),
    "network sets elsewhere": ([{**WEB, "networkSets": True, **WEST}], set()),
    "ranges of pools": ([{**WEB, "publish": "ipPool"}], {Kind.IP_POOLS}),
    "ranges of pools elsewhere": ([{**WEB, "publish": "ipPool", **WEST}], set()),
    "egress gateways": ([{**WEB, "publish": "egressGateway"}], {*EGRESS_KINDS}),
    "what a firewall sees": ([{**WEB, "publish": "auto"}], {*SEEN_KINDS}),
    "what a firewall sees elsewhere": ([{**WEB, "publish": "auto", **WEST}], set()),
    "what a firewall sees by policies": (
        [{**POLICIES, "publish": "auto"}],
        {*CALICO, *SEEN_KINDS},
    ),
    "labels of accounts": ([{**WEB, "select": "pcsa.role == 'web'"}], {Kind.ACCOUNTS}),
    "policies": ([WEB, POLICIES], CALICO),
    "policies here": ([{**POLICIES, **HERE}], CALICO),
    "policies elsewhere": ([WEB, {**STAGED, **WEST}], set()),
    "services and the like": (
        [{**WEB, "name": f"k8s-{p.lower()}", "publish": p} for p in DESTINATIONS],
        set(DESTINATIONS.values()),
    ),
    "services elsewhere": ([{**WEB, "publish": "service", **WEST}], set()),
    "all of it": (
        [STAGED, {**WEB, "publish": "ipPool"}, {**WEB, "name": "k8s-seen", "publish": "auto"}],
        {*CALICO, *SETS, Kind.STAGED_POLICIES, *SEEN_KINDS},
    ),
}


def test_every_kind_is_needed_by_one_of_these() -> None:
    assert ALWAYS.union(*(kinds for _, kinds in RULES.values())) == set(Kind)


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.install_calico()
        made.define("gateway.networking.k8s.io/v1", "Gateway")
        made.define("ipam.example.net/v1", "IPAddress", namespaced=False)
        made.install_egress()
        made.add(builders.node("node-1"))
        made.add(web("web-1", "10.1.0.1"))
        yield made


@pytest.fixture
def estate(tmp_path: Path, cluster: KubernetesSimulator) -> Iterator[Estate]:
    """East is a running cluster, west a dump."""
    with open_estate(
        tmp_path, default_seed(install_s=0, workspaceMode="disabled"), clock=SystemClock()
    ) as made:
        made.run("west", web("web-1", "10.2.0.1"))
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        east = {"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}}
        made.write_config(
            clusters=[east, made.config["clusters"][1]],
            reconcile={"settle": "0s", "maxDelay": "1s"},
            install={"mode": "none"},
        )
        yield made


def bound(rules: Any) -> frozenset[Grant]:
    """What a role of these rules allows whom it is bound to everywhere."""
    role = {"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": rules}
    binding = {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "b"},
        "roleRef": {"kind": "ClusterRole", "name": "r"},
        "subjects": [{"namespace": "n", "name": "a"}],
    }
    return granted([role, binding], "n/a")


def printed(estate: Estate, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main.run(["config", "rbac", "-c", str(estate.path), *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("case", RULES)
def test_what_is_granted_is_what_is_asked(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    """By one look at everything and by following it; of two homes of a kind the one that is served.

    A Calico API server asks for policies tier by tier besides, which no request here shows.
    """
    groups, further = RULES[case]
    estate.write_config(groups=groups)
    (role,) = yaml.safe_load_all(printed(estate, capsys))
    assert json.loads(printed(estate, capsys, "--output", "json")) == {"roles": {"east": role}}
    grants = bound(role["rules"])
    main.run(["plan", "-c", str(estate.path)])  # the dump of the other cluster lacks some kinds
    kinds = ALWAYS | further
    with running(estate):
        until(lambda: kinds <= {kind_of(ask) for ask in reads(cluster)})
    asks = reads(cluster)
    assert {ask for ask in asks if not any(grant.allows(ask) for grant in grants)} == set()
    idle = {grant for grant in grants if not any(grant.allows(ask) for ask in asks)}
    assert {g for g in idle if g.group != "crd.projectcalico.org" and "tier" not in g.resource} <= {
        Grant("watch", row.resource.group, row.resource.plural, name=row.only)
        for row in KINDS.values()
    }
    assert {(g.group, g.resource) for g in grants if g.resource.startswith("tier.")} == {
        ("projectcalico.org", f"tier.{kind}") for kind in further if kind in POLICY_KINDS
    }


def test_a_kind_that_the_configuration_describes_is_granted_and_read(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    estate.write_config(groups=[{**ASSIGNED, "object": DESCRIBED}])
    (role,) = yaml.safe_load_all(printed(estate, capsys))
    ours = {(grant.group, grant.resource) for grant in bound(role["rules"])}
    assert ("ipam.example.net", "ipaddresses") in ours
    main.run(["plan", "-c", str(estate.path)])
    (ask,) = {ask for ask in asked(cluster) if ask.group == "ipam.example.net"}
    assert any(grant.allows(ask) for grant in bound(role["rules"]))
    assert main.run(["config", "check", "-c", str(estate.path)]) == 0
    told = "group 'k8s-ips' needs the right to list and watch ipaddresses.ipam.example.net"
    assert told in capsys.readouterr().out


def test_what_the_old_controller_was_told_is_granted_in_its_namespace_alone(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything of it may be read; held against all that is asked there."""
    estate.write_config(calicoCompat={"cluster": "east"}, groups=[WEB])
    cluster.faults.forbid("configmaps", "get")
    reader, compat = yaml.safe_load_all(printed(estate, capsys))
    assert json.loads(printed(estate, capsys, "--output", "json"))["calicoCompat"] == {
        "east": compat
    }
    cluster.faults.permit("configmaps")
    space = compat["metadata"]["namespace"]
    binding = {
        "kind": "RoleBinding",
        "metadata": {"name": "b", "namespace": space},
        "roleRef": {"kind": "Role", "name": compat["metadata"]["name"]},
        "subjects": [{"namespace": "n", "name": "a"}],
    }
    grants = granted([compat, binding], "n/a")
    told_what_it_was(cluster, space)
    main.run(["plan", "-c", str(estate.path)])
    asks = {ask for ask in asked(cluster) if ask.namespace == space}
    assert {"configmaps", "deployments", "secrets"} <= {ask.resource for ask in asks}
    assert {ask for ask in asks if not any(grant.allows(ask) for grant in grants)} == set()
    assert {grant for grant in grants if not any(grant.allows(ask) for ask in asks)} == set()
    everywhere = {ask for ask in asked(cluster) if not ask.namespace and ask.verb == "list"}
    allowed = bound(reader["rules"])
    assert {ask for ask in everywhere if not any(each.allows(ask) for each in allowed)} == set()
    clusters, _ = checkups.make_checkups(estate.path, clock=estate.clock)
    (east,) = [each for each in clusters if each.name == "east"]
    wanted = {Ask(r.verb, r.resource.group, r.resource.plural, space, r.name)
              for r in east.wanted if r.namespace == space}  # fmt: skip
    assert {grant for grant in grants if not any(grant.allows(ask) for ask in wanted)} == set()
    assert {ask for ask in wanted if not any(grant.allows(ask) for grant in grants)} == set()


def told_what_it_was(cluster: KubernetesSimulator, space: str) -> None:
    cluster.add(builders.namespace(space))
    selector = "projectcalico.org/tier == 'dmz'"
    told = {"tigera.firewall.policy.selector": selector, "tigera.firewall.addressSelection": "pod"}
    units = (
        "- {name: old, ip: '127.0.0.1:1', adom: root, username: k8s,"
        " password: {secretKeyRef: {name: login, key: password}}}"
    )
    lists = {"tigera.firewall.fortigate": "", "tigera.firewall.fortimgr": units}
    for name, data in ((space, told), (f"{space}-configs", lists)):
        metadata = {"name": name, "namespace": space}
        cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    secret = {"metadata": {"name": "login", "namespace": space}, "data": {"password": "b25l"}}
    cluster.add({"apiVersion": "v1", "kind": "Secret", **secret})


def reads(cluster: KubernetesSimulator) -> set[Ask]:
    plurals = {row.resource.plural for row in KINDS.values()}
    return {ask for ask in asked(cluster) if ask.resource in plurals}


def kind_of(ask: Ask) -> Kind:
    """What is read by it."""
    return Kind(f"{ask.resource}/{ask.name}" if ask.name else ask.resource)


@pytest.mark.parametrize("case", RULES)
def test_doctor_asks_for_the_same_rights(estate: Estate, case: str) -> None:
    estate.write_config(groups=RULES[case][0])
    config = load_config(estate.path)
    grants = bound(roles.reader(config, "east")["rules"])
    clusters, _ = checkups.make_checkups(estate.path, clock=estate.clock)
    east = next(each for each in clusters if each.name == "east")
    homes = [home for each in east.homes for home in (each.first, each.older) if home is not None]
    wanted = {Ask(r.verb, r.resource.group, r.resource.plural, name=r.name) for r in east.wanted}
    wanted |= {Ask(verb, home.group, home.plural) for home in homes for verb in ("list", "watch")}
    assert wanted == {
        Ask(grant.verb, grant.group, grant.resource, name=grant.name)
        for grant in grants
        if not grant.resource.startswith("tier")
    }


def test_a_cluster_that_is_no_api_server_has_no_role(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["config", "rbac", "-c", str(estate.path), "--cluster", "west"]) == 2
    assert "name one of: east" in capsys.readouterr().err


@pytest.mark.deploy
@pytest.mark.parametrize("case", RULES)
def test_the_chart_grants_the_same(tmp_path: Path, case: str) -> None:
    """To the account in its own cluster: the one without kubeconfig and manifests."""
    config = written(tmp_path, RULES[case][0])
    role = found(rendered({"config": config.read_text()}), "ClusterRole", "fmgsync-reader")
    assert role["rules"] == roles.reader(load_config(config), "east")["rules"]


@pytest.mark.deploy
def test_the_chart_is_told_what_a_configuration_needs_that_it_cannot_see() -> None:
    kinds = sorted(set(Kind) - ALWAYS)
    values = {"existingConfigMap": "mine", "rbac": {"kinds": [str(kind) for kind in kinds]}}
    role = found(rendered(values), "ClusterRole", "fmgsync-reader")
    assert role["rules"] == [*roles.granting(ALWAYS.union(kinds))]


@pytest.mark.deploy
def test_the_option_of_kustomize_grants_all_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (tmp_path / "config").symlink_to(CONFIG)
    (folder / "kustomization.yaml").write_text(
        json.dumps(
            {
                "resources": ["../config/default"],
                "components": [
                    f"../config/options/{each}"
                    for each in ("calico", "calico-compat", "destinations", "seen")
                ],
            }
        )
    )
    role = found(tools.kustomized(folder), "ClusterRole", "fmgsync-reader")
    assert bound(role["rules"]) == bound(roles.granting(Kind))
    compat = found(tools.kustomized(folder), "Role", "fmgsync-calico-compat")
    assert compat == {**compat, **expected_compat(tmp_path)}
    plain = found(tools.kustomized(CONFIG / "default"), "ClusterRole", "fmgsync-reader")
    assert plain["rules"] == [*roles.granting(ALWAYS)]


@pytest.mark.deploy
def test_the_chart_grants_what_calicocompat_reads(tmp_path: Path) -> None:
    config = written(tmp_path, [], calicoCompat={"cluster": "east"})
    objects = rendered({"config": config.read_text()})
    compat = found(objects, "Role", "fmgsync-calico-compat")
    wanted = roles.compat(read_config(config), "east")
    assert wanted is not None
    assert compat["rules"] == wanted["rules"]
    assert compat["metadata"]["namespace"] == wanted["metadata"]["namespace"]
    role = found(objects, "ClusterRole", "fmgsync-reader")
    assert role["rules"] == roles.reader(read_config(config), "east")["rules"]


@pytest.mark.deploy
@pytest.mark.parametrize(
    ("kind", "resource"),
    [("IPAddress", None), ("Policy", None), ("Gateway", "odd"), ("Key", None), ("Box", None)],
)
def test_the_chart_grants_a_described_kind(tmp_path: Path, kind: str, resource: str | None) -> None:
    described = {**DESCRIBED, "kind": kind, **({"resource": resource} if resource else {})}
    config = written(tmp_path, [{**ASSIGNED, "object": described}, WEB])
    role = found(rendered({"config": config.read_text()}), "ClusterRole", "fmgsync-reader")
    assert role["rules"] == roles.reader(read_config(config), "east")["rules"]


def expected_compat(folder: Path) -> Mapping[str, Any]:
    config = read_config(written(folder, [], calicoCompat={"cluster": "east"}))
    found = roles.compat(config, "east")
    assert found is not None
    return found


def written(folder: Path, groups: list[dict[str, Any]], **more: Any) -> Path:
    config = yaml.safe_load((CONFIG / "manager" / "fmgsync.yaml").read_text())
    config["clusters"].append({"name": "west", "manifests": "./west.json"})
    config["sites"].append({**config["sites"][0], "clusters": ["west"], "devices": ["fgt-west"]})
    config["groups"] = groups
    config |= more
    path = folder / "fmgsync.yaml"
    path.write_text(yaml.safe_dump(config))
    return path

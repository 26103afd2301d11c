"""Each sample of a platform, on a dump with objects of the shapes that the platform produces: the
groups hold what the sample says a firewall sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fmgsync.passes import once
from tests.end_to_end.estate import Estate, default_seed, open_estate

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "config" / "samples"
DUMPS = Path(__file__).parent / "platforms"

SEEN: dict[str, dict[str, set[str]]] = {
    "eks": {
        "k8s-frontend": {"10.20.1.77", "10.20.10.154"},
        "k8s-frontend-nodes": {"10.20.1.10"},
    },
    "eks-ipv6": {"k8s-frontend": {"2001:db8:20:60::2"}},
    "aks": {"k8s-frontend": {"10.30.0.4"}},
    "gke": {"k8s-frontend": {"10.56.1.5"}, "k8s-frontend-nodes": {"10.50.0.7"}},
    "iks": {"k8s-frontend": {"10.240.0.5"}, "k8s-frontend-public": {"169.45.0.9"}},
    "openshift": {
        "k8s-frontend-nodes": {"192.168.111.20"},
        "k8s-shop-egress": {"192.168.127.10"},
    },
}


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with open_estate(tmp_path, default_seed(install_s=0, workspaceMode="disabled")) as made:
        yield made


def sample(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((SAMPLES / name / "fmgsync.yaml").read_text()))


def planned(
    estate: Estate, name: str, text: str, groups: list[dict[str, Any]]
) -> tuple[dict[str, set[str]], list[str]]:
    """What the sample's groups would hold on one device, and what could not be read for that."""
    (cluster,) = sample(name)["clusters"]
    (estate.folder / "east.yaml").write_text(text)
    estate.write_config(
        clusters=[{**cluster, "manifests": "./east.yaml"}],
        sites=[
            {"clusters": [cluster["name"]], "fortimanager": "hq", "adom": "prod",
             "devices": ["fgt-east"]}
        ],
        groups=groups,
    )  # fmt: skip
    result = estate.plan()
    (adom,) = result.adoms
    assert adom.seen is not None
    wanted = {
        group.name: {str(each) for members in group.mappings.values() for each in members.addresses}
        for group in adom.seen.desired.groups
    }
    return wanted, [*once.source_gaps(result.workloads)]


@pytest.mark.parametrize("name", SEEN)
def test_a_sample_publishes_what_the_firewall_sees(estate: Estate, name: str) -> None:
    text = (DUMPS / f"{name}.yaml").read_text()
    assert planned(estate, name, text, sample(name)["groups"]) == (SEEN[name], [])


def test_every_platform_that_has_a_sample_is_tried() -> None:
    others = {"branches", "calico"}  # ways to set things up, not platforms
    assert {path.parent.name for path in SAMPLES.glob("*/fmgsync.yaml")} == {*SEEN, *others}


@pytest.mark.slow
def test_the_flat_model_of_aks_shows_pods(estate: Estate) -> None:
    text = (DUMPS / "aks.yaml").read_text()
    flat = text.replace("192.168.0.23", "10.30.1.23").replace("podCIDR: 192.168.0.0/24", "")
    group = {**sample("aks")["groups"][0], "publish": "pod"}
    wanted, _ = planned(estate, "aks", flat.replace("podCIDRs: [192.168.0.0/24]", ""), [group])
    assert wanted == {"k8s-frontend": {"10.30.1.23"}}


@pytest.mark.slow
def test_an_egress_address_that_is_not_assigned_is_not_published(estate: Estate) -> None:
    """And a dump without EgressIPs takes nothing away: the kind was not read."""
    text = (DUMPS / "openshift.yaml").read_text()
    groups = sample("openshift")["groups"]
    moved = text.replace("{node: worker-0, egressIP: 192.168.127.10}", "")
    assert planned(estate, "openshift", moved, groups)[0]["k8s-shop-egress"] == set()
    without = text.replace("kind: EgressIP", "kind: SomethingElse")
    _, gaps = planned(estate, "openshift", without, groups)
    assert any("egressips.k8s.ovn.org" in gap for gap in gaps)


SERVED = {
    "iks": ["crd.projectcalico.org"],
    "openshift": ["k8s.ovn.org"],
}
"""API groups of the plug-ins that a platform has, as `kubectl get --raw /apis` tells them."""
TOWARDS: list[tuple[str, list[str], set[str]]] = [
    ("aks", ["192.0.2.0/24"], {"10.30.0.4"}),
    ("gke", ["10.99.0.0/16"], {"10.56.1.5"}),
    ("gke", ["192.0.2.0/24"], {"10.50.0.7"}),
    ("iks", ["192.0.2.0/24"], {"10.240.0.5"}),
    ("openshift", ["192.0.2.0/24"], {"192.168.127.10"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "towards", "seen"), TOWARDS)
def test_what_the_cluster_itself_says_agrees_with_the_sample(
    estate: Estate, name: str, towards: list[str], seen: set[str]
) -> None:
    """`publish: auto` on the same objects, towards a network."""
    groups = [{"name": group} for group in ("apps", "networking.k8s.io", *SERVED.get(name, ()))]
    served = yaml.safe_dump({"apiVersion": "v1", "kind": "APIGroupList", "groups": groups})
    dump = yaml.safe_load((DUMPS / f"{name}.yaml").read_text())
    system = {"metadata": {"name": "kube-root-ca.crt", "namespace": "kube-system"}, "data": {}}
    dump["items"].append({"apiVersion": "v1", "kind": "ConfigMap", **system})
    proxy = {"metadata": {"name": "kube-proxy", "namespace": "kube-system"}, "spec": {}}
    dump["items"].append({"apiVersion": "apps/v1", "kind": "DaemonSet", **proxy})
    lists = [
        {"apiVersion": "crd.projectcalico.org/v1", "kind": f"{kind}List", "items": []}
        for kind in ("FelixConfiguration", "EgressGatewayPolicy")
        if name == "iks"
    ]
    more = "".join(f"---\n{yaml.safe_dump(each, sort_keys=False)}" for each in lists)
    text = f"{yaml.safe_dump(dump)}{more}---\n{served}...\n"
    auto = {"name": "k8s-auto", "select": "app == 'frontend'", "publish": "auto"}
    wanted, gaps = planned(estate, name, text, [{**auto, "towards": towards}])
    assert gaps == []
    assert wanted["k8s-auto"] == seen


@pytest.mark.slow
def test_on_eks_nobody_guesses_what_is_inside_the_vpc(estate: Estate) -> None:
    """So the sample has a group of pods and one of nodes, and no `publish: auto`."""
    dump = yaml.safe_load((DUMPS / "eks.yaml").read_text())
    system = {"metadata": {"name": "kube-root-ca.crt", "namespace": "kube-system"}, "data": {}}
    dump["items"].append({"apiVersion": "v1", "kind": "ConfigMap", **system})
    served = {"apiVersion": "v1", "kind": "APIGroupList", "groups": [{"name": "apps"}]}
    text = f"{yaml.safe_dump(dump)}---\n{yaml.safe_dump(served)}...\n"
    auto = {"name": "k8s-auto", "select": "app == 'frontend'", "publish": "auto"}
    wanted, gaps = planned(estate, "eks", text, [{**auto, "towards": ["192.0.2.0/24"]}])
    assert wanted["k8s-auto"] == set()
    assert any("inside the VPC its own address is seen, elsewhere its node's" in g for g in gaps)

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
    return wanted, [*once.source_gaps(result.inventory)]


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

"""`calicoCompat`: the old controller's ConfigMaps and Secrets, read as they are."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmgsync.errors import ConfigError, SourceError
from fmgsync.settings import load
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.wiring import reloading
from tests.effort import effort
from tests.kubernetes_api import HOLLOW

SPACE = "tigera-firewall-controller"
UNITS = (
    "- {name: hq, ip: 192.0.2.20, adom: root, username: k8s,"
    " password: {secretKeyRef: {name: login, key: password}}}"
)


def config_map(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": SPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def tell(
    cluster: KubernetesSimulator, selector: str, units: str = UNITS, word: str = "one"
) -> None:
    """What the old controller is told."""
    told = {"tigera.firewall.policy.selector": selector, "tigera.firewall.addressSelection": "pod"}
    cluster.add(config_map(SPACE, **told))
    lists = {"tigera.firewall.fortigate": "", "tigera.firewall.fortimgr": units}
    cluster.add(config_map(f"{SPACE}-configs", **lists))
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "namespace": SPACE},
    }
    cluster.add({**secret, "data": {"password": base64.b64encode(word.encode()).decode()}})


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
        tell(made, "projectcalico.org/tier == 'dmz'")
        yield made


@pytest.fixture
def path(tmp_path: Path, cluster: KubernetesSimulator) -> Path:
    cluster.kubeconfig(tmp_path / "kubeconfig")
    file = tmp_path / "fmgsync.yaml"
    east = {"name": "east", "kubeconfig": {"file": "./kubeconfig"}}
    content = {"owner": "prod", "clusters": [east], "calicoCompat": {"cluster": "east"}}
    file.write_text(json.dumps(content))
    return file


def test_units_sites_groups_and_secrets_are_those_of_the_old_controller(path: Path) -> None:
    config = load.load_config(path)
    (unit,) = config.fortimanagers
    assert (unit.name, unit.credentials.username) == ("hq", "k8s")
    assert unit.credentials.password is not None
    assert unit.credentials.password.read() == "one"
    assert config.groups[0].from_global_network_policies == "projectcalico.org/tier == 'dmz'"
    assert config.sites[0].adom == "root"


def test_what_the_file_says_of_a_unit_counts_first(path: Path) -> None:
    data = json.loads(path.read_text())
    login = {"username": "me", "password": {"env": "HQ"}}
    data["fortimanagers"] = [{"name": "hq", "host": "fmg.example.net", "credentials": login}]
    path.write_text(json.dumps(data))
    (unit,) = load.load_config(path).fortimanagers
    assert str(unit.host) == "fmg.example.net"


@pytest.mark.parametrize("answer", HOLLOW)
@pytest.mark.parametrize(
    ("plural", "kind"),
    [("configmaps", b"ConfigMap"), ("secrets", b"Secret"), ("deployments", b"Deployment")],
)
def test_an_answer_that_is_no_such_object_does_not_say_that_it_holds_nothing(
    path: Path, cluster: KubernetesSimulator, plural: str, kind: bytes, answer: bytes
) -> None:
    cluster.faults.hollow(plural, answer.replace(b"KIND", kind), verb="get")
    with pytest.raises(SourceError, match="not what an API server gives"):
        load.load_config(path)


def test_each_change_is_noticed_secrets_included(path: Path, cluster: KubernetesSimulator) -> None:
    stamps = [reloading.compat_stamp(path)]
    tell(cluster, "projectcalico.org/tier == 'web'")
    stamps.append(reloading.compat_stamp(path))
    tell(cluster, "projectcalico.org/tier == 'web'", word="two")
    stamps.append(reloading.compat_stamp(path))
    assert len({*stamps}) == 3
    assert reloading.compat_stamp(path) == stamps[-1]
    password = load.load_config(path).fortimanagers[0].credentials.password
    assert password is not None
    assert password.read() == "two"
    cluster.down()
    assert reloading.compat_stamp(path) is None, "nothing is known, so nothing has changed"


def test_what_never_worked_is_refused_and_the_file_alone_can_be_checked(
    path: Path, cluster: KubernetesSimulator
) -> None:
    tell(cluster, "dmz")
    with pytest.raises(ConfigError, match="write projectcalico"):
        load.load_config(path)
    assert load.read_config(path).calico_compat is not None


def test_a_cluster_that_does_not_answer_is_no_empty_configuration(
    path: Path, cluster: KubernetesSimulator
) -> None:
    cluster.down()
    with pytest.raises(SourceError):
        load.load_config(path)


def test_a_dump_has_nothing_to_follow(path: Path) -> None:
    data = json.loads(path.read_text())
    data["clusters"] = [{"name": "east", "manifests": "./east"}]
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigError, match="no ConfigMaps to follow"):
        load.read_config(path)


def test_a_file_that_has_not_changed_is_not_read_into_parts_again(tmp_path: Path) -> None:
    """A controller asks every few seconds whether something is to be read in a cluster."""
    groups = [{"name": f"g{n}", "select": f"app == 'a{n}'"} for n in range(300)]
    path = tmp_path / "fmgsync.yaml"
    path.write_text(json.dumps({"owner": "test", "groups": groups}))
    first = effort(lambda: reloading.compat_stamp(path))
    assert effort(lambda: reloading.compat_stamp(path)) < first / 100


MIXED = """\
owner: prod
clusters:
  - {name: east, kubeconfig: {file: ./kubeconfig}}
calicoCompat: {cluster: east}
fortigates:
  - {name: branch, host: 192.0.2.30, apiKey: {env: KEY}}
"""
DIRECT = "- {name: fg-1, ip: 192.0.2.30, apikey: {secretKeyRef: {name: login, key: password}}}"


@pytest.mark.parametrize(
    ("text", "where", "line"),
    [
        (MIXED.replace("{file", "{fiel"), "clusters[0].kubeconfig.fiel", 3),
        (MIXED.replace("apiKey", "apikey"), "fortigates[0].apikey", 6),
        (MIXED.replace(" branch", " 7"), "fortigates[0].name", 6),
        # What the ConfigMaps say stands in no line of the file.
        (MIXED, "fortigates[1].host", 4),
    ],
)
def test_errors_name_the_line_of_the_file(
    path: Path, cluster: KubernetesSimulator, text: str, where: str, line: int
) -> None:
    tell(cluster, "projectcalico.org/tier == 'dmz'", units="")
    lists = {"tigera.firewall.fortigate": DIRECT, "tigera.firewall.fortimgr": ""}
    cluster.add(config_map(f"{SPACE}-configs", **lists))
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load.load_config(path)
    assert (where, line) in [(each.path, each.line) for each in caught.value.problems]

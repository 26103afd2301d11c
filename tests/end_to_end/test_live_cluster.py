"""A running cluster as the source: the same story, read from a Kubernetes API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmgsync.cli import main
from fmgsync.clock import SystemClock
from fmgsync.daemon import reload
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.wiring import wiring
from tests import builders
from tests.daemon.controllers import made, running, supervised, until, written
from tests.end_to_end.estate import Estate, default_seed, open_estate


@pytest.fixture
def cluster() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator() as made:
        yield made


@pytest.fixture
def estate(tmp_path: Path, cluster: KubernetesSimulator) -> Iterator[Estate]:
    """East is a live cluster behind a kubeconfig, west a dump."""
    with open_estate(tmp_path, default_seed(install_s=0), clock=SystemClock()) as made:
        made.run("west", builders.pod("web-1", "10.2.0.5", labels={"app": "web"}))
        cluster.kubeconfig(tmp_path / "east.kubeconfig")
        east = {"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}}
        made.write_config(clusters=[east, made.config["clusters"][1]])
        yield made


def command(estate: Estate, *arguments: str) -> int:
    return main.run([*arguments, "-c", str(estate.path)])


def test_a_live_cluster_reaches_its_fortigate(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.add(builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))
    cluster.add(builders.pod("db-1", "10.1.0.6", labels={"app": "db"}))
    assert command(estate, "apply", "--install", "never") == 0, capsys.readouterr()
    estate.write_policy("k8s-web")
    assert command(estate, "apply", "--install", "now") == 0, capsys.readouterr()
    assert estate.on_device("fgt-east", "k8s-web") == {"10.1.0.5"}
    assert estate.on_device("fgt-west", "k8s-web") == {"10.2.0.5"}


def test_a_kind_that_may_not_be_listed_freezes_what_needs_it(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """The missing RBAC rule is named, and nothing of this cluster is removed."""
    cluster.add(builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))
    assert command(estate, "apply", "--install", "never") == 0
    cluster.faults.forbid("pods", "list")
    capsys.readouterr()
    assert command(estate, "plan", "--output", "json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["adoms"][0]["changes"] == []
    said = json.dumps(document["sources"])
    assert "pods" in said
    assert "list" in said


def test_a_cluster_that_is_down_freezes_its_part(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.add(builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))
    estate.run("west", builders.pod("web-1", "10.2.0.8", labels={"app": "web"}))
    assert command(estate, "apply", "--install", "never") == 0
    cluster.down()
    estate.run("west", builders.pod("web-1", "10.2.0.9", labels={"app": "web"}))
    capsys.readouterr()
    assert command(estate, "plan", "--output", "json") == 1
    (adom,) = json.loads(capsys.readouterr().out)["adoms"]
    assert {c.get("device") for c in adom["changes"] if c["kind"] == "mapping"} == {"fgt-west/root"}


def token_file(estate: Estate, content: str) -> None:
    """East's kubeconfig names a file with this content instead of a token."""
    path = estate.folder / "east.kubeconfig"
    kubeconfig = json.loads(path.read_text())
    kubeconfig["users"][0]["user"] = {"tokenFile": "token"}
    path.write_text(json.dumps(kubeconfig))
    (estate.folder / "token").write_text(content)


def test_a_token_file_with_a_line_break_works(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `echo` writes it and kubectl reads it."""
    token_file(estate, f"{cluster.token}\n")
    cluster.add(builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))
    assert command(estate, "apply", "--install", "never", "-vv") == 0
    assert cluster.token not in "".join(capsys.readouterr())


@pytest.mark.parametrize("arguments", [("plan", "-vv"), ("doctor",), ("run", "--listen", "none")])
def test_a_token_of_two_lines_is_a_mistake_of_the_configuration_and_not_told(
    estate: Estate,
    cluster: KubernetesSimulator,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
) -> None:
    token_file(estate, f"{cluster.token}\n{cluster.token}\n")
    code = command(estate, *arguments)
    said = "".join(capsys.readouterr())
    assert "which no HTTP header can carry" in said
    assert cluster.token not in said
    assert "Traceback" not in said
    assert code == 2


def switch_verification_off(estate: Estate) -> None:
    path = estate.folder / "east.kubeconfig"
    kubeconfig = json.loads(path.read_text())
    server = kubeconfig["clusters"][0]["cluster"]
    del server["certificate-authority"]
    server["insecure-skip-tls-verify"] = True
    path.write_text(json.dumps(kubeconfig))


def test_verification_that_is_off_is_said_in_our_words(
    estate: Estate, cluster: KubernetesSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    switch_verification_off(estate)
    cluster.add(builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))
    assert command(estate, "config", "check") == 0
    assert "notice: insecure-skip-tls-verify is on" in capsys.readouterr().out
    command(estate, "doctor")
    assert "is not verified" in capsys.readouterr().out
    assert command(estate, "plan") == 3
    assert "InsecureRequestWarning" not in "".join(capsys.readouterr())
    before = made(estate)
    after = wiring.make_controller(estate.path, before=before)
    said = capsys.readouterr()
    assert (said.out + said.err).count("certificate not verified") == 1
    assert before.unverified == after.unverified == {"cluster east"}


BREAKS: dict[str, tuple[str, str]] = {
    "a kubeconfig that is no YAML": ("east.kubeconfig", "users: ["),
    "a kubeconfig of the wrong types": ("east.kubeconfig", '{"users": {}}'),
    "a kubeconfig that is empty": ("east.kubeconfig", ""),
    "an authority of FortiManager that is none": ("ca.pem", "hello"),
    "an authority of the cluster that is none": ("cluster-ca.pem", "hello"),
}


@pytest.mark.parametrize("why", BREAKS)
def test_a_file_that_became_unusable_is_refused_and_the_old_one_stays(
    estate: Estate, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """It is counted as a refused configuration, and taken as soon as it is mended."""
    monkeypatch.setattr(reload, "RELOAD_POLL_S", 0.05)
    (estate.folder / "ca.pem").write_text(Path(estate.unit.ca_file).read_text())
    (estate.folder / "cluster-ca.pem").write_text(cluster.ca_file.read_text())
    kubeconfig = json.loads((estate.folder / "east.kubeconfig").read_text())
    kubeconfig["clusters"][0]["cluster"]["certificate-authority"] = "cluster-ca.pem"
    (estate.folder / "east.kubeconfig").write_text(json.dumps(kubeconfig))
    (unit,) = estate.config["fortimanagers"]
    estate.write_config(
        fortimanagers=[{**unit, "tls": {"caFile": "./ca.pem"}}],
        reconcile={"settle": "0s", "minInterval": "0s"},
        clusters=[
            {"name": "east", "kubeconfig": {"file": "./east.kubeconfig"}},
            estate.config["clusters"][1],
        ],
    )
    name, content = BREAKS[why]
    whole = (estate.folder / name).read_text()
    started = supervised(estate)
    with running(estate, started) as first:
        until(lambda: written(estate, "10.2.0.5"))
        (estate.folder / name).write_text(content)
        until(lambda: first.refused_configs > 0)
        assert started.controller is first
        cluster.cut_connections()
        cluster.add(builders.pod("web-9", "10.1.0.9", labels={"app": "web"}))
        until(lambda: written(estate, "10.1.0.9", "10.2.0.5"))
        (estate.folder / name).write_text(whole)
        until(lambda: started.controller is not first)


def test_the_variable_of_kubectl_counts_where_no_file_is_named(
    estate: Estate, cluster: KubernetesSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are merged, absent ones left out; a context of any of them may be named."""
    other = cluster.kubeconfig(estate.folder / "other", context="elsewhere")
    east = estate.folder / "east.kubeconfig"
    monkeypatch.setenv("KUBECONFIG", f"{estate.folder / 'absent'}:{east}:{other}")
    cluster.add(builders.pod("web-1", "10.1.0.5", labels={"app": "web"}))
    for kubeconfig in ({}, {"context": "elsewhere"}, {"file": "./east.kubeconfig:./other"}):
        live = {"name": "east", "kubeconfig": kubeconfig}
        estate.write_config(clusters=[live, estate.config["clusters"][1]])
        assert command(estate, "apply", "--install", "never") == 0

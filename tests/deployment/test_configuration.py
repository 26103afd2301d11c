"""What is shipped is what fmgsync accepts: configurations, arguments, paths, ports."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

import fmgsync
from fmgsync.cli import main, run
from fmgsync.clock import ManualClock
from fmgsync.model.health import ServiceHealth
from fmgsync.serve.http import Service
from fmgsync.serve.metrics import Metrics
from fmgsync.settings import load
from tests.deployment import places
from tests.deployment.places import CHART, CONFIG, CONFIGURATIONS, SAMPLES, container
from tests.deployment.rendered import instructions

DEPLOYMENT = places.deployment()
POD = DEPLOYMENT["spec"]["template"]["spec"]
CONTAINER = container(DEPLOYMENT)
MOUNTS = {each["name"]: each["mountPath"] for each in CONTAINER["volumeMounts"]}


def named(path: Path) -> str:
    return str(path.relative_to(CONFIG).parent)


every_configuration = pytest.mark.parametrize("path", CONFIGURATIONS, ids=named)


@every_configuration
def test_config_check_accepts_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word about anything but rights that the sample's kustomization grants."""
    assert main.run(["config", "check", "-c", str(path), "--output", "json"]) == 0
    said = yaml.safe_load(capsys.readouterr().out)
    told = [each["message"] for each in said["notices"]]
    granted = (path.parent / "kustomization.yaml").read_text()
    assert [
        text for text in told if "needs the right" not in text or "rules/-" not in granted
    ] == []


@every_configuration
def test_secrets_are_keys_of_the_mounted_secret(path: Path) -> None:
    keys = places.found(places.read(CONFIG / "samples" / "credentials.yaml"), "Secret")
    for unit in load.load_config(path).fortimanagers:
        assert unit.credentials.password is not None
        for file in (unit.credentials.password.file, unit.tls.ca_file):
            assert file is not None
            assert str(file.parent) == MOUNTS["credentials"]
            assert file.name in keys["stringData"]


@every_configuration
def test_replicas_share_the_adoms_where_they_may(path: Path) -> None:
    """Without a lease two replicas would write one ADOM; elsewhere there are no rights to it."""
    config = load.load_config(path)
    assert DEPLOYMENT["spec"]["replicas"] > 1
    assert config.lease is not None
    assert config.lease.namespace == DEPLOYMENT["metadata"]["namespace"]
    inside = [c.name for c in config.clusters if c.kubeconfig is None and c.manifests is None]
    assert inside == [config.clusters[0].name]


PLATFORMS = [path for path in SAMPLES if path.name != "branches"]


@pytest.mark.parametrize("sample", PLATFORMS, ids=lambda path: path.name)
def test_each_platform_says_which_address_is_seen_and_who_says_so(sample: Path) -> None:
    text = (sample / "fmgsync.yaml").read_text()
    reason = "".join(line for line in text.splitlines(True) if line.startswith("#"))
    assert "Which address does the FortiGate see?" in reason
    assert "https://" in reason
    config = load.load_config(sample / "fmgsync.yaml")
    assert all(cluster.allowed_ranges for cluster in config.clusters)
    assert all("publish" in group.model_fields_set for group in config.groups)


def test_there_is_a_sample_for_each_platform() -> None:
    names = {path.name for path in PLATFORMS}
    assert names == {"aks", "calico", "eks", "eks-ipv6", "gke", "iks", "openshift"}


def test_there_is_a_sample_of_fortigates_without_a_fortimanager() -> None:
    config = load.load_config(CONFIG / "samples" / "branches" / "fmgsync.yaml")
    assert not config.fortimanagers
    assert {site.fleet for site in config.sites} == {"branches"}
    keys = places.found(places.read(CONFIG / "samples" / "fortigates.yaml"), "Secret")
    for unit in config.fortigates:
        for file in (unit.api_key.file, unit.tls.ca_file):
            assert file is not None
            assert str(file.parent) == "/etc/fmgsync/fortigates"
            assert file.name in keys["stringData"]


def parsed_arguments() -> dict[str, Any]:
    command, *arguments = CONTAINER["args"]
    assert command == "run"
    return dict(run.command.make_context("run", arguments).params)


def test_the_arguments_are_those_of_fmgsync_run() -> None:
    arguments = parsed_arguments()
    (file,) = (
        each for each in CONTAINER["args"] if each.startswith("--config=")
    )  # the options' own object is built by the command line
    path = PurePosixPath(file.partition("=")[2])
    assert str(path.parent) == MOUNTS["config"]
    assert path.name == "fmgsync.yaml"
    port = int(arguments["listen"].rpartition(":")[2])
    assert [each["containerPort"] for each in CONTAINER["ports"]] == [port]


@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe"])
def test_a_probe_asks_for_what_is_served(probe: str) -> None:
    health = ServiceHealth("1", 0.0)
    service = Service(
        "127.0.0.1:0",
        health=lambda: health,
        metrics=Metrics(lambda: health),
        status=dict,
        clock=ManualClock(),
    )
    assert service.answer(CONTAINER[probe]["httpGet"]["path"])[0] == 200
    assert CONTAINER[probe]["httpGet"]["port"] in {each["name"] for each in CONTAINER["ports"]}
    service.start()
    service.stop()


def test_one_version_everywhere() -> None:
    (chart,) = places.read(CHART / "Chart.yaml")
    assert chart["version"] == chart["appVersion"] == fmgsync.__version__
    assert CONTAINER["image"] == f"fmgsync:{fmgsync.__version__}"


def test_the_image_runs_as_the_user_of_the_pod() -> None:
    context = POD["securityContext"]
    assert instructions("USER")[-1] == f"{context['runAsUser']}:{context['runAsGroup']}"
    assert instructions("ENTRYPOINT") == ['["fmgsync"]']
    assert instructions("EXPOSE") == [str(CONTAINER["ports"][0]["containerPort"])]
    home = next(path for path in MOUNTS.values() if path == "/tmp")
    assert f"HOME={home}" in instructions("ENV")[0]
    assert f"FMGSYNC_CONFIG={MOUNTS['config']}/fmgsync.yaml" in instructions("ENV")[0]


def test_the_image_is_built_in_stages_from_files_that_exist() -> None:
    assert len(instructions("FROM")) == 2
    (copied, package) = (each.split() for each in instructions("COPY")[:2])
    sources = [*copied[:-1], *package[:-1]]
    assert all((places.ROOT / each).exists() for each in sources)
    let_through = (places.ROOT / ".dockerignore").read_text().splitlines()
    assert {f"!{each}" for each in sources} == {each for each in let_through if each[:1] == "!"}


def test_the_base_is_named_by_a_tag_of_the_tested_python() -> None:
    (base,) = instructions("ARG")
    image = base.partition("=")[2]
    assert image.startswith("docker.io/library/python:3.11-slim-")

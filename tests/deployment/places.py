"""Where the deployment's files are, and how their objects are read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
CHART = CONFIG / "chart"
SAMPLES = sorted(path.parent for path in CONFIG.glob("samples/*/kustomization.yaml"))
CONFIGURATIONS = (CONFIG / "manager" / "fmgsync.yaml", *(each / "fmgsync.yaml" for each in SAMPLES))
RULES = CONFIG / "options" / "monitoring" / "rules.yaml"


def read(path: Path) -> tuple[Manifest, ...]:
    """The objects of a file."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> tuple[Manifest, ...]:
    """The objects of a text of several documents, empty ones left out."""
    return tuple(each for each in yaml.safe_load_all(text) if each)


def found(objects: Iterable[Manifest], kind: str, name: str = "") -> Manifest:
    """The one object of a kind, or the one of that name."""
    (only,) = (
        each
        for each in objects
        if each["kind"] == kind and (not name or each["metadata"]["name"] == name)
    )
    return only


def container(deployment: Manifest) -> Manifest:
    """The one container of a Deployment."""
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(only)


def deployment() -> Manifest:
    """The Deployment as it stands in the file."""
    return found(read(CONFIG / "manager" / "deployment.yaml"), "Deployment")


def alerts() -> list[Manifest]:
    """The alerts of the PrometheusRule."""
    (group,) = found(read(RULES), "PrometheusRule")["spec"]["groups"]
    return list(group["rules"])

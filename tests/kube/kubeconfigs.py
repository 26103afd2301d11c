"""A kubeconfig for a simulated API server, with parts of it replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fmgsync.kube.client import Access
from fmgsync.simulator.kubernetes import KubernetesSimulator


def written(
    simulator: KubernetesSimulator,
    path: Path,
    *,
    user: dict[str, Any] | None = None,
    cluster: dict[str, Any] | None = None,
    **more: Any,
) -> Access:
    """`user` replaces the user, `cluster` and `more` what they name; None takes a key away."""
    content = json.loads(simulator.kubeconfig(path).read_text())
    if user is not None:
        content["users"][0]["user"] = user
    entry = content["clusters"][0]["cluster"]
    for key, value in (cluster or {}).items():
        entry[key] = value
        if value is None:
            del entry[key]
    content.update({key.replace("_", "-"): value for key, value in more.items()})
    path.write_text(json.dumps(content))
    return Access(path)


def plugin(path: Path, script: str) -> Path:
    """A program of the shell, in place of a credential plugin."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path

"""Which cluster keeps Leases, state and Events."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.settings import load
from fmgsync.settings.schema import Config
from fmgsync.wiring import clusters

_TEXT = """
owner: prod
clusters:
  - {{name: east, kubeconfig: {{file: east.kubeconfig}}}}
  - {{name: west, kubeconfig: {{file: west.kubeconfig}}}}
  - {{name: here}}
  - {{name: dump, manifests: dump.yaml}}
fortimanagers:
  - {{name: hq, host: fmg, credentials: {{username: u, password: {{env: HQ_PASSWORD}}}}}}
sites:
  - {{clusters: [east], fortimanager: hq, adom: prod, devices: [fgt-1]}}
lease: {{namespace: fmgsync{cluster}}}
"""


@pytest.mark.parametrize(
    ("cluster", "inside", "kept"),
    [
        # named: there, wherever this runs
        ("west", False, "west.kubeconfig"),
        ("west", True, "west.kubeconfig"),
        # named, and reached by the service account
        ("here", True, None),
        # not named: the cluster this runs in
        (None, True, None),
    ],
)
def test_leases_are_kept_where_the_configuration_says_else_where_this_runs(
    cluster: str | None, inside: bool, kept: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if inside:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    else:
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    home = clusters.home(_config(cluster))
    assert [file.name for file in home.files] == ([kept] if kept else [])


@pytest.mark.parametrize("cluster", ["here", None])
def test_what_is_reached_from_inside_only_keeps_no_leases_for_who_is_outside(
    cluster: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another cluster would be another memory than the controller's."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(errors.ConfigError, match="cluster here, which is reached from inside only"):
        clusters.home(_config(cluster))


def _config(cluster: str | None) -> Config:
    text = _TEXT.format(cluster=f", cluster: {cluster}" if cluster else "")
    return load.parse(text, name="fmgsync.yaml", folder=Path("/etc/fmgsync"))

"""Configurations for the tests: a small one, and the problems of one with a change."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from fmgsync.errors import ConfigError, ConfigProblem
from fmgsync.settings import load
from fmgsync.settings.schema import Config

FOLDER = Path("/etc/fmgsync")

CLUSTERS = """\
owner: prod
clusters:
  - {name: east, manifests: east.yaml}
"""
UNITS = """\
fortimanagers:
  - {name: hq, host: fmg, credentials: {username: u, password: {env: HQ_PASSWORD}}}
"""
SITES = """\
sites:
  - {clusters: [east], fortimanager: hq, adom: prod, devices: [fgt-1, fgt-2/dmz]}
"""
SMALL = CLUSTERS + UNITS + SITES
FORTIGATES = """\
fortigates:
  - {name: branch-7, host: b7, apiKey: {env: B7}}
  - {name: branch-8, host: "b8:8443", apiKey: {env: B8}, managed: no}
"""
DIRECT = (
    CLUSTERS
    + FORTIGATES
    + """\
sites:
  - {clusters: [east], fortigates: [branch-7, branch-8/dmz]}
"""
)


def parsed(text: str) -> Config:
    """The configuration of a text that is right."""
    return load.parse(textwrap.dedent(text), name="fmgsync.yaml", folder=FOLDER)


def problems(text: str) -> tuple[ConfigProblem, ...]:
    """All problems of a text that is wrong."""
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    return caught.value.problems


def refusal(text: str) -> ConfigProblem:
    """The only problem of a text that is wrong."""
    (only,) = problems(text)
    return only

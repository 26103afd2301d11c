"""Whatever stands in a kubeconfig, it is used or refused in our words, and shows no secret."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fmgsync.errors import SourceError
from fmgsync.kube import connection
from fmgsync.kube.client import Access

SECRET = "tok-5ecret-of-somebody"
WHOLE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "x",
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
    "clusters": [
        {
            "name": "c",
            "cluster": {
                "server": "https://192.0.2.1:6443",
                "insecure-skip-tls-verify": True,
                "tls-server-name": "k",
                "proxy-url": f"http://u:{SECRET}@192.0.2.2:3128",
            },
        }
    ],
    "users": [
        {"name": "u", "user": {"token": SECRET, "as": "ann", "as-groups": ["a"]}},
        {"name": "v", "user": {"username": "u", "password": SECRET}},
        {
            "name": "w",
            "user": {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "true",
                    "args": ["--token", SECRET],
                    "env": [{"name": "TOKEN", "value": SECRET}],
                    "interactiveMode": "Never",
                }
            },
        },
    ],
}
texts = st.text(max_size=12) | st.sampled_from(
    ["", "\0", "a\nb", "https://", "http://[", "false", "~", "x" * 5000, "\x1b[31m", "é", SECRET]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda each: st.lists(each, max_size=3) | st.dictionaries(texts, each, max_size=3)
)


Place = tuple[str | int, ...]


def places(value: Any, path: Place = ()) -> list[Place]:
    """Every place in it."""
    below: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = list(enumerate(value))
    return [path, *(place for key, each in below for place in places(each, (*path, key)))]


PLACES = [place for place in places(WHOLE) if place]


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A kubeconfig in which a few values are others."""
    content: dict[str, Any] = json.loads(json.dumps(WHOLE))
    for place in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        part: Any = content
        with contextlib.suppress(KeyError, IndexError, TypeError):  # it is gone by now
            for step in place[:-1]:
                part = part[step]
            part[place[-1]] = draw(values)
    return content


def tried(path: Path) -> None:
    try:
        connection.check(Access(path), "east")
    except SourceError as error:
        said = str(error)
        assert SECRET not in said
        assert said.isprintable()


@pytest.mark.slow
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(damaged(), st.booleans())
def test_a_damaged_kubeconfig_is_used_or_refused(
    tmp_path: Path, content: dict[str, Any], as_json: bool
) -> None:
    path = tmp_path / "config"
    text = json.dumps(content) if as_json else yaml.safe_dump(content, allow_unicode=False)
    path.write_text(text)
    tried(path)


@pytest.mark.slow
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_kubeconfig_cut_off_or_garbled_is_used_or_refused(
    tmp_path: Path, data: st.DataObject
) -> None:
    whole = yaml.safe_dump(WHOLE).encode()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    path = tmp_path / "config"
    path.write_bytes(whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:])
    tried(path)


ODD = ({"a": 1}, [1], 7, "\0", None, True, "\ud800")


def misplaced(path: Path, place: Place, odd: object) -> None:
    content = json.loads(json.dumps(WHOLE))
    part: Any = content
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = odd
    path.write_text(json.dumps(content))
    tried(path)


def test_no_place_takes_a_thing_of_another_kind(tmp_path: Path) -> None:
    """One for each place; the slow form tries all of them everywhere."""
    for number, place in enumerate(PLACES):
        misplaced(tmp_path / "config", place, ODD[number % len(ODD)])


@pytest.mark.slow
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_no_place_takes_any_thing_of_another_kind(tmp_path: Path, odd: object) -> None:
    for place in PLACES:
        misplaced(tmp_path / "config", place, odd)

"""The reference page and the JSON Schema say what the schema says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from fmgsync import yamllines
from fmgsync.settings import reference
from fmgsync.settings.problems import parts_in
from fmgsync.settings.schema import Config

ROOT = Path(__file__).parents[2]
WHOLE = Path(__file__).with_name("whole.yaml")


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for part in parts_in(field.annotation):
            yield from models(part)


MODELS = sorted(set(models(Config)), key=lambda model: model.__name__)


def test_the_committed_page_is_current() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert page == reference.render(), (
        "python -m fmgsync.settings.reference > docs/configuration.md"
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_says_what_it_means(model: type[BaseModel]) -> None:
    assert model.__doc__
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name}"


def test_the_whole_example_has_every_key_of_the_schema() -> None:
    data = yamllines.load(WHOLE.read_bytes(), "whole.yaml").data
    written = set(keys(data))
    known = {field.alias for model in MODELS for field in model.model_fields.values()}
    assert not known - written


def keys(data: object) -> Iterator[str]:
    if isinstance(data, dict):
        yield from data
    for inner in (
        data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    ):
        yield from keys(inner)


def test_the_json_schema_is_json_and_refuses_unknown_keys() -> None:
    schema = json.loads(json.dumps(reference.json_schema()))
    assert schema["$schema"].startswith("https://json-schema.org/")
    objects = [schema, *(part for part in schema["$defs"].values() if part["type"] == "object")]
    assert len(objects) == len(MODELS)
    assert all(part["additionalProperties"] is False for part in objects)


def test_the_json_schema_shows_defaults_as_people_write_them() -> None:
    definitions: dict[str, Any] = reference.json_schema()["$defs"]
    assert definitions["Reconcile"]["properties"]["settle"]["default"] == "5s"
    assert definitions["Rollout"]["properties"]["waves"]["default"] == ["5%", "25%", "100%"]

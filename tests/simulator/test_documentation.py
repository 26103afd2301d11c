"""docs/simulator.md tells all that seeds, fault files and the command take; its examples work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from fmgsync.cli.simulator import command
from fmgsync.simulator import Simulator
from fmgsync.simulator.state.seed import Seed
from fmgsync.simulator.state.world import Switches
from fmgsync.simulator.wire.faults import FaultFile, Kind

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
SEED, FAULTS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def table(heading: str) -> dict[str, str]:
    """The second column by the first, of the table with this heading; names without marks."""
    start = PAGE.index(f"| {heading} |")
    rows = [line.split("|")[1:-1] for line in PAGE[start:].split("\n\n")[0].splitlines()[2:]]
    return {
        name: row[1].strip() for row in rows for name in re.findall(r"`(\S+?)[ `]", row[0] + "`")
    }


def keys_of(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Dotted keys of a model and of the models inside it."""
    for name, field in model.model_fields.items():
        here = f"{path}{field.alias or name}"
        yield here
        for inner in models_in(field.annotation):
            yield from keys_of(inner, f"{here}.")


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def keys_in(value: Any, path: str = "") -> Iterator[str]:
    """Dotted keys that a document uses."""
    for item in value if isinstance(value, list) else [value]:
        for name, held in item.items() if isinstance(item, dict) else ():
            yield f"{path}{name}"
            yield from keys_in(held, f"{path}{name}.")


def test_the_seed_in_the_documentation_names_every_key() -> None:
    # An ADOM's own mode cannot stand beside a mode of the whole unit; the text tells it.
    missing = set(keys_of(Seed)) - set(keys_in(yaml.safe_load(SEED))) - {"adoms.workspaceMode"}

    # A mapping of an address has a subnet or ip6, one of a group has members.
    assert {key for key in missing if ".mappings." not in key} == set()
    assert "`workspaceMode: disabled | normal | workflow`" in PAGE


def test_the_fault_file_in_the_documentation_names_every_key() -> None:
    assert set(keys_of(FaultFile)) - set(keys_in(yaml.safe_load(FAULTS))) == set()


def test_seed_and_faults_of_the_documentation_are_served(tmp_path: Path) -> None:
    seed, faults = tmp_path / "seed.yaml", tmp_path / "faults.yaml"
    seed.write_text(SEED)
    faults.write_text(FAULTS.replace("fgt-1", "fgt-east-1"))

    with Simulator(seed, faults=faults) as unit:
        names = [row["name"] for row in unit.console().get("/dvmdb/adom/prod/device")]

    assert names == ["fgt-east-1", "fgt-east-2"]
    with Simulator(faults=yaml.safe_load(FAULTS)):
        pass


def test_every_kind_of_fault_is_explained() -> None:
    assert set(table("Kind")) == set(get_args(Kind))


def test_every_switch_is_explained_with_its_default() -> None:
    defaults = Switches()
    assert table("Switch") == {
        to_camel(name): str(getattr(defaults, name))
        .replace("True", "true")
        .replace("False", "false")
        for name in Switches.__slots__
    }


def test_every_option_is_explained() -> None:
    common = {"--config", "-o", "--output", "--log-format"}
    options = {o.opts[0] for o in command.params if isinstance(o, click.Option)} - common - {"-c"}

    assert set(table("Option")) == options


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    [example] = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)

    exec(compile(example, "docs/simulator.md", "exec"), {})

    assert capsys.readouterr().out == ""

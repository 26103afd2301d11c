"""What docs/cassettes.md tells people to type exists."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from fmgsync.cli.cassette import command
from fmgsync.testing import plugin

TEXT = (Path(__file__).parents[2] / "docs" / "cassettes.md").read_text("utf-8")
OTHERS = {"--install", "--fmgsync-config", "--strict-markers"}


def options(one: click.Command) -> set[str]:
    return {name for param in one.params for name in param.opts}


def test_every_option_exists() -> None:
    known = {name for one in command.commands.values() for name in options(one)} | OTHERS
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT))
    assert used <= known, used - known


@pytest.mark.parametrize("line", sorted(set(re.findall(r"fmgsync cassette [^\n`]+", TEXT))))
def test_every_command_line_parses(line: str) -> None:
    """Up to the point where a file would be opened."""
    words = line.split(" -- ")[0].split()[2:]
    found = command.commands[words[0]]
    given = {word for word in words[1:] if word.startswith("-")}
    assert given <= options(found), line


def test_every_fixture_is_told() -> None:
    fixtures = {name for name in vars(plugin) if f"def {name}(" in fixtures_of_plugin()}
    assert fixtures
    assert all(f"`{name}`" in TEXT for name in fixtures)


def fixtures_of_plugin() -> str:
    source = Path(plugin.__file__).read_text("utf-8")
    return "\n".join(re.findall(r"@pytest\.fixture\n(def \w+\()", source))


def test_every_link_leads_somewhere() -> None:
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("http"):
            assert (Path(__file__).parents[2] / "docs" / target).exists(), target

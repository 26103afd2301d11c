"""What `--help` of every command says: an example to copy, and options that do something there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from fmgsync.cli import main


def commands(group: click.Command, words: str = "fmgsync") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by what is typed."""
    context = click.Context(group)
    if not isinstance(group, click.Group):
        yield words, group
        return
    if group.invoke_without_command:
        yield words, group
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield from commands(found, f"{words} {name}")


ALL = dict(commands(main.root))


@pytest.mark.parametrize("words", ALL)
def test_every_command_has_an_example(words: str) -> None:
    found = ALL[words]
    assert re.search(rf"(^ *|[|:(] *){words}\b", found.help or "", re.MULTILINE), found.help


@pytest.mark.parametrize("words", ALL)
def test_every_option_says_what_it_does(words: str) -> None:
    for option in ALL[words].params:
        if isinstance(option, click.Option):
            assert option.help, option.opts


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("diff", "'plan'"),
        ("version", "'--version'"),
        ("rollback", "'stop'"),
        ("logs", "'history'"),
        ("sync", "'apply'"),
        ("takeover", "'adopt'"),
        ("uninstall", "'cleanup'"),
        ("statsu", "'status'"),
    ],
)
def test_words_that_people_try_are_known(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run([typed]) == 2
    assert f"Did you mean {meant}" in capsys.readouterr().err


def test_what_is_meant_is_there() -> None:
    for text in main._MEANT.values():
        for quoted in re.findall(r"'([^']+)'", text):
            assert quoted.startswith("--") or quoted.split()[0] in main.COMMANDS, quoted


@pytest.mark.parametrize(
    "words", [w for w in ALL if w.split()[1] not in ("completion", "simulator")]
)
def test_common_options_stand_together_once(words: str) -> None:
    context = click.Context(ALL[words], info_name=words)
    own, _, common = ALL[words].get_help(context).partition("\nCommon options:\n")
    assert common
    assert "--log-format [" not in own

"""What others write reaches no terminal, file or document but escaped, whichever command shows it.

Others are whoever may write an object into a dump, and an administrator of the FortiManager.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fmgsync.cli import main
from tests import builders
from tests.end_to_end.estate import Estate, default_seed, open_estate

ESCAPES = "\x1b[31mred\x1b]0;title\x07\x9b2J"
BIDI = "\u202eevil\u2066\u200b\ufeff"
LINES = "one\r\ntwo\t\u2028three\x00"
MARKUP = "<img src=x onerror=1>[a](javascript:1)|`b`[bold]c[/bold]@team"
HOSTILE = {"escapes": ESCAPES, "bidi": BIDI, "lines": LINES, "markup": MARKUP, "half": "a\ud800b"}
SEVERAL = (
    ("plan",),
    ("plan", "-vv"),
    ("plan", "--output", "json"),
    ("plan", "--output", "yaml"),
    ("plan", "--output", "markdown"),
    ("apply", "--install", "never", "--reason", ESCAPES + BIDI),
    ("status",),
    ("status", "--output", "json"),
    ("selector", "app == 'web'"),
    ("selector", "--nodes", "all()", "--output", "json"),
    ("selector", "env == 'no'", "--namespaces", "env == 'no'"),
    ("explain", "group", "k8s-web"),
    ("explain", "pod", "default/web-1"),
    ("explain", "pod", "default/" + ESCAPES),
    ("explain", "ip", "10.1.0.1"),
    ("explain", "ip", "10.1.0.1", "--output", "json"),
    ("explain", "device", "fgt-" + BIDI),
    ("history",),
    ("history", "--output", "json"),
    ("audit", "show"),
    ("doctor",),
    ("forecast",),
    ("approve", BIDI),
    ("config", "check"),
)  # fmt: skip


def objects(text: str) -> list[builders.Manifest]:
    """Whatever a dump can hold of it: names, labels, annotations, addresses."""
    labels = {"app": "web", f"x{text}": text}
    claim = {"cni.projectcalico.org/podIP": text, "note": text}
    internal = [{"type": "InternalIP", "address": text}]
    return [
        builders.pod("web-1", "10.1.0.1", labels={"app": "web"}),
        builders.pod(f"web-{text}", "10.1.0.2", labels=labels),
        builders.pod(f"other-{text}", "10.1.0.1", started="2999-01-01T00:00:00Z"),
        builders.pod("spaced", "10.1.0.3", labels={"app": "web"}, namespace=f"n{text}"),
        builders.pod("claims", labels={"app": "web"}, phase="Pending", annotations=claim),
        builders.pod("hosted", "10.1.0.4", labels={"app": "web"}, node=f"node-{text}"),
        builders.pod("odd", text, labels={"app": "web"}),
        builders.node(f"node-{text}", "10.9.0.1", addresses=internal, labels={text: text}),
        builders.node("node-1", "10.9.0.2"),
        builders.namespace(f"n{text}", labels={"env": text}),
        builders.namespace(),
    ]


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Callable[[str], Estate]]:
    with open_estate(tmp_path, default_seed(install_s=0)) as estate:

        def made(text: str) -> Estate:
            estate.write_config(
                groups=[
                    {"name": "k8s-web", "select": "app == 'web'"},
                    {"name": "k8s-hosts", "select": "app == 'web'", "publish": "node"},
                    {"name": "k8s-taken", "select": "app == 'web'"},
                ]
            )
            estate.run("east", *objects(text))
            estate.run("west")
            printable = text.encode("utf-8", "replace").decode().replace("\0", "")
            table = "/pm/config/adom/prod/obj/firewall/addrgrp"
            taken = {"name": "k8s-taken", "member": ["legacy-db"], "comment": printable}
            with estate.administrator() as console:
                console.call("add", table, taken)
            return estate

        yield made


def show(
    estate: Estate, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], text: str
) -> None:
    main.run([*command, "-c", str(estate.path)])
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert "Traceback" not in shown
    odd = {char for char in shown if not (char.isprintable() or char == "\n")}
    assert odd == set(), (command, text)
    if "json" in command:
        json.loads(captured.out)
    if "markdown" in command:
        assert "<img" not in shown.replace("\\<img", "")
        assert "[a](" not in shown.replace("\\[a", "")


@pytest.mark.parametrize("text", ["escapes", "markup"])
def test_a_plan_and_a_status_show_nothing_that_acts(
    hostile: Callable[[str], Estate], capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """The short form of the next."""
    estate = hostile(HOSTILE[text])
    for command in (SEVERAL[1], SEVERAL[4], SEVERAL[6]):
        show(estate, capsys, command, text)


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE)
def test_no_command_shows_anything_that_acts(
    hostile: Callable[[str], Estate], capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """Neither terminal, editor nor browser does more with it than show it."""
    estate = hostile(HOSTILE[text])
    for command in SEVERAL:
        show(estate, capsys, command, text)
    for kept in estate.folder.rglob("*.jsonl"):
        assert all(char.isprintable() or char == "\n" for char in kept.read_text())

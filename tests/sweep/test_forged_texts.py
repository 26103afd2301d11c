"""A text of somebody else's in any field of any answer acts on no terminal, file or document.

Fields are found by looking at what a run is answered, so none has to be remembered; each is forged
alone, in every command that is answered with it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import tally
from tests.sweep import scenes
from tests.sweep.forging import FAKE, HOSTILE, Forged
from tests.sweep.processes import Processes
from tests.sweep.scenes import DIRECT, Scene

COMMANDS: dict[str, tuple[str, ...]] = {
    "apply": ("apply", "--install", "window", "-vv"),
    "apply, for programs": ("apply", "--install", "window", "-o", "json", "--log-format", "json"),
    "plan": ("plan", "-vv"),
    "plan, for a review": ("plan", "-o", "markdown"),
    "status": ("status",),
    "status, for programs": ("status", "-o", "json", "-vv", "--log-format", "json"),
    "verify": ("verify", "-vv"),
    "doctor": ("doctor", "-vv"),
    "forecast": ("forecast",),
    "explain": ("explain", "group", scenes.GROUP),
    "rollout": ("rollout", "status"),
    "adopt": ("adopt", "--calico"),
    "history": ("history", "-o", "yaml"),
}
FEW = ("apply", "status, for programs")


@contextmanager
def opened(folder: Path, mode: str) -> Iterator[Scene]:
    with (
        Processes(folder / "processes") as processes,
        scenes.open_scene(folder / "estate", processes, mode, "install") as scene,
    ):
        yield scene


def fields(scene: Scene, words: Sequence[str]) -> list[str]:
    """What a run with something to do is answered with."""
    noted = scene.estate.folder / "noted"
    noted.write_text("")
    scene.begin()
    scene.processes.run(
        scene.estate.folder, [*words, *scene.place()], forged=Forged("", "", str(noted))
    )
    return noted.read_text("utf-8").splitlines()


def forge(scene: Scene, words: Sequence[str], field: str, text: str) -> None:
    scene.begin()
    ended = scene.processes.run(
        scene.estate.folder, [*words, *scene.place()], forged=Forged(field, text, "")
    )
    where = f"{' '.join(words)} with {field}"
    assert not ended.signal, where
    assert ended.code in (0, 1, 2, 3), (where, ended.code, ended.said)
    looked_at(ended.said, where)
    if "markdown" in words:
        assert "<img" not in ended.said.replace("\\<img", ""), where
        assert "[a](" not in ended.said.replace("\\[a", ""), where
    for path in (scene.estate.folder / "state").rglob("*"):
        if path.is_file():
            looked_at(path.read_text("utf-8"), f"{path.name} after {where}")


def looked_at(text: str, where: str) -> None:
    assert "Traceback" not in text, f"{where}: {text}"
    assert "internal error" not in text, f"{where}: {text}"
    odd = {each for each in text if not (each.isprintable() or each == "\n")}
    assert not odd, f"{where}: {odd} in {text!r}"
    faked = [line for line in text.splitlines() if line.strip(" |\"'").startswith(FAKE)]
    assert not faked, f"{where}: {faked}"


@pytest.mark.parametrize("mode", ["normal", DIRECT])
def test_a_few_fields(tmp_path: Path, mode: str) -> None:
    with opened(tmp_path, mode) as scene:
        for name in FEW:
            found = fields(scene, COMMANDS[name])
            assert len(found) > 20, found
            for field in random.Random(name).sample(found, 3):
                forge(scene, COMMANDS[name], field, HOSTILE)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["normal", "workflow", DIRECT])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_field(tmp_path: Path, mode: str, command: str) -> None:
    with opened(tmp_path, mode) as scene:
        found = fields(scene, COMMANDS[command])
        for field in found:
            forge(scene, COMMANDS[command], field, HOSTILE)
        tally.note("hostile", fields=len(found))

"""A text of somebody else's in any field of any answer acts on no terminal, file or document.

Fields are found by looking at what a run is answered, so none has to be remembered; each is forged
alone, in every command that is answered with it.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import tally
from tests.sweep import estates, scenes
from tests.sweep.forging import FAKE, HOSTILE, Forged, mapped
from tests.sweep.forging import fields as every_field
from tests.sweep.processes import Processes
from tests.sweep.scene import Scene
from tests.sweep.scenes import DIRECT

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
    "explain": ("explain", "group", estates.GROUP),
    "rollout": ("rollout", "status"),
    "adopt": ("adopt", "--calico"),
    "history": ("history", "-o", "yaml"),
}
EVERY = int(os.environ.get("FMGSYNC_FORGED_EVERY", "9"))
"""Of so many fields one, where all were too dear."""
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


@pytest.mark.parametrize("mode", ["normal", pytest.param(DIRECT, marks=pytest.mark.slow)])
def test_a_few_fields(tmp_path: Path, mode: str) -> None:
    with opened(tmp_path, mode) as scene:
        for name in FEW:
            found = fields(scene, COMMANDS[name])
            assert len(found) > 20, found
            names = [each for each in found if each.endswith("._scope [] .name")]
            for field in (*names[:1], *random.Random(name).sample(found, 2)):
                forge(scene, COMMANDS[name], field, HOSTILE)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["normal", "workflow", DIRECT])
@pytest.mark.parametrize("command", COMMANDS)
def test_fields_of_answers(tmp_path: Path, mode: str, command: str) -> None:
    with opened(tmp_path, mode) as scene:
        found = fields(scene, COMMANDS[command])
        if not found:
            pytest.skip("it asks nobody, or not through a transport that one can take over")
        some = found[list(COMMANDS).index(command) % EVERY :: EVERY]
        for field in some:
            forge(scene, COMMANDS[command], field, HOSTILE)
        tally.note("forged", answers=len(some))


READERS: dict[str, tuple[str, ...]] = {
    "status": ("status", "-vv"),
    "rollout": ("rollout", "status"),
    "history": ("history",),
    "audit": ("audit", "show"),
    "audit, for programs": ("audit", "show", "-o", "json"),
    "verify the audit": ("audit", "verify"),
    "plan": ("plan",),
    "apply": ("apply", "--install", "window", "-vv"),
}
"""Commands that read what is remembered; the last writes it."""


def remembered(scene: Scene) -> dict[Path, str]:
    """Every file of the state, with something in it of each kind."""
    for words in (("apply", "--install", "window"), ("stop", "--reason", "why"), ("start",)):
        scene.begin()
        scene.processes.run(scene.estate.folder, [*words, *scene.place()])
    scene.begin()  # and a change that waits
    found = [each for each in (scene.estate.folder / "state").rglob("*") if each.is_file()]
    return {path: text for path in sorted(found) if (text := path.read_text("utf-8")).strip()}


def edited(text: str, field: str) -> str:
    """With the hostile text in this field; a file may hold one document or one in each line."""

    def change(name: str, value: str) -> str:
        return value + HOSTILE if name == field else value

    lines = [text] if text.startswith("{\n") else text.splitlines()
    return "\n".join(json.dumps(mapped(json.loads(line), "", change)) for line in lines) + "\n"


def fields_of(text: str) -> list[str]:
    lines = [text] if text.startswith("{\n") else text.splitlines()
    found = (name for line in lines for name, _ in every_field(json.loads(line), ""))
    return list(dict.fromkeys(found))


def edit_each(scene: Scene, every: int) -> int:
    """One field of what is remembered after the other; every command reads it as it may."""
    files, count = remembered(scene), 0
    places = [(path, field) for path, text in files.items() for field in fields_of(text)]
    for path, field in places[::every]:
        for words in READERS.values():
            for each, text in files.items():
                each.write_text(text, "utf-8")
            path.write_text(edited(files[path], field), "utf-8")
            where = f"{' '.join(words)} with{field} of {path.name}"
            ended = scene.processes.run(scene.estate.folder, [*words, *scene.place()])
            assert not ended.signal, where
            looked_at(ended.said, where)
        count += 1
    return count


def test_some_fields_of_the_state_edited_by_somebody(tmp_path: Path) -> None:
    with opened(tmp_path, "disabled") as scene:
        assert edit_each(scene, 53) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["normal", DIRECT])
def test_fields_of_the_state_edited_by_somebody(tmp_path: Path, mode: str) -> None:
    with opened(tmp_path, mode) as scene:
        count = edit_each(scene, EVERY)
        assert count
        tally.note("forged", remembered=count)


@pytest.mark.slow
def test_what_a_unit_takes_and_does_not_keep_is_not_written_for_ever(tmp_path: Path) -> None:
    """Its members are right, so nothing fails; the run ends, and says what is left."""
    with opened(tmp_path, DIRECT) as scene:
        field = "/api/vN/cmdb/firewall/addrgrp .results [] .type"
        scene.begin()
        ended = scene.processes.run(
            scene.estate.folder,
            [*COMMANDS["apply, for programs"], *scene.place()],
            forged=Forged(field, "odd", ""),
        )
        assert "afterwards it is as it was before" in ended.said
        assert (ended.code, ended.signal) == (3, 0)


def test_a_preview_goes_on_after_answers_that_were_another_s(tmp_path: Path) -> None:
    """Trouble between two looks at it is no reason to wait for ever, with the lock in hand."""
    with opened(tmp_path, "normal") as scene:
        scene.begin()
        newest = scene.newest()
        scene.estate.unit.faults.add(kind="misdirected", url="/task/task/*", times=12)
        words = [*COMMANDS["apply, for programs"], *scene.place()]
        ended = scene.processes.run(scene.estate.folder, words)
        assert (ended.code, ended.signal) == (0, 0), ended.said
        assert set(scene.pushes(newest).values()) == {1}
        assert scene.locks() == []


LONG = "A" * 4_200_000
"""Longer than a line of the audit that is read."""
AS_LONG = (
    "get /pm/config/adom/prod/obj .result [] .data [] .member []",
    "get /pm/config/adom/prod/obj .result [] .data [] .name",
    "get /pm/config/adom/prod/obj .result [] .data [] .dynamic_mapping [] ._scope [] .name",
    "get /pm/config/adom/prod/obj .result [] .data [] .dynamic_mapping [] .member []",
    "get /pm/config/device/fgt-east/vdom/root/firewall/address .result [] .data [] .pkg",
)


def lengthened(scene: Scene, command: str, field: str) -> None:
    """A run that is answered with it; what it writes is short, and read again."""
    scene.begin()
    words = [*COMMANDS[command], *scene.place()]
    ended = scene.processes.run(scene.estate.folder, words, forged=Forged(field, LONG, ""))
    assert not ended.signal, ended.said[:2000]
    looked_at(ended.said, field)
    assert max(map(len, ended.said.splitlines())) < 100_000
    for path in (scene.estate.folder / "state").rglob("*"):
        if path.is_file():
            assert max(map(len, path.read_text("utf-8").splitlines()), default=0) < 1_500_000, path
    for told in (("audit", "verify"), ("history",), ("status",)):
        ended = scene.processes.run(scene.estate.folder, [*told, *scene.place()])
        assert ended.code in (0, 3), (told, ended.said)
        assert "NOT whole" not in ended.said


def test_a_text_of_megabytes_is_short_wherever_it_is_written(tmp_path: Path) -> None:
    with opened(tmp_path, "normal") as scene:
        assert AS_LONG[0] in fields(scene, COMMANDS["apply"])
        lengthened(scene, "apply", AS_LONG[0])


@pytest.mark.slow
@pytest.mark.parametrize("command", ["apply, for programs", "status, for programs", "apply"])
def test_texts_of_megabytes(tmp_path: Path, command: str) -> None:
    with opened(tmp_path, "normal") as scene:
        assert set(AS_LONG) <= set(fields(scene, COMMANDS["apply"]))
        for field in AS_LONG:
            lengthened(scene, command, field)

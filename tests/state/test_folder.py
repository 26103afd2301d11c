"""Documents in a folder: whole or not at all, one writer at a time, nobody else's to write."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.clock import ManualClock, SystemClock
from fmgsync.state.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "state", clock=ManualClock())


def test_nothing_is_made_before_something_is_written(folder: Folder, tmp_path: Path) -> None:
    assert folder.read("guard") is None
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_read(folder: Folder, tmp_path: Path) -> None:
    folder.update("guard", lambda text: f"after {text}")
    folder.update("guard", lambda text: f"after {text}")
    assert folder.read("guard") == "after after None"
    assert folder.where("guard") == str(tmp_path / "state/guard.json")


def test_what_has_no_end_is_no_document(folder: Folder, tmp_path: Path) -> None:
    folder.update("guard", lambda _: "x")
    (tmp_path / "state/guard.json").unlink()
    (tmp_path / "state/guard.json").symlink_to("/dev/zero")
    with pytest.raises(errors.StateError, match="File too large"):
        folder.read("guard")


def test_only_the_user_can_read_and_write(folder: Folder, tmp_path: Path) -> None:
    folder.update("guard", lambda _: "x")
    modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "state").iterdir()}
    assert modes == {"guard.json": 0o600, "lock": 0o600}, "who may open the lock may hold it"
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_change_that_fails_leaves_the_old_text(folder: Folder, tmp_path: Path) -> None:
    folder.update("guard", lambda _: "old")

    def fail(_: str | None) -> str:
        raise errors.UsageError("no")

    with pytest.raises(errors.UsageError):
        folder.update("guard", fail)
    assert folder.read("guard") == "old"
    assert sorted(p.name for p in (tmp_path / "state").iterdir()) == ["guard.json", "lock"]


def test_two_processes_take_turns(tmp_path: Path) -> None:
    """Every one of 2 x 50 additions survives."""

    def count(text: str | None) -> str:
        return str(int(text or "0") + 1)

    def work() -> None:
        folder = Folder(tmp_path / "state", clock=SystemClock())
        for _ in range(50):
            folder.update("count", count)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Folder(tmp_path / "state", clock=SystemClock()).read("count") == "100"


def test_a_writer_that_never_ends_is_not_waited_for_for_ever(
    folder: Folder, tmp_path: Path
) -> None:
    folder.update("guard", lambda _: "x")
    with (tmp_path / "state/lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(errors.StateError, match="another process has been writing here"):
            folder.update("guard", lambda _: "y")
        assert folder.read("guard") == "x"
    folder.update("guard", lambda _: "y")


def test_a_folder_open_to_all_is_refused(folder: Folder, tmp_path: Path) -> None:
    """Otherwise anyone on the computer could approve."""
    folder.update("guard", lambda _: "x")
    (tmp_path / "state").chmod(0o777)
    with pytest.raises(errors.StateError, match="approve anything") as caught:
        folder.read("guard")
    assert caught.value.next_step == f"chmod o-w {tmp_path / 'state'}"
    with pytest.raises(errors.StateError):
        folder.update("guard", lambda _: "y")


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(errors.StateError, match=r"state/guard.json: cannot be"):
        Folder(tmp_path / "state", clock=ManualClock()).update("guard", lambda _: "x")


def test_bytes_that_are_no_text_are_an_error(folder: Folder, tmp_path: Path) -> None:
    folder.update("guard", lambda _: "x")
    (tmp_path / "state/guard.json").write_bytes(b"\xff\xfe")
    with pytest.raises(errors.StateError, match=r"guard.json: cannot be read: UnicodeDecodeError"):
        folder.read("guard")


def test_a_killed_writer_leaves_the_old_text(folder: Folder, tmp_path: Path) -> None:
    """A temporary file left behind is no document, and the lock went with the process."""
    folder.update("guard", lambda _: "old")
    program = (
        "import os, pathlib; from fmgsync.clock import ManualClock;"
        "from fmgsync.state.folder import Folder;"
        f"Folder(pathlib.Path({str(tmp_path / 'state')!r}), clock=ManualClock())"
        ".update('guard', lambda _: os._exit(7))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 7
    assert folder.read("guard") == "old"
    folder.update("guard", lambda text: f"{text} and new")
    assert folder.read("guard") == "old and new"


def test_threads_that_want_something_at_once_share_a_write(tmp_path: Path) -> None:
    """While one write is under way the others gather; one that fails is nobody else's trouble."""
    folder, begun, goes_on = (
        Folder(tmp_path, clock=SystemClock()),
        threading.Event(),
        threading.Event(),
    )
    found: dict[str, Exception] = {}

    def first(text: str | None) -> str:
        begun.set()
        assert goes_on.wait(60)
        return "1"

    def add(word: str) -> None:
        def change(text: str | None) -> str:
            if word == "bad":
                raise errors.UnitBusy("somebody else is there")
            return f"{text}{word}"

        try:
            folder.update("x", change)
        except errors.UnitBusy as error:
            found[word] = error

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(folder.update, "x", first)]
        assert begun.wait(60)
        done += [pool.submit(add, word) for word in ("a", "bad", "b", "c")]
        goes_on.set()
    assert all(one.exception() is None for one in done)
    assert sorted(folder.read("x") or "") == ["1", "a", "b", "c"]
    assert list(found) == ["bad"]

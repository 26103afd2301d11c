"""Documents in a folder: whole or not at all, one writer at a time, nobody else's to write."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from fmgsync import errors
from fmgsync.clock import ManualClock, SystemClock
from fmgsync.state import folder as folder_module
from fmgsync.state.documents import Change
from fmgsync.state.folder import Folder
from tests.daemon.controllers import until


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "state", clock=ManualClock())


def test_the_folders_above_are_made_as_well(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a/b", clock=ManualClock())
    folder.update("guard", lambda _: "x")
    assert folder.read("guard") == "x"


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
        with pytest.raises(errors.StateError, match="another process has kept it locked") as caught:
            folder.update("guard", lambda _: "y")
        assert caught.value.where == str(tmp_path / "state/lock")
        assert "fuser" in str(caught.value.next_step)
        assert folder.read("guard") == "x"
    folder.update("guard", lambda _: "y")


def test_a_folder_open_to_all_is_refused(folder: Folder, tmp_path: Path) -> None:
    """Otherwise anyone on the computer could approve."""
    folder.update("guard", lambda _: "x")
    (tmp_path / "state").chmod(0o777)
    with pytest.raises(errors.StateError, match="approve anything") as caught:
        folder.read("guard")
    assert caught.value.next_step == f"chmod o-w {tmp_path / 'state'}"
    assert caught.value.where == str(tmp_path / "state")
    with pytest.raises(errors.StateError):
        folder.update("guard", lambda _: "y")


OTHER = 4242


def of_another(path: Path) -> None:
    """Let it be another user's, as far as this user may: else whoever we say we are is another."""
    if os.getuid() == 0:
        os.chown(path, OTHER, OTHER)


def test_a_folder_of_another_user_is_refused(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner could approve anything there, whatever its mode, or by a link that leads there."""
    folder.update("guard", lambda _: "x")
    of_another(tmp_path / "state")
    monkeypatch.setattr(os, "geteuid", lambda: OTHER + 1)
    (tmp_path / "link").symlink_to(tmp_path / "state")
    for each in (folder, Folder(tmp_path / "link", clock=ManualClock())):
        with pytest.raises(errors.StateError, match="belongs to another user"):
            each.read("guard")
        with pytest.raises(errors.StateError, match="belongs to another user"):
            each.update("guard", lambda _: "y")


def test_what_root_writes_is_left_to_the_folders_owner(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a `sudo fmgsync stop` the service must still be able to read it."""
    (tmp_path / "state").mkdir(mode=0o700)
    of_another(tmp_path / "state")
    owner = (tmp_path / "state").stat()
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda descriptor, *whose: given.append(whose))
    folder.update("guard", lambda _: "x")
    assert given == [(owner.st_uid, owner.st_gid)] * (2 if owner.st_uid else 0)


def test_no_umask_lets_others_put_another_folder_in_its_place(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a/b/c", clock=ManualClock())
    before = os.umask(0)
    try:
        folder.update("guard", lambda _: "x")
    finally:
        os.umask(before)
    modes = [(tmp_path / each).stat().st_mode & 0o777 for each in ("a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o755, 0o700]


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


def at_once(folder: Folder, *changes: Change) -> list[BaseException | None]:
    """What came of each, all of them wanted while another write to `x` was under way."""
    with ThreadPoolExecutor(len(changes)) as pool:
        wanted: list[Future[None]] = []

        def gather(text: str | None) -> str:
            wanted[:] = [pool.submit(folder.update, "x", change) for change in changes]
            until(lambda: len(folder._wishes) == len(changes))
            return "1"

        folder.update("x", gather)
        return [one.exception(60) for one in wanted]


def add(word: str) -> Change:
    return lambda text: f"{text}{word}"


def refuse(_: str | None) -> str:
    raise errors.UnitBusy("somebody else is there")


def test_threads_that_want_something_at_once_share_a_write(folder: Folder) -> None:
    """While one write is under way the others gather; one that fails is nobody else's trouble."""
    found = at_once(folder, add("a"), refuse, add("b"), add("c"))
    assert [type(one) for one in found] == [type(None), errors.UnitBusy, type(None), type(None)]
    folder.update("x", add("d"))
    assert sorted(folder.read("x") or "") == ["1", "a", "b", "c", "d"]


def test_who_is_torn_away_leaves_the_others_wishes_to_the_others(folder: Folder) -> None:
    """Whoever's thread it was: its own wish goes with it, and no other."""
    torn: list[str] = []

    def tear(word: str) -> Change:
        def change(text: str | None) -> str:
            if not torn:
                torn.append(word)
                raise KeyboardInterrupt
            return f"{text}{word}"

        return change

    found = at_once(folder, tear("a"), tear("b"))
    assert [type(one) for one in found if one is not None] == [KeyboardInterrupt]
    left = "ab"[[one is None for one in found].index(True)]
    assert folder.read("x") == f"1{left}"


def test_what_hinders_the_write_is_everybodys_trouble(folder: Folder, tmp_path: Path) -> None:
    """But who had trouble of his own is told that. Nothing half written stays."""

    def hinder(_: str | None) -> str:
        (tmp_path / "state/x.json").unlink()
        (tmp_path / "state/x.json").mkdir()
        return "2"

    own, hindered = at_once(folder, refuse, hinder)
    assert isinstance(own, errors.UnitBusy)
    assert isinstance(hindered, errors.StateError)
    assert (hindered.message, hindered.where) == (
        "cannot be written: Is a directory",
        str(tmp_path / "state/x.json"),
    )
    assert "that this user can write" in (hindered.next_step or "")
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["lock", "x.json"]


def test_a_new_text_is_on_the_disk_before_it_has_its_name(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And then its name is. What is not new is not written."""
    folder.update("x", lambda _: "old")
    synced: list[tuple[str, int | str, str | None]] = []
    sync, opened = os.fsync, len([*Path("/proc/self/fd").iterdir()])

    def watched(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        size = path.stat().st_size if path.is_file() else "folder"
        synced.append((path.name[:8], size, folder.read("x")))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    for _ in range(2):
        folder.update("x", lambda _: "newer")
    assert synced == [(".x.json.", 5, "old"), ("state", "folder", "newer")]
    assert len([*Path("/proc/self/fd").iterdir()]) == opened


@pytest.mark.parametrize(("most", "fits"), [(3, True), (2, False)])
def test_a_text_is_read_up_to_a_bound(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, most: int, fits: bool
) -> None:
    folder.update("x", lambda _: "abc")
    monkeypatch.setattr(folder_module, "_MOST", most)
    if fits:
        assert folder.read("x") == "abc"
    else:
        with pytest.raises(errors.StateError, match="File too large"):
            folder.read("x")

"""A dump that changes while the controller runs is read again within the polling interval."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from fmgsync.clock import SystemClock
from fmgsync.daemon import cluster_feeds
from fmgsync.daemon.cluster_feeds import DumpFeed
from fmgsync.model.endpoint import ClusterSnapshot
from fmgsync.sources import manifests
from tests.builders import listing, namespace, node, pod
from tests.daemon.controllers import PATIENCE_S


def dump(ip: str) -> str:
    return json.dumps(listing(pod("web-1", ip), node(), namespace()))


def in_place(path: Path) -> None:
    path.write_text(dump("10.1.0.2"))


def renamed_over(path: Path) -> None:
    other = path.with_name("new")
    other.write_text(dump("10.1.0.2"))
    other.replace(path)


def with_the_old_time(path: Path) -> None:
    """As `cp -p` and `rsync -t` of a file that is as long."""
    was = path.stat()
    path.write_text(dump("10.1.0.2"))
    assert path.stat().st_size == was.st_size
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def through_a_link(path: Path) -> None:
    """As the kubelet exchanges the files of a ConfigMap."""
    other = path.with_name("data")
    other.write_text(dump("10.1.0.2"))
    link = path.with_name("link")
    link.symlink_to(other)
    link.replace(path)


def let_time_pass(path: Path, elsewhere: Path) -> None:
    """Two writes within one grain of the file system's clock have the same time."""
    elsewhere.touch()
    while elsewhere.stat().st_mtime_ns <= path.stat().st_ctime_ns:
        elsewhere.touch()


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    monkeypatch.setattr(cluster_feeds, "DUMP_POLL_S", 0.01)
    return threading.Event()


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("change", [in_place, renamed_over, with_the_old_time, through_a_link])
def test_a_change_is_noticed_however_it_is_made(
    tmp_path: Path, changed: threading.Event, change: Callable[[Path], None], folder: bool
) -> None:
    place = tmp_path / "dumps"
    place.mkdir()
    path = place / "east.json"
    path.write_text(dump("10.1.0.1"))
    place = place if folder else path
    feed = DumpFeed(
        "east", place, partial(manifests.read_snapshot, "east", place), clock=SystemClock()
    )
    feed.start(changed.set)
    try:
        assert changed.wait(PATIENCE_S)
        feed.take_difference()
        changed.clear()
        let_time_pass(path, tmp_path / "now")
        change(path)
        addresses: tuple[object, ...] = ()
        while "10.1.0.2" not in addresses:
            assert changed.wait(PATIENCE_S)
            changed.clear()
            found = feed.take_difference().pods
            addresses = tuple(ip for _, after in found if after for ip in after.addresses)
    finally:
        feed.stop()


@pytest.mark.parametrize("where", ["reading", "telling"])
def test_a_defect_does_not_end_the_looking(
    tmp_path: Path, changed: threading.Event, where: str
) -> None:
    """What happens later would never be noticed, while all looks well."""
    path = tmp_path / "east.json"
    path.write_text(dump("10.1.0.2"))
    defects = [RuntimeError("a defect"), OSError(5, "Input/output error")]

    def stumble(at: str) -> None:
        if at == where and defects:
            raise defects.pop()

    def read() -> ClusterSnapshot:
        stumble("reading")
        return manifests.read_snapshot("east", path)

    def tell() -> None:
        stumble("telling")
        changed.set()

    feed = DumpFeed("east", path, read, clock=SystemClock())
    feed.start(tell)
    try:
        assert changed.wait(PATIENCE_S)
        assert defects == []
        [(_, after)] = feed.take_difference().pods
        assert after is not None
        assert after.addresses == ("10.1.0.2",)
    finally:
        feed.stop()

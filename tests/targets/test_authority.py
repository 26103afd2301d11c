"""What a controller trusts is a copy that nothing on its way into being can be read of."""

from __future__ import annotations

import shutil
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from fmgsync import errors
from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from fmgsync.targets import authority
from fmgsync.targets.fortigate import session as fortigate
from fmgsync.targets.fortigate import urls
from fmgsync.targets.fortigate.access import Access
from fmgsync.targets.fortimanager import session as fortimanager
from fmgsync.targets.fortimanager.access import Access as FortiManagerAccess
from tests.certificates import keep, shown

CONTENT = b"-----BEGIN CERTIFICATE-----\n" + b"A" * 60_000 + b"\n-----END CERTIFICATE-----\n"


def test_the_copy_is_whole_whenever_it_is_read(tmp_path: Path) -> None:
    """A configuration that is read anew copies the same authority again while passes connect."""
    source = tmp_path / "ca.pem"
    source.write_bytes(CONTENT)
    access = Access("b", "b.example.net", "k3y", source)
    copy = authority.kept(access).ca_file
    assert copy is not None
    assert copy != source
    before = copy.stat()
    halves: list[int] = []
    stopped = threading.Event()

    def read() -> None:
        while not stopped.is_set():
            halves.extend({len(copy.read_bytes())} - {len(CONTENT)})

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        assert authority.kept(access).ca_file == copy
    stopped.set()
    reader.join()
    assert halves == []
    assert copy.stat().st_mtime_ns == before.st_mtime_ns
    assert [each.name for each in copy.parent.glob(f"{copy.stem}*")] == [copy.name]


def authority_file(folder: Path) -> Path:
    keep(folder / "ca.pem", trustme.CA())
    return folder / "ca.pem"


@pytest.mark.parametrize("gone", ["the copy", "its folder"])
def test_a_copy_that_was_cleaned_away_is_there_again(tmp_path: Path, gone: str) -> None:
    """As whatever tidies temporary folders does, to a controller that runs for weeks."""
    source = authority_file(tmp_path)
    access = authority.kept(Access("b", "b.example.net", "k3y", source))
    copy = access.ca_file
    assert copy is not None
    shutil.rmtree(copy.parent) if gone == "its folder" else copy.unlink()
    content = source.read_bytes()
    source.write_text("something else by now")
    access.check()
    assert copy.read_bytes() == content
    assert copy.parent.stat().st_mode & 0o777 == 0o700


def test_what_somebody_else_puts_in_its_place_is_not_trusted(tmp_path: Path) -> None:
    access = authority.kept(Access("b", "b.example.net", "k3y", authority_file(tmp_path)))
    copy = access.ca_file
    assert copy is not None
    shutil.rmtree(copy.parent)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    trustme.CA().cert_pem.write_to_path(str(theirs / copy.name))
    copy.parent.symlink_to(theirs)
    try:
        with pytest.raises(errors.UntrustedCertificate):
            access.check()
    finally:
        copy.parent.unlink()


SEED = {
    "fortigates": [
        {"name": "branch", "apiUsers": [{"name": "robot", "key": "k3y", "profile": "advised"}]}
    ]
}


@contextmanager
def opened(kind: str, unit: Simulator, ca_file: Path) -> Iterator[Callable[[], object]]:
    """Asks a FortiManager or a FortiGate something, by a session that keeps what it trusts."""
    if kind == "FortiManager":
        manager = FortiManagerAccess("hq", unit.host, "admin", "admin", ca_file=ca_file)
        with fortimanager.Session(authority.kept(manager), clock=ManualClock()) as asking:
            yield lambda: asking.call("get", [{"url": "/sys/status"}])
    else:
        host = unit.fortigates["branch"].removeprefix("https://")
        access = authority.kept(Access("branch", host, "k3y", ca_file))
        with fortigate.Session(access, clock=ManualClock()) as session:
            yield lambda: session.read(urls.table(urls.Table.GROUP, "root"))


@pytest.mark.parametrize("kind", ["FortiManager", "FortiGate"])
def test_a_session_takes_up_a_new_authority_and_no_half_of_one(tmp_path: Path, kind: str) -> None:
    """Whoever shows a certificate that does not do is told nothing meanwhile."""
    first, second = trustme.CA(), trustme.CA()
    keep(tmp_path / "ca.pem", first)
    with Simulator(SEED, strict=True) as unit:

        def show(tls: ssl.SSLContext) -> None:
            unit.show_certificate(tls)
            unit.unplug()
            unit.plug()
            unit.fortigate("branch").unplug()
            unit.fortigate("branch").plug()

        show(shown(first))
        with opened(kind, unit, tmp_path / "ca.pem") as ask:
            ask()
            (tmp_path / "ca.pem").write_bytes(second.cert_pem.bytes()[:300])
            show(shown(first))
            ask()
            asked = len(unit.requests.since(0))
            for wrong in (
                shown(second),
                shown(first, expired=True),
                shown(first, "other.example.net"),
            ):
                show(wrong)
                with pytest.raises(errors.UntrustedCertificate, match="is not trusted"):
                    ask()
            assert len(unit.requests.since(0)) == asked
            show(shown(second))
            keep(tmp_path / "ca.pem", second)
            ask()
            assert len(unit.requests.since(0)) == asked + 1


def test_two_units_whose_authorities_are_the_same_today(tmp_path: Path) -> None:
    """Each goes by its own file."""
    same, other = trustme.CA(), trustme.CA()
    keep(tmp_path / "a.pem", same)
    keep(tmp_path / "b.pem", same)
    one = authority.kept(Access("a", "a.example.net", "k3y", tmp_path / "a.pem"))
    two = authority.kept(Access("b", "b.example.net", "k3y", tmp_path / "b.pem"))
    keep(tmp_path / "a.pem", other)
    trusted = [authority.renewed(each).ca_file for each in (one, two)]
    assert [each.read_bytes() for each in trusted if each is not None] == [
        other.cert_pem.bytes(),
        same.cert_pem.bytes(),
    ]


@pytest.mark.parametrize("kind", ["FortiManager", "FortiGate"])
def test_a_copy_that_was_cleaned_away_is_there_again_for_the_next_connection(
    tmp_path: Path, kind: str
) -> None:
    """A pass may take longer than whatever tidies temporary folders leaves alone."""
    keep(tmp_path / "ca.pem", first := trustme.CA())
    with Simulator(SEED, strict=True) as unit:
        unit.show_certificate(shown(first))
        with opened(kind, unit, tmp_path / "ca.pem") as ask:
            ask()
            folder = Path(authority._folder().name)
            shutil.rmtree(folder)

            def connect() -> None:
                unit.unplug()
                unit.plug()
                unit.fortigate("branch").unplug()
                unit.fortigate("branch").plug()

            connect()
            ask()
            names = [each.name for each in folder.iterdir()]
            shutil.rmtree(folder)
            (tmp_path / "theirs").mkdir()
            for name in names:
                keep(tmp_path / "theirs" / name, second := trustme.CA())
            folder.symlink_to(tmp_path / "theirs")
            unit.show_certificate(shown(second))
            connect()
            asked = len(unit.requests.since(0))
            try:
                with pytest.raises(errors.UntrustedCertificate):
                    ask()
            finally:
                folder.unlink()
            assert len(unit.requests.since(0)) == asked

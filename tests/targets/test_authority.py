"""What a controller trusts is a copy that nothing on its way into being can be read of."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
import trustme

from fmgsync import errors
from fmgsync.targets import authority
from fmgsync.targets.fortigate.access import Access

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
    trustme.CA().cert_pem.write_to_path(str(folder / "ca.pem"))
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

"""What a controller trusts is a copy that nothing on its way into being can be read of."""

from __future__ import annotations

import threading
from pathlib import Path

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

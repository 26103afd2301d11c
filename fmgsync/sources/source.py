"""The bytes of a dump, with the place of every fault.

UTF-16, which PowerShell's `>` writes, is understood. What was compressed is unpacked.
"""

from __future__ import annotations

import codecs
from typing import BinaryIO, Final

from fmgsync.errors import ManifestError
from fmgsync.sources.unpacking import MAGIC, Damaged, Unpacked

CHUNK: Final = 16 * 1024
MAX_OBJECT_BYTES: Final = 8 * 1024 * 1024
"""An API server accepts objects of up to 3 MiB; as indented text they may be somewhat longer."""

_TAR_AT: Final = 257
"""Where a tar archive says what it is (POSIX.1-1988)."""
_PACKED: Final = {
    MAGIC: "with gzip, twice",
    b"PK\x03\x04": "as a zip archive",
    b"BZh": "with bzip2",
    b"\xfd7zXZ\x00": "with xz",
    b"\x28\xb5\x2f\xfd": "with zstd",
}
_AGAIN: Final = "make the dump again; nothing is changed because of one that cannot be read"


class Source:
    """A binary stream that knows how far it was read, and refuses an endless object."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name: Final = name
        first = stream.read(CHUNK)
        self._stream: Final = Unpacked(first, stream) if first.startswith(MAGIC) else stream
        self._piece = b""
        self._lines_before = 0
        self._bytes_before = 0
        self._ahead = (self._more() if isinstance(self._stream, Unpacked) else first).removeprefix(
            codecs.BOM_UTF8
        )
        self._decoder = _decoder(self._ahead)
        self._unbroken = 0
        self.ends_line = False
        """Whether what was read so far ends with a line break, or with nothing."""
        if self._decoder is not None:
            self._ahead = self._utf8(self._ahead)
        self.start: Final = self._ahead.lstrip()
        self._refuse_archives()

    def _refuse_archives(self) -> None:
        packed = [how for magic, how in _PACKED.items() if self._ahead.startswith(magic)]
        if self._ahead[_TAR_AT:].startswith(b"ustar"):
            raise ManifestError(
                "it is a tar archive, as support bundles are",
                where=self.name,
                next_step="unpack it, and name the folder or file in it that kubectl wrote",
            )
        if packed:
            raise ManifestError(
                f"it is compressed {packed[0]}", where=self.name, next_step="unpack it, or use gzip"
            )

    def read(self, size: int = CHUNK, /) -> bytes:
        """At most `size` bytes of UTF-8; none only at the end."""
        self._lines_before += self._piece.count(b"\n")
        self._bytes_before += len(self._piece)
        if not self._ahead:
            self._ahead = self._utf8(self._more())
        self._piece, self._ahead = self._ahead[:size], self._ahead[size:]
        self._unbroken += len(self._piece)
        if self._piece:
            self.ends_line = self._piece.endswith(b"\n")
        if self._unbroken > MAX_OBJECT_BYTES:
            limit = MAX_OBJECT_BYTES // 1024 // 1024
            raise self.fault(f"an object is longer than {limit} MiB: no API server printed it")
        return self._piece

    def _more(self) -> bytes:
        try:
            return self._stream.read(CHUNK)
        except Damaged as error:
            raise self.fault(str(error)) from error

    def object_ended(self) -> None:
        """An object was complete: the next one may be as long again."""
        self._unbroken = 0

    def fault(self, message: str, place: str | None = None) -> ManifestError:
        """The error at `place`, by default as far as was read."""
        where = place or self.place(len(self._piece))
        return ManifestError(message, where=f"{self.name}, {where}", next_step=_AGAIN)

    def place(self, offset: int) -> str:
        """Line and byte of an offset into the piece last read."""
        line = self._lines_before + self._piece.count(b"\n", 0, offset) + 1
        return f"line {line}, byte {self._bytes_before + offset}"

    def _utf8(self, raw: bytes) -> bytes:
        if self._decoder is None:
            return raw
        try:
            return self._decoder.decode(raw, final=not raw).encode()
        except UnicodeError as error:
            raise self.fault("it begins as UTF-16 text but does not go on so") from error


def _decoder(start: bytes) -> codecs.IncrementalDecoder | None:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")()
    return None

"""What was compressed with gzip, unpacked piece by piece; never more than was asked for."""

from __future__ import annotations

import zlib
from typing import BinaryIO, Final

MAGIC: Final = b"\x1f\x8b"
_PIECE: Final = 16 * 1024


class Damaged(ValueError):
    """It is not what gzip wrote, or not all of it."""


class Unpacked:
    """The plain bytes of a gzip stream, of which `start` was read already."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self._packed = start
        self._stream: Final = stream
        self._member = zlib.decompressobj(wbits=31)

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none only at the end. Raises `Damaged`."""
        while True:
            if self._member.eof:
                # gzip allows several members, one after the other.
                self._packed = self._member.unused_data or self._stream.read(_PIECE)
                if not self._packed:
                    return b""
                self._member = zlib.decompressobj(wbits=31)
            packed = self._packed or self._stream.read(_PIECE)
            try:
                plain = self._member.decompress(packed, size)
            except zlib.error as error:
                raise Damaged("it is not what gzip wrote") from error
            self._packed = self._member.unconsumed_tail
            if plain:
                return plain
            if not packed and not self._member.eof:
                raise Damaged("it is cut off: the compressed text ends too early")

"""JSON as kubectl prints it, cut into its objects; what is in them is left to who needs it.

Objects are told apart as text, which costs a fraction of reading all of their fields: a pod has
hundreds, and seven of them matter. kubectl indents, and a line break cannot stand inside a JSON
string, so an item ends at the first closing brace that stands as far in as its opening one; whether
it really is one is seen when it is decoded. Text without line breaks goes through Python's own
scanner. The input is never held as a whole.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from fmgsync.errors import ManifestError
from fmgsync.sources.documents import Document, Item
from fmgsync.sources.source import Source

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_PART: Final = re.compile(r"[ \t\r\n]*(-|[a-z]{1,5}|\\?u?[0-9a-fA-F]{0,4})")
"""What a token may begin with: where the text ends so, it is cut off."""
_BREAKS: Final = ("\n", "\r")
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a character beyond 16 bits; rare, so that both halves may be taken the long way."""
_NEAR_THE_END: Final = 16
"""Characters of which a token may lack some more, where the text ends: `\\u00e9`, `false`."""
_MORE: Final = 64 * 1024


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


# A number may be longer than Python reads as an integer; none is ever looked at.
_decoder: Final = json.JSONDecoder(parse_int=float, parse_constant=_refuse)


def read(source: Source) -> Iterator[Item | Document]:
    """All items and documents; a list's items come before the list. Raises `ManifestError`."""
    text = _Text(source)
    while not text.ended():
        yield from _document(text)


def mended(text: str) -> str:
    """The same object without halves of characters, which no UTF-8 can hold."""
    if _HALF.search(text) is None:
        return text
    return json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace").decode()


def _document(text: _Text) -> Iterator[Item | Document]:
    if text.peek() != "{":
        raise text.fault("it is not JSON: an object is expected")
    text.take("{")
    head: dict[str, Any] = {}
    count = 0
    while text.peek() != "}":
        if head:
            text.take(",")
        key = text.key()
        text.take(":")
        if key == "items" and text.peek() == "[":
            for count, raw in enumerate(_elements(text), 1):
                yield Item(count - 1, raw, head.get("kind"), head.get("apiVersion"))
            head[key] = []
        else:
            head[key] = text.value()
    text.take("}")
    text.source.object_ended()
    yield Document(head, isinstance(head.get("items", 0), list | None), count, proven=True)


def _elements(text: _Text) -> Iterator[str]:
    text.take("[")
    first = True
    while text.peek() != "]":
        if not first:
            text.take(",")
        first = False
        yield text.element()
        text.source.object_ended()
    text.take("]")


class _Text:
    """The part of the text that is being read, and where it stands in the whole."""

    def __init__(self, source: Source) -> None:
        self.source: Final = source
        self._decoder: Final = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._line = 1
        self._bytes = 0
        self._complete = False

    def ended(self) -> bool:
        """Whether nothing but blanks is left."""
        return self._skip() and self._at >= len(self._text)

    def peek(self) -> str:
        """The next character that is no blank. Raises `ManifestError` at the end."""
        self._skip()
        if self._at >= len(self._text):
            raise self._cut_off()
        return self._text[self._at]

    def take(self, character: str) -> None:
        """Go past this character, which must be the next."""
        if self.peek() != character:
            raise self.fault(f"it is not JSON: {character!r} is expected")
        self._at += 1

    def key(self) -> str:
        """A key of an object."""
        if self.peek() != '"':
            raise self.fault("it is not JSON: a key in quotes is expected")
        return str(self.value())

    def value(self) -> Any:
        """The next value, whatever it is."""
        self.peek()
        found, self._at = self._scanned()
        return found

    def element(self) -> str:
        """The text of the next value."""
        end = self._end_by_indentation() if self.peek() == "{" else None
        if end is None:
            _, end = self._scanned()
        start, self._at = self._at, end  # both may have read more, and moved the text
        return self._text[start:end]

    def fault(self, message: str) -> ManifestError:
        """The error at the place reached."""
        return self._fault_at(message, self._at)

    def _skip(self) -> bool:
        """Go past blanks; true, so that it can stand in conditions."""
        while True:
            match = _SPACE.match(self._text, self._at)
            end = match.end() if match else self._at
            self._at = end
            if end < len(self._text) or not self._fill():
                return True

    def _end_by_indentation(self) -> int | None:
        """Where the object ends if it is indented as kubectl does; None if it is not."""
        line = self._text.rfind("\n", 0, self._at)
        indent = self._text[line + 1 : self._at]
        if (
            line < 0
            or indent.strip(" \t")
            or self._text[self._at + 1 : self._at + 2] not in _BREAKS
        ):
            return None
        closing, sought = f"\n{indent}}}", self._at
        while (found := self._text.find(closing, sought)) < 0:
            sought = max(self._at, len(self._text) - len(closing))
            before = self._at
            if not self._fill():
                return None
            sought -= before - self._at
        end = found + len(closing)
        try:
            msgspec.json.decode(self._text[self._at : end], type=msgspec.Raw)
        except (msgspec.DecodeError, RecursionError):
            return None
        return end

    def _scanned(self) -> tuple[Any, int]:
        """The value here and where it ends, with as much more text as it takes."""
        more = _MORE
        while True:
            try:
                found, end = _decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                near = len(self._text) - error.pos <= _NEAR_THE_END
                unterminated = error.msg.startswith("Unterminated")
                if not (near or unterminated) or not self._fill(more):
                    if unterminated or _PART.fullmatch(self._text, error.pos):
                        raise self._cut_off() from error
                    raise self._fault_at(f"it is not JSON: {error.msg}", error.pos) from error
            except RecursionError as error:
                raise self.fault("it is nested deeper than any object is") from error
            except ValueError as error:
                raise self.fault(f"it is not JSON: {error}") from error
            else:
                if end < len(self._text) or not self._fill(more):
                    return found, end
            more *= 2

    def _cut_off(self) -> ManifestError:
        return self._fault_at("it is cut off: the JSON text ends too early", len(self._text))

    def _fill(self, size: int = _MORE) -> bool:
        """More text, without what was read already; False if there is no more."""
        if self._complete:
            return False
        done, self._text = self._text[: self._at], self._text[self._at :]
        self._at = 0
        self._line += done.count("\n")
        self._bytes += len(done.encode())
        pieces: list[str] = []
        while size > 0 and not self._complete:
            raw = self.source.read()
            self._complete = not raw
            try:
                pieces.append(self._decoder.decode(raw, final=not raw))
            except UnicodeDecodeError as error:
                raise self.fault("it holds bytes that are no UTF-8 text") from error
            size -= len(raw)
        self._text += "".join(pieces)
        return any(pieces)

    def _fault_at(self, message: str, offset: int) -> ManifestError:
        line = self._line + self._text.count("\n", 0, offset)
        byte = self._bytes + len(self._text[:offset].encode("utf-8", "surrogatepass"))
        return self.source.fault(message, f"line {line}, byte {byte}")

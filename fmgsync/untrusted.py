"""Text of others (labels, names, answers) on its way out: harmless on a terminal, and not endless.

Whoever writes such text, wherever to, bounds it here, so that what is written can be read again:
one label, name or answer must not spoil an audit, a state, a log or a page.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

TEXT_MOST: Final = 16 * 1024
"""Characters of one text: more than any name, reason, selector or traceback in earnest has."""

DEEPEST: Final = 32
"""Levels of a value that are shown."""

DEEPER: Final = "... (nested deeper)"
_BEFORE: Final = 2 / 3
_WORD: Final = re.compile(r"\S{257,}")
_WORD_MOST: Final = 100
_LEAST: Final = 200


def safe_text(text: str, *, lines: bool = False) -> str:
    """Replace what could steer a terminal or fake a line (control, bidi, surrogates) by `\\u..`.

    `lines=True` keeps line breaks and the length, for text that is ours and has several lines.
    """
    keep = "\n" if lines else ""
    bounded = text if lines else shortened(text)
    return "".join(c if c.isprintable() or c in keep else _escaped(c) for c in bounded)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shortened(text: str, most: int = TEXT_MOST) -> str:
    """The text with at most so many characters: one that is longer loses its middle, and says how
    long it was and the beginning of its SHA-256, so that two that differ are not taken for one."""
    if len(text) <= most:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    gap = f"...({len(text)} characters, sha256 {digest})..."
    room = max(most - len(gap), 0)
    before = int(room * _BEFORE)
    return f"{text[:before]}{gap}{text[len(text) - (room - before) :]}"


def legible(text: str) -> str:
    """A message for people with no endless word in it: what somebody gave as a name may have any
    length, and is repeated in several."""
    return _WORD.sub(lambda word: shortened(word[0], _WORD_MOST), text)


def bounded(value: Any) -> Any:
    """A value of texts, numbers, lists and mappings with no text in it that is too long, or holds
    half a character."""
    match value:
        case str():
            return shortened(value.encode("utf-8", "backslashreplace").decode())
        case dict():
            return {bounded(key): bounded(each) for key, each in value.items()}
        case list():
            return [bounded(each) for each in value]
        case _:
            return value


def within(fields: Mapping[str, Any], most: int) -> dict[str, Any]:
    """The fields of one line, as `redaction.hide_in` leaves them, in not much more than `most`
    characters of JSON: a list or mapping that is too long ends with how many more there were. Texts
    come before lists, for a list must not cost the line its reason."""
    room = _Room(most)
    order = sorted(fields, key=lambda name: isinstance(fields[name], dict | list))
    found = {name: room.fitted(fields[name]) for name in order}
    return {name: found[name] for name in fields}


class _Room:
    """How many characters are left."""

    def __init__(self, most: int) -> None:
        self._left = most

    def fitted(self, value: Any) -> Any:
        match value:
            case str():
                text = shortened(value, TEXT_MOST if self._left > 0 else _LEAST)
                self._left -= len(json.dumps(text))
                return text
            case dict():
                return self._mapping(value)
            case list():
                return self._listed(value)
            case _:
                self._left -= 24
                return value

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, each in value.items():
            if self._left <= 0:
                found["..."] = f"{len(value) - len(found)} more"
                break
            found[self.fitted(str(key))] = self.fitted(each)
        return found

    def _listed(self, value: list[Any]) -> list[Any]:
        found: list[Any] = []
        for each in value:
            if self._left <= 0:
                found.append(f"... {len(value) - len(found)} more")
                break
            self._left -= 2
            found.append(self.fitted(each))
        return found

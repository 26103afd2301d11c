"""Answers of units with a text of somebody else's in one of their fields; and which there are.

What is forged is not listed by hand: whatever text an answer holds is a field, so that one which
the product begins to read tomorrow is forged as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from requests.adapters import HTTPAdapter

from tests.sweep.transport import Counts

FAKE: Final = "fake-line"
HOSTILE: Final = (
    f"\x1b[31m\x1b]0;t\x07\x9b2J\u202e\u2066\ufeff\u2028\r\n{FAKE}: all is well\t"
    "<img src=x onerror=1>[a](javascript:1)|`b`[bold]c[/bold]{0}%s\x00\ud800"
)


@dataclass(frozen=True)
class Forged:
    """A field, as `fields` names it, and what its values end with; without one, all are noted."""

    field: str
    text: str
    noted: str


class Forging(HTTPAdapter):
    """A transport that forges, or notes every field in a file."""

    def __init__(self, page: Counts, forged: Forged) -> None:
        super().__init__()
        self._page, self._forged = page, forged
        self._seen: dict[str, None] = {}

    def send(self, *arguments: Any, **options: Any) -> Any:
        self._page.count()
        answer = super().send(*arguments, **options)
        try:
            body = json.loads(answer.content)
        except ValueError:
            return answer
        about = question(arguments[0])
        if self._forged.field:
            answer._content = json.dumps(self._changed(body, about)).encode()
        else:
            known = len(self._seen)
            self._seen.update(dict.fromkeys(name for name, _ in fields(body, about)))
            if len(self._seen) > known:
                Path(self._forged.noted).write_text("\n".join(self._seen), encoding="utf-8")
        return answer

    def _changed(self, body: Any, about: str) -> Any:
        def change(name: str, value: str) -> str:
            return value + self._forged.text if name == self._forged.field else value

        return mapped(body, about, change)


def question(request: Any) -> str:
    """What was asked, without what differs from case to case."""
    path = re.sub(r"\?.*", "", request.path_url)
    if path == "/jsonrpc":
        asked = json.loads(request.body or b"{}")
        urls = [str(each.get("url")) for each in asked.get("params") or [{}]]
        path = f"{asked.get('method')} {urls[0]}"
    return re.sub(r"\d+(\.\d+)*", "N", path)


def fields(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Every text in an answer, by where it stands; rows of one list are one place."""
    found: list[tuple[str, str]] = []

    def note(place: str, text: str) -> str:
        found.append((place, text))
        return text

    mapped(value, name, note)
    yield from found


def mapped(value: Any, name: str, change: Callable[[str, str], str]) -> Any:
    """The same answer with other texts."""
    if isinstance(value, dict):
        return {key: mapped(each, f"{name} .{key}", change) for key, each in value.items()}
    if isinstance(value, list):
        return [mapped(each, f"{name} []", change) for each in value]
    return change(name, value) if isinstance(value, str) else value

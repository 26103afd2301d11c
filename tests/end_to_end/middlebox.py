"""What stands between fmgsync and the units it asks, and is not always right."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from tests.end_to_end.killing import Killed


class Middlebox(HTTPAdapter):
    """Between fmgsync and what it asks: somebody acts before some requests, and some answers
    are not the right ones."""

    def __init__(self, dice: random.Random, act: Callable[[], None]) -> None:
        super().__init__()
        self.dice, self.act = dice, act
        self.quiet = False
        self._acting = threading.Lock()
        self.acted = self.broken = 0
        self._last = b""

    def send(self, *arguments: Any, **options: Any) -> Any:
        if self.quiet:
            return super().send(*arguments, **options)
        if self.dice.random() < 0.06:
            with (
                self._acting
            ):  # units are talked to side by side; somebody does one thing at a time
                self.acted += 1
                self.act()
        trouble = self.dice.choice(("502", "nothing", "another's")) if self._breaks() else ""
        if trouble == "502" and self.dice.random() < 0.5:
            raise requests.ConnectionError("reset by the middlebox")
        answer = super().send(*arguments, **options)
        body = answer.content
        if trouble == "502":
            answer.status_code = 502
            answer._content = b"<html>Bad Gateway</html>"
        elif trouble == "nothing":
            answer._content = b""
        elif trouble == "another's" and self._last:
            answer._content = self._last
        self._last = body
        return answer

    def _breaks(self) -> bool:
        broken = self.dice.random() < 0.03
        self.broken += broken
        return broken


class Deadly(Middlebox):
    """Between fmgsync and what it asks: others act, answers are lost, and the process may die at
    one request, before or after its effect. `sees` is shown each request."""

    def __init__(
        self,
        dice: random.Random,
        act: Callable[[], None],
        sees: Callable[[requests.PreparedRequest], None],
    ) -> None:
        super().__init__(dice, act)
        self._sees = sees
        self.dies_in: int | None = None
        self.is_heard = False
        self.was_troubled = False
        self._dying = threading.Lock()

    def send(self, *arguments: Any, **options: Any) -> Any:
        with self._dying:
            dies = self.dies_in
            self.dies_in = None if dies is None else dies - 1
        if dies is not None and dies <= 1 and not (dies == 1 and self.is_heard):
            raise Killed
        self._sees(arguments[0])
        before = self.broken
        try:
            answer = super().send(*arguments, **options)
        finally:
            self.was_troubled |= self.broken > before
        if dies == 1:
            answer.close()
            raise Killed
        return answer

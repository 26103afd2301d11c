"""What stands between fmgsync and the units it asks, and is not always right."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter


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

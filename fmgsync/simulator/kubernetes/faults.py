"""Ways in which the API server can be made to fail on purpose."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Final

from fmgsync.simulator.kubernetes.refusals import forbidden, too_many
from fmgsync.simulator.kubernetes.resources import Resource

USER: Final = "system:serviceaccount:fmgsync:fmgsync"

_NO_ROLES_YET: Final = ': RBAC: clusterrole.rbac.authorization.k8s.io "fmgsync-reader" not found'


class Faults:
    """Switches, safe to flip from any thread while requests run."""

    def __init__(self) -> None:
        self.initial_events = True
        """Answer sendInitialEvents; when False refuse it, as servers do that have it off."""

        self.tables = True
        """Answer with rows who asks for them; when False refuse it, as a server without columns."""

        self._lock: Final = threading.Lock()
        self._forbidden: set[tuple[str, str]] = set()
        self._busy: list[int] = []
        self._broken: list[int] = []
        self._lost = 0
        self._next: Final[Counter[tuple[str, str]]] = Counter()  # what befalls the next of a kind
        self._hollow: dict[tuple[str, str], bytes] = {}
        self._stalled: set[str] = set()
        self._warm_at = 0.0

    def forbid(self, plural: str, *verbs: str) -> None:
        """Answer 403 to these verbs (all when none is named) on this kind."""
        with self._lock:
            self._forbidden |= {(plural, verb) for verb in verbs or ("*",)}

    def permit(self, plural: str) -> None:
        """Take back every `forbid` of this kind."""
        with self._lock:
            self._forbidden = {each for each in self._forbidden if each[0] != plural}

    def busy(self, times: int, *, retry_after_s: int = 1) -> None:
        """Answer 429 to the next requests."""
        with self._lock:
            self._busy += [retry_after_s] * times

    def broken(self, times: int, *, code: int = 503) -> None:
        """Answer an error of a proxy, in HTML, to the next requests."""
        with self._lock:
            self._broken += [code] * times

    def garble(self, plural: str, times: int = 1) -> None:
        """Cut the next lists of this kind off in the middle."""
        self._set("garble", plural, times)

    def cut_line(self, plural: str, times: int = 1, *, orderly: bool = False) -> None:
        """End the watches of this kind in the middle of their next lines: without a word, or
        `orderly`, as a proxy that has had enough."""
        self._set("cut orderly" if orderly else "cut", plural, times)

    def repeat(self, plural: str, times: int = 1) -> None:
        """Tell the next events of this kind twice."""
        self._set("repeat", plural, times)

    def late_bookmark(self, plural: str, times: int = 1) -> None:
        """Behind the next events of this kind send a bookmark of the version with which the watch
        began, as if nothing had been told since."""
        self._set("late bookmark", plural, times)

    def _set(self, what: str, plural: str, times: int) -> None:
        with self._lock:
            self._next[what, plural] = times

    def hollow(self, plural: str, answer: bytes = b"{}", *, verb: str = "list") -> None:
        """From now on answer 200 and this to whoever lists the kind, or whatever else `verb` says,
        which then has no effect; `resources`: to whoever asks which there are."""
        with self._lock:
            self._hollow[plural, verb] = answer

    def fill(self) -> None:
        """End every `hollow`."""
        with self._lock:
            self._hollow.clear()

    def lose_answers(self, times: int) -> None:
        """Let the next writes take effect, and cut the connection instead of answering."""
        with self._lock:
            self._lost = times

    def stall(self, plural: str) -> None:
        """Accept requests for this kind and say nothing; watches that are open fall silent."""
        with self._lock:
            self._stalled.add(plural)

    def release(self) -> None:
        """End every stall."""
        with self._lock:
            self._stalled.clear()

    def warm_up(self, seconds: float) -> None:
        """Refuse watches for so long, as an API server does that has not read its roles yet."""
        with self._lock:
            self._warm_at = time.monotonic() + seconds

    def check(self, resource: Resource, verb: str, namespace: str, name: str) -> None:
        """Refuse the request if it is to be refused."""
        with self._lock:
            if self._busy:
                raise too_many(self._busy.pop())
            cold = verb == "watch" and time.monotonic() < self._warm_at
        if cold:
            raise forbidden(USER, verb, resource, namespace, name, _NO_ROLES_YET)
        if not self.permits(resource.plural, verb):
            raise forbidden(USER, verb, resource, namespace, name)

    def permits(self, plural: str, verb: str) -> bool:
        """Whether a role allows it."""
        with self._lock:
            return not {(plural, verb), (plural, "*")} & self._forbidden

    def take_broken(self) -> int | None:
        """The HTTP code to break this request with."""
        with self._lock:
            return self._broken.pop() if self._broken else None

    def take_lost(self) -> bool:
        """Whether to keep the answer to this write."""
        with self._lock:
            left, self._lost = self._lost, max(0, self._lost - 1)
            return left > 0

    def take(self, what: str, plural: str) -> bool:
        """Whether this befalls what is about to be answered of the kind, by the fault's name."""
        with self._lock:
            left = self._next[what, plural]
            self._next[what, plural] = max(0, left - 1)
            return left > 0

    def instead(self, plural: str, verb: str = "list") -> bytes | None:
        """What is answered in place of the truth."""
        with self._lock:
            return self._hollow.get((plural, verb))

    def stalled(self, plural: str) -> bool:
        """Whether this kind is silent now."""
        with self._lock:
            return plural in self._stalled

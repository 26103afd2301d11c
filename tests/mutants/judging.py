"""Asks the collected tests about each change of a module."""

from __future__ import annotations

import ast
import functools
import gc
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.mutants.changes import Change, changes

_PATIENCE = 10.0
_PATIENCE_S = 5.0
_Place = tuple[str, int]
"""A function by its qualified name and first line, decorators included."""


class Judge:
    """A plugin that judges in place of running the tests once."""

    def __init__(self, path: Path, every: int, only: str, slow_s: float, *, random: bool) -> None:
        self._path = path
        self._every = every
        self._only = only
        self._slow_s = slow_s
        self._random = random
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._standing = self._compiled()
        self._outer = {_place(c): at for at, code in self._standing.items() for c in _codes(code)}
        self._asked: dict[_Place, list[pytest.Item]] = defaultdict(list)
        self._took: dict[pytest.Item, float] = {}
        self._functions: dict[_Place, list[FunctionType]] = defaultdict(list)
        self._caches: list[functools._lru_cache_wrapper[Any]] = []
        self.judged = 0
        self.left: list[Change] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """See which tests go where, then ask them."""
        if session.testsfailed:
            return True
        gc.unfreeze()
        for item in session.items:
            self._watch(item)
        gc.collect()
        self._find()
        gc.freeze()
        _tell("")
        for change in list(changes(self._tree))[:: self._every]:
            if self._only not in change.function:
                continue
            undo = change.do()
            try:
                code = self._code_of(change)
            finally:
                undo()
            if code is None:
                continue
            self.judged += 1
            place = _place(code)
            if not self._is_noticed(place, code):
                self.left.append(change)
                where = f"{self._path.name}:{change.line} {change.function}"
                none = "" if self._asked[place] else " (no test comes here)"
                _tell(f"{where}: {change.made}{none}")
        _tell(f"{self.judged - len(self.left)} of {self.judged} noticed")
        return True

    def _find(self) -> None:
        """The functions that stand, and what remembers answers of any."""
        for found in gc.get_objects():
            if isinstance(found, functools._lru_cache_wrapper):
                self._caches.append(found)
            elif isinstance(found, FunctionType) and self._is_ours(found.__code__):
                self._functions[_place(found.__code__)].append(found)

    def _is_ours(self, code: CodeType) -> bool:
        return code.co_filename == str(self._path)

    def _compiled(self) -> dict[_Place, CodeType]:
        """Every function and method, without those that are made in one."""
        whole = compile(self._tree, str(self._path), "exec", dont_inherit=True)
        return {_place(code): code for code in _outermost(whole)}

    def _code_of(self, change: Change) -> CodeType | None:
        """The changed function; None where it cannot take the place of what stands."""
        for place, code in self._compiled().items():
            before = self._standing[place]
            if code != before:
                return code if code.co_freevars == before.co_freevars else None
        return None

    def _watch(self, item: pytest.Item) -> None:
        """Run a test once as things stand; who is slow, random or fails is not asked."""
        is_random = hasattr(getattr(item, "obj", None), "hypothesis")
        if (is_random and not self._random) or any(item.iter_markers("slow")):
            return
        seen: set[CodeType] = set()

        def profile(frame: FrameType, event: str, _: Any) -> None:
            if event == "call" and self._is_ours(frame.f_code):
                seen.add(frame.f_code)

        began = time.perf_counter()
        threading.setprofile(profile)
        sys.setprofile(profile)
        try:
            is_well = _passes(item)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
        took = time.perf_counter() - began
        if not is_well:
            _tell(f"not asked, it fails: {item.nodeid}")
        elif took <= self._slow_s:
            self._took[item] = took
            for place in {self._outer[_place(c)] for c in seen if _place(c) in self._outer}:
                self._asked[place].append(item)

    def _is_noticed(self, place: _Place, code: CodeType) -> bool:
        items = sorted(self._asked[place], key=lambda item: self._took[item])
        if not items:
            return False
        ends_at = time.monotonic() + _PATIENCE_S + _PATIENCE * sum(self._took[i] for i in items)
        child = os.fork()
        if child == 0:
            self._ask(items, place, code)
        while time.monotonic() < ends_at:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return status != 0
            time.sleep(0.002)
        os.killpg(child, signal.SIGKILL)  # it goes on without end
        os.waitpid(child, 0)
        return True

    def _ask(self, items: list[pytest.Item], place: _Place, code: CodeType) -> None:
        """In a process of its own, which ends here."""
        os.setpgid(0, 0)
        gc.disable()
        try:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            for function in self._functions[place]:
                function.__code__ = code
            for cache in self._caches:
                cache.cache_clear()
            noticed = not all(map(_passes, items))
        except BaseException:
            noticed = True
        os._exit(1 if noticed else 0)


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _passes(item: pytest.Item) -> bool:
    """Whether a test does, with fixtures of its own."""
    return not any(one.failed for one in runtestprotocol(item, log=False, nextitem=None))


def _outermost(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if not isinstance(inner, CodeType) or inner.co_name in ("<lambda>", "<genexpr>"):
            continue
        if inner.co_flags & 0x02:  # CO_NEWLOCALS: a function, where a class has none
            yield inner
        else:
            yield from _outermost(inner)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)


def _place(code: CodeType) -> _Place:
    return code.co_qualname, code.co_firstlineno

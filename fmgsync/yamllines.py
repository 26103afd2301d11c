"""One YAML document as plain data that remembers where each value stood.

Values follow the YAML 1.2 core schema, which is what people expect: only `true` and `false` are
booleans. The YAML 1.1 traps are gone: `no`, `on`, `y`, `010`, `2026-01-01` and `12:30` are not
turned into something else. Keys are always text. Duplicate keys, merge keys, tags and a second
document are refused, and so are documents made to exhaust memory or stack. No message shows a
value, alias or tag: it could be an unquoted password. What the data means is left to the callers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from yaml.reader import ReaderError

from fmgsync.errors import ConfigError, ConfigProblem
from fmgsync.yamlplain import MAX_ALIASED_NODES, MAX_DEPTH, TOO_DEEP

MAX_DUPLICATES: Final = 50
"""Duplicate keys told one by one; a file with more is something else."""

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
Path: TypeAlias = Sequence[str | int]

_WORDS: Final[Mapping[str, bool | None]] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# The repetitions are bounded because int() refuses, and would be slow for, thousands of digits.
_DECIMAL = re.compile(r"[-+]?[0-9]{1,40}")
_OCTAL = re.compile(r"0o[0-7]{1,40}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,4})?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TEXT_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})


class Position(NamedTuple):
    """A place in the text; both numbers count from 1."""

    line: int
    column: int


@dataclass(slots=True)
class _Node:
    """Where a value begins, and where its keys and children begin."""

    position: Position
    keys: dict[str, Position] = field(default_factory=dict)
    children: dict[str | int, _Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data and its positions. An aliased value is one shared object: do not change it."""

    data: Plain
    _root: _Node

    def at(self, path: Path) -> Position:
        """Where the value at `path` begins; of the nearest enclosing value if it is not there."""
        return self._nearest(path)[0].position

    def key_at(self, path: Path) -> Position:
        """Where the key at the end of `path` stands; for list items and the root, the value."""
        if not path:
            return self._root.position
        parent, rest = self._nearest(path[:-1])
        if rest:
            return parent.position
        return parent.keys.get(str(path[-1])) or self.at(path)

    def _nearest(self, path: Path) -> tuple[_Node, Path]:
        """The deepest node along `path`, and what of the path is not there."""
        node = self._root
        for depth, step in enumerate(path):
            child = node.children.get(step)
            if child is None:
                return node, path[depth:]
            node = child
        return node, ()


def load(text: bytes | str, name: str) -> Document:
    """Read exactly one document; `name` is what error messages call it.

    Empty text is a document of None. Raises ConfigError: one problem for text that is not YAML,
    all of them for duplicate keys.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    try:
        return _Composer(raw, name).compose()
    except ReaderError as err:
        raise ConfigError(name, (_unreadable(err, raw),)) from err
    except yaml.YAMLError as err:
        raise ConfigError(name, (_malformed(err),)) from err


class _Stopped(Exception):
    """Composing cannot go on; carries the problem."""

    def __init__(self, problem: ConfigProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Composed:
    """A value, its positions, and what an alias to it would cost."""

    value: Plain
    node: _Node
    size: int
    height: int


class _Composer:
    """Turns parser events into values. Recursion is bounded by MAX_DEPTH."""

    def __init__(self, raw: bytes, name: str) -> None:
        self._loader = yaml.CSafeLoader(raw)
        self._name = name
        self._anchors: dict[str, _Composed | None] = {}
        self._aliased = 0
        self._problems: list[ConfigProblem] = []

    def compose(self) -> Document:
        """The one document of the stream."""
        try:
            document = self._document()
        except _Stopped as stopped:
            self._problems.append(stopped.problem)
        finally:
            self._loader.dispose()
        if self._problems:
            raise ConfigError(self._name, tuple(self._problems))
        return document

    def _document(self) -> Document:
        self._next()  # the stream's start
        event = self._next()
        if isinstance(event, StreamEndEvent):
            return Document(None, _Node(Position(1, 1)))
        root = self._node(self._next(), (), 0)
        self._next()  # the document's end
        event = self._next()
        if isinstance(event, DocumentStartEvent):
            raise _stop(
                event, (), "a second document begins here", "keep one document; remove the `---`"
            )
        return Document(root.value, root.node)

    def _next(self) -> Event:
        event = self._loader.get_event()
        if event is None:  # only after the stream's end, and nobody reads past it
            raise EOFError("read past the end of the stream")
        return event

    def _node(self, event: Event, path: tuple[str | int, ...], depth: int) -> _Composed:
        if isinstance(event, AliasEvent):
            return self._alias(event, path, depth)
        if isinstance(event, ScalarEvent):
            composed = _Composed(_scalar(event, path), _Node(_position(event)), 1, 0)
        else:
            composed = self._collection(event, path, depth)
        anchor = _anchor(event)
        if anchor is not None:
            self._anchors[anchor] = composed
        return composed

    def _collection(self, event: Event, path: tuple[str | int, ...], depth: int) -> _Composed:
        if depth >= MAX_DEPTH:
            raise _stop(event, path, TOO_DEEP)
        if isinstance(event, CollectionStartEvent) and event.tag is not None:
            raise _stop(event, path, "a tag has no meaning here", "remove it")
        anchor = _anchor(event)
        if anchor is not None:
            self._anchors[anchor] = None  # until it is complete, an alias to it would be endless
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, path, depth)
        return self._sequence(event, path, depth)

    def _sequence(self, start: Event, path: tuple[str | int, ...], depth: int) -> _Composed:
        values: list[Plain] = []
        node, size, height = _Node(_position(start)), 1, 0
        while not isinstance(event := self._next(), SequenceEndEvent):
            item = self._node(event, (*path, len(values)), depth + 1)
            node.children[len(values)] = item.node
            values.append(item.value)
            size, height = size + item.size, max(height, item.height)
        return _Composed(values, node, size, height + 1)

    def _mapping(self, start: Event, path: tuple[str | int, ...], depth: int) -> _Composed:
        values: dict[str, Plain] = {}
        node, size, height = _Node(_position(start)), 1, 0
        while not isinstance(event := self._next(), MappingEndEvent):
            key = _key(event, path)
            item = self._node(self._next(), (*path, key), depth + 1)
            size, height = size + item.size, max(height, item.height)
            if key in values:
                self._repeat(event, (*path, key), node.keys[key])
                continue
            values[key] = item.value
            node.keys[key] = _position(event)
            node.children[key] = item.node
        return _Composed(values, node, size, height + 1)

    def _repeat(self, event: Event, path: tuple[str | int, ...], first: Position) -> None:
        self._problems.append(_duplicate(event, path, first))
        if len(self._problems) == MAX_DUPLICATES:
            raise _stop(event, (), "and perhaps more; reading ended here")

    def _alias(self, event: AliasEvent, path: tuple[str | int, ...], depth: int) -> _Composed:
        name = event.anchor
        if name not in self._anchors:
            raise _stop(event, path, "this alias has no anchor before it")
        target = self._anchors[name]
        if target is None:
            raise _stop(event, path, "this alias stands inside the value it repeats")
        if depth + target.height > MAX_DEPTH:
            raise _stop(event, path, TOO_DEEP)
        self._aliased += target.size
        if self._aliased > MAX_ALIASED_NODES:
            raise _stop(event, path, f"aliases repeat more than {MAX_ALIASED_NODES} values")
        return target


def _key(event: Event, path: tuple[str | int, ...]) -> str:
    if isinstance(event, AliasEvent) or not isinstance(event, ScalarEvent):
        raise _stop(event, path, "a key must be plain text")
    if event.value == "<<" and event.implicit[0]:
        raise _stop(event, path, "merge keys (<<) are not supported", "write the keys out")
    return str(event.value)


def _scalar(event: ScalarEvent, path: tuple[str | int, ...]) -> Plain:
    plain, quoted = event.implicit
    if quoted or event.tag in _TEXT_TAGS:
        return str(event.value)
    if not plain:
        raise _stop(
            event,
            path,
            "a tag has no meaning here",
            "a value that begins with ! must be written in quotes",
        )
    return _resolved(event.value)


def _resolved(text: str) -> Plain:
    """The value of unquoted text by the YAML 1.2 core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _anchor(event: Event) -> str | None:
    return event.anchor if isinstance(event, NodeEvent) else None


def _position(event: Event) -> Position:
    mark = event.start_mark
    return Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)


def dotted(path: Path) -> str:
    """`groups[0].select`, as people write it; safe to print."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text).lstrip(".")


def _duplicate(event: Event, path: Path, first: Position) -> ConfigProblem:
    line, column = _position(event)
    return ConfigProblem(
        path=dotted(path),
        message=f"the key stands twice, first on line {first.line}",
        line=line,
        column=column,
        next_step="keep one of them",
    )


def _stop(event: Event, path: Path, message: str, next_step: str | None = None) -> _Stopped:
    line, column = _position(event)
    return _Stopped(ConfigProblem(dotted(path), message, line, column, next_step))


def _malformed(err: yaml.YAMLError) -> ConfigProblem:
    """A syntax error in one sentence, at the place where the parser stumbled."""
    if not isinstance(err, yaml.MarkedYAMLError):
        return ConfigProblem("", f"not YAML: {err}")
    mark = err.problem_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    if "nesting depth" in f"{err.problem} {err.context}":
        # PyYAML 6.0.4 came with a parser that has a bound of its own, and reads ahead of ours.
        return ConfigProblem("", TOO_DEEP, line, column)
    words = [err.problem or "not valid here"]
    if err.context:
        words.append(err.context)
        if err.context_mark is not None:
            words.append(f"that begins on line {err.context_mark.line + 1}")
    return ConfigProblem(
        path="",
        message=f"not YAML: {' '.join(words)}",
        line=line,
        column=column,
        next_step="check the indentation, brackets and quotes there and on the line before",
    )


def _unreadable(err: ReaderError, raw: bytes) -> ConfigProblem:
    """Bytes that are no text; PyYAML knows their offset only."""
    line = raw.count(b"\n", 0, err.position) + 1
    return ConfigProblem("", f"not text: {err.reason}", line, next_step="save the file as UTF-8")

"""Proves that a cassette holds nothing delicate, looking at the file and not at how it was made.

Every text of the YAML is looked at: urls, headers, bodies, JSON inside JSON, our own header, keys,
and comments, which no parser sees. No message repeats what it found.
"""

from __future__ import annotations

import gzip
import ipaddress
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import yaml

from fmgsync.recording import (
    addresses,
    files,
    learn,
    patterns,
    rest,
    scrub,
    secrets,
    vocabulary,
    walk,
)
from fmgsync.recording.pseudonyms import words_pattern
from fmgsync.recording.vocabulary import Kind

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST_LEFT_OUT: Final = 60
_MAX_UNPACKED: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that must not be there: line in the file, place in the cassette, what it is."""

    line: int
    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """What checking one cassette found. `kept` names what its header says was left in."""

    findings: tuple[Finding, ...]
    edited: bool
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspects:
    """What a configuration knows: `secrets` by their source, `names` of hosts, and `people`.

    People are searched for in sentences only, since an ADOM may have the same name.
    """

    secrets: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    people: tuple[str, ...] = ()

    @property
    def too_short(self) -> tuple[str, ...]:
        """Sources of secrets that cannot be told from ordinary text."""
        return tuple(
            source for source, text in self.secrets.items() if not secrets.is_searchable(text)
        )


def check(text: str, name: str, suspects: Suspects) -> Report:
    """Look at the text of a cassette; raises CassetteError if it is none."""
    read = files.from_text(text, name)
    about = read.about
    checker = _Checker(
        suspects,
        names_kept=about is not None and about.names == "kept",
        mapped=about is not None and about.addresses == "mapped",
    )
    findings = dict.fromkeys(checker.file(text))
    kept = ("names of hosts and administrators",) if checker.names_kept else ()
    return Report(tuple(sorted(findings, key=lambda one: one.line)), read.edited, kept)


class _Checker:
    """What is looked for, and where in the file we are."""

    def __init__(self, suspects: Suspects, *, names_kept: bool, mapped: bool) -> None:
        self.names_kept = names_kept
        self._mapped = mapped
        self._secrets = {
            source: pattern
            for source, text in suspects.secrets.items()
            if (pattern := secrets.pattern([text])) is not None
        }
        self._names = self._people = None
        if not names_kept:
            self._names = words_pattern(one for one in suspects.names if _is_telling(one))
            self._people = words_pattern(one for one in suspects.people if _is_telling(one))

    def file(self, text: str) -> Iterator[Finding]:
        """Everything in the file, and then what lies between the values."""
        spans: set[tuple[int, int]] = set()
        for path, node in _scalars(yaml.compose(text, Loader=yaml.CSafeLoader)):
            spans.add((node.start_mark.index, node.end_mark.index))
            line, place = node.start_mark.line + 1, _place(path)
            for inner, what in self._scalar(path, node):
                yield Finding(line, place + inner, what)
        for line, comment in _between(text, spans):
            for what in self._free(comment):
                yield Finding(line, "a comment", what)

    def _scalar(self, path: walk.Path, node: yaml.ScalarNode) -> Iterator[tuple[str, str]]:
        value: str = node.value
        if node.tag.endswith(":binary"):
            unpacked = _unpack(yaml.constructor.SafeConstructor().construct_yaml_binary(node))
            if unpacked is None:
                yield "", "bytes that are no text, so nothing can be proven about them"
                return
            value = unpacked
        if path[-1:] == ("uri",):
            yield from (("", what) for what in self._uri(value))
        elif path[-2:] == (files.SECTION, "digest") and _DIGEST.fullmatch(value):
            return  # one that is not the content's own makes the cassette an edited one
        else:
            yield from self._value(path, value)

    def _value(self, path: walk.Path, value: str) -> Iterator[tuple[str, str]]:
        decoded = walk.decode(value)
        if decoded == walk.LEFT_OUT and len(value) > _LONGEST_LEFT_OUT:
            yield "", "JSON nested too deeply, so nothing can be proven about it"
        if decoded is None:
            named = next((part for part in reversed(path) if isinstance(part, str)), "")
            outside = path[0] != "interactions"
            kind = None if outside else vocabulary.kind_of(named)
            yield from (("", what) for what in self._text(kind, value))
        for inner, kind, text in walk.texts(decoded):
            for what in self._text(kind, text):
                yield self._inner(inner), what

    def _inner(self, path: walk.Path) -> str:
        """A place in a JSON body, ` at result[0].data.sn`; a delicate name in it is not shown."""
        shown = "".join(
            f"[{part}]" if isinstance(part, int) else f".{self._shown(part)}" for part in path
        )
        return f" at {shown.lstrip('.')[:100]}"

    def _shown(self, name: str) -> str:
        return "?" if any(True for _ in self._free(name)) or not name.isprintable() else name

    def _uri(self, uri: str) -> Iterator[str]:
        parts, is_rest = urlsplit(uri), rest.is_rest(uri)
        place = parts.netloc.casefold()
        if not (scrub.FORTIGATE.fullmatch(place) if is_rest else place == scrub.HOST):
            yield "the name or address of a host"
        if parts.query and not is_rest:
            yield "a query, which may carry a key"
        for name, value in rest.texts(uri) if is_rest else ():
            yield from self._text(vocabulary.kind_of(name) if name else None, value)
        yield from self._free(uri)

    def _text(self, kind: Kind | None, text: str) -> Iterator[str]:
        """What is wrong with a text at a place of this kind."""
        if kind in (Kind.HOST, Kind.ADMIN) and (self.names_kept or not learn.is_telling(text)):
            kind = None
        if kind in (Kind.COMMENT, Kind.FREE_TEXT):
            yield from _comment(text)
        elif kind is Kind.MANAGEMENT:
            yield from _undocumented(text, "a management address")
        elif kind is not None and text and not _is_clean(kind, text):
            yield _NAMES[kind]
            return
        yield from self._free(text)

    def _free(self, text: str) -> Iterator[str]:
        """What is wrong with a text wherever it stands."""
        plain = unquote(text)
        for one in dict.fromkeys((text, plain)):
            for source, pattern in self._secrets.items():
                if pattern.search(one):
                    yield f"the secret of {source}"
            yield from (match.name for match in patterns.matches(one))
        if self._names is not None and self._names.search(plain):
            yield "the name of a host or device that the configuration knows"
        if self._people is not None and learn.is_sentence(plain) and self._people.search(plain):
            yield "the name of an administrator that the configuration knows"
        if not self.names_kept and any(_names_device(one) for one in _devices(text)):
            yield "the name of a device in a url"
        if any(True for _ in patterns.random_parts(plain)):
            yield "something that looks like a key (many different characters)"
        if self._mapped:
            yield from _undocumented(text, "an address outside the documentation ranges")


_NAMES: Final[dict[Kind, str]] = {
    Kind.SECRET: "a password or key that is not scrubbed",
    Kind.SESSION: "a session",
    Kind.TOKEN: "a token",
    Kind.SERIAL: "a serial number",
    Kind.HOST: "the name of a host",
    Kind.ADMIN: "the name of an administrator",
    Kind.PLACE: "a geographic place",
    Kind.MAIL: "a mail address",
}


def _is_clean(kind: Kind, text: str) -> bool:
    if kind is Kind.HOST:
        text = vocabulary.device_part(text)[0]
    if kind is Kind.SECRET and text.removeprefix("Bearer ") == vocabulary.SCRUBBED:
        return True
    return vocabulary.is_stand_in(kind, text)


def _comment(text: str) -> Iterator[str]:
    own = vocabulary.OWN_COMMENT.match(text)
    rest = text[own.end() :].strip() if own else text.strip()
    if rest and not vocabulary.is_stand_in(Kind.COMMENT, rest):
        yield "a comment somebody wrote"


def _undocumented(text: str, what: str) -> Iterator[str]:
    for match in learn.found_in(text):
        found = addresses.parse(match)
        if found is not None and not addresses.is_documentation(found.host):
            yield what
            return


def _devices(text: str) -> Iterable[str]:
    return vocabulary.devices_in_url(text) if "/" in text else ()


def _is_telling(name: str) -> bool:
    """Whether a name tells anything: the computer's own address, for one, does not."""
    try:
        return not addresses.is_documentation(ipaddress.ip_address(name))
    except ValueError:
        return learn.is_telling(name)


def _names_device(name: str) -> bool:
    return learn.is_telling(name) and not vocabulary.is_stand_in(Kind.HOST, name)


def _unpack(content: bytes) -> str | None:
    """Bytes as text, after undoing a content encoding; None if they are no text."""
    for decode in (bytes, gzip.decompress, zlib.decompress):
        try:
            if len(content) <= _MAX_UNPACKED:
                return decode(content).decode("utf-8")
        except (OSError, EOFError, zlib.error, UnicodeDecodeError):
            continue
    return None


def _scalars(node: Any, path: walk.Path = ()) -> Iterator[tuple[walk.Path, yaml.ScalarNode]]:
    """Every scalar of the file, keys too, with its place; `files` has bounded depth and aliases."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            yield from _scalars(key, (*path, "(key)"))
            yield from _scalars(value, (*path, name))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _scalars(item, (*path, index))
    elif node is not None:
        yield path, node


def _place(path: walk.Path) -> str:
    """A place in words: `interaction 3, request body`."""
    match path:
        case ("interactions", int(index), *rest):
            words = [str(part) for part in rest if part != "string" and not isinstance(part, int)]
            return f"interaction {index + 1}, {' '.join(words)}"
    return " ".join(str(part) for part in path) or "the file"


def _between(text: str, spans: set[tuple[int, int]]) -> Iterator[tuple[int, str]]:
    """Comments: what of the file no value covers, with its line."""
    line, before = 1, 0
    for start, end in [*sorted(spans), (len(text), len(text))]:
        for piece in text[before:start].split("\n"):
            if "#" in piece:
                yield line, piece[piece.index("#") :]
            line += 1
        line += text.count("\n", start, end) - 1
        before = end

"""Takes out of a recording what must not leave the house, in memory, before it reaches a disk.

A first walk (`learn`) finds out which names, addresses and tokens there are; this one replaces them
wherever they stand, also in urls, in sentences and in JSON inside JSON. A value has one stand-in
through all sessions of a recording, so that the recording can still be played.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from fmgsync.recording import addresses, jsonrpc, learn, patterns, rest, secrets, vocabulary, walk
from fmgsync.recording.addresses import AddressMap
from fmgsync.recording.cassette import Exchange, Headers
from fmgsync.recording.learn import Known, Rules
from fmgsync.recording.pseudonyms import words_pattern
from fmgsync.recording.vocabulary import SCRUBBED, Kind

HOST: Final = "fortimanager.example.net"
FORTIGATE: Final = re.compile(r"fortigate-\d+\.example\.net")
"""What stands for each FortiGate; which is which matters, since each has urls of its own."""

_PATHS: Final = frozenset({"/jsonrpc", "/p/forticloud_jsonrpc_login/"})
_BY_NUMBER: Final = (Kind.SESSION, Kind.TOKEN, Kind.SERIAL, Kind.UUID, Kind.HARDWARE)


def scrub(tapes: Sequence[Sequence[Exchange]], rules: Rules) -> list[tuple[Exchange, ...]]:
    """The same exchanges without anything delicate; one tape per session."""
    scrubber = Scrubber(rules, learn.learn(tapes, rules))
    return [tuple(scrubber.exchange(one) for one in tape) for tape in tapes]


class Scrubber:
    """Replaces what is known, what its name gives away, and what is known by its looks."""

    def __init__(self, rules: Rules, known: Known) -> None:
        self._rules = rules
        self._names = known.names
        self._words = known.words
        self._secrets = secrets.pattern(rules.secrets)
        self._word_pattern = words_pattern(
            word for word in known.words if not addresses.TEXT.fullmatch(word)
        )
        self._people = known.people
        self._fortigates: dict[str, str] = {}
        self._people_pattern = words_pattern(known.people)
        self._map = AddressMap(known.networks) if rules.map_addresses else None

    def exchange(self, raw: Exchange) -> Exchange:
        """One exchange; of its headers only what playing it needs."""
        return replace(
            raw,
            uri=self._uri(raw.uri),
            request_body=self._body(raw.request_body),
            response_body=self._body(raw.response_body),
            request_headers=_headers(raw.request_headers),
            response_headers=_headers(raw.response_headers),
            reason=self.text(raw.reason),
            step=self.text(raw.step),
        )

    def _uri(self, uri: str) -> str:
        """Of a FortiManager the path says it all; of a FortiGate the url says what."""
        parts = urlsplit(uri)
        if rest.is_rest(uri):
            return rest.rewritten(uri, self._fortigate(parts.netloc), self._in_url)
        return f"https://{HOST}{parts.path if parts.path in _PATHS else '/other'}"

    def _in_url(self, name: str, value: str) -> str:
        return self.leaf(vocabulary.kind_of(name) if name else None, value)

    def _fortigate(self, place: str) -> str:
        if FORTIGATE.fullmatch(place):
            return place
        number = len(self._fortigates) + 1
        return self._fortigates.setdefault(place, f"fortigate-{number}.example.net")

    def _body(self, body: bytes) -> bytes:
        decoded = walk.decode(body)
        if decoded is not None:
            return jsonrpc.encode(walk.transform(decoded, self.leaf))
        try:
            return self.text(body.decode("utf-8")).encode()
        except UnicodeDecodeError:
            return f"({len(body)} bytes that are no text were left out)".encode()

    def leaf(self, kind: Kind | None, text: str) -> str:
        """What stands in for one text, by what its place says it is."""
        if not text:
            return text
        match kind:
            case Kind.SECRET | Kind.PLACE:
                return vocabulary.stand_in(kind, 0)
            case Kind.COMMENT | Kind.FREE_TEXT:
                return self._comment(text)
            case Kind.HOST if learn.is_telling(text) and not self._rules.keeps(kind):
                device, rest = vocabulary.device_part(text)
                return self._names.of(kind, device) + self.text(rest)
            case Kind.ADMIN | Kind.MAIL if learn.is_telling(text) and not self._rules.keeps(kind):
                return self._names.of(kind, text)
            case _ if kind in _BY_NUMBER:
                return self._names.of(kind, text)
        return self.text(text)

    def _comment(self, text: str) -> str:
        own = vocabulary.OWN_COMMENT.match(text)
        kept, rest = (self.text(own.group()), text[own.end() :]) if own else ("", text)
        if not rest.strip() or vocabulary.is_stand_in(Kind.COMMENT, rest.strip()):
            return kept + rest
        return kept + (" " if kept else "") + self._names.of(Kind.COMMENT, rest)

    def text(self, text: str) -> str:
        """A sentence, url or name without what is delicate in it."""
        if self._secrets is not None:
            text = self._secrets.sub(SCRUBBED, text)
        text = self._looks(text)
        if self._word_pattern is not None:
            text = self._word_pattern.sub(lambda match: self._words[match.group().casefold()], text)
        if self._people_pattern is not None and learn.is_sentence(text):
            text = self._people_pattern.sub(
                lambda match: self._people[match.group().casefold()], text
            )
        for pattern in (addresses.TEXT, addresses.NAME):
            text = pattern.sub(self._address, text)
        return self._randoms(text)

    def _looks(self, text: str) -> str:
        for pattern in patterns.PATTERNS:
            found = list(patterns.matches(text, (pattern,)))
            for match in reversed(found):
                inner = text[match.start : match.end]
                text = text[: match.start] + self._of(match.kind, inner) + text[match.end :]
        return text

    def _of(self, kind: Kind, text: str) -> str:
        return SCRUBBED if kind is Kind.SECRET else self._names.of(kind, text)

    def _address(self, match: re.Match[str]) -> str:
        if self._map is not None:
            return self._map.replace(match)
        found = addresses.parse(match)
        stand_in = self._words.get(str(found.host)) if found else None
        if stand_in is None:
            return match.group()
        if match.re is addresses.NAME:
            stand_in = stand_in.replace(":", "-")
        start, end = (position - match.start() for position in match.span("address"))
        return match.group()[:start] + stand_in + match.group()[end:]

    def _randoms(self, text: str) -> str:
        """Keys of no known look; they too get the same stand-in each time."""
        for start, end in reversed(list(patterns.random_parts(text))):
            text = text[:start] + self._names.of(Kind.TOKEN, text[start:end]) + text[end:]
        return text


def _headers(headers: Headers) -> Headers:
    kept = []
    for name, value in headers:
        if name.lower() == "content-type":
            kept.append((name, value))
        elif name.lower() == "authorization":
            kept.append((name, f"Bearer {SCRUBBED}"))
        elif name.lower() == rest.TRANSACTION and value.isdecimal():
            kept.append((name, value))
    return tuple(kept)

"""First walk over a recording: which names, addresses and tokens there are."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fmgsync.recording import addresses, rest, vocabulary, walk
from fmgsync.recording.cassette import Exchange
from fmgsync.recording.pseudonyms import Pseudonyms
from fmgsync.recording.vocabulary import Kind


@dataclass(frozen=True, slots=True)
class Rules:
    """What the user knows and wants.

    `secrets` are those the configuration refers to, `hosts` the names it gives to units and
    devices, `words` further text to take out. `keep_names` leaves the names of hosts, devices and
    administrators, `map_addresses` moves every address into documentation ranges.
    """

    secrets: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    keep_names: bool = False
    map_addresses: bool = False

    def keeps(self, kind: Kind | None) -> bool:
        """Whether values of a kind stay as they are."""
        return self.keep_names and kind in (Kind.HOST, Kind.ADMIN)


@dataclass(frozen=True, slots=True)
class Known:
    """What was learned.

    `words` maps a folded text to what stands in for it wherever it stands, `people` to what stands
    in for it in sentences: an administrator's name may be that of an ADOM as well.
    """

    names: Pseudonyms
    words: dict[str, str]
    people: dict[str, str]
    networks: frozenset[addresses.Network]


_WORDS: Final = (Kind.HOST, Kind.SESSION, Kind.TOKEN, Kind.SERIAL)


def learn(tapes: Sequence[Sequence[Exchange]], rules: Rules) -> Known:
    """Read every exchange of every session, in order."""
    learner = _Learner(rules)
    for host in rules.hosts:
        learner.note_host(host)
    for tape in tapes:
        for exchange in tape:
            learner.note_url(exchange.uri)
            learner.note_body(exchange.request_body)
            learner.note_body(exchange.response_body)
    return learner.known()


class _Learner:
    """Values in the order in which they appeared, which is the order of their numbers."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._seen: dict[tuple[Kind, str], None] = {}
        self._networks: set[addresses.Network] = set()

    def note_host(self, text: str) -> None:
        """A configured host, `host[:port]`, or a device's name."""
        name = urlsplit(f"//{text}").hostname or text
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            self._note(Kind.HOST, name)
        else:
            self._note(Kind.MANAGEMENT, str(address))

    def note_url(self, uri: str) -> None:
        """The keys and values in a FortiGate's url; a FortiManager's says nothing."""
        if rest.is_rest(uri):
            for name, value in rest.texts(uri):
                self._note(vocabulary.kind_of(name), value)

    def note_body(self, body: bytes) -> None:
        """Everything in one body."""
        decoded = walk.decode(body)
        if decoded is None:
            self._note(None, body.decode("utf-8", "replace"))
        for _, kind, text in walk.texts(decoded):
            self._note(kind, text)

    def _note(self, kind: Kind | None, text: str) -> None:
        if kind is Kind.HOST:
            self._seen[kind, vocabulary.device_part(text)[0]] = None
        elif kind not in (None, Kind.MANAGEMENT):
            self._seen[kind, text] = None
        else:
            for device in vocabulary.devices_in_url(text):
                self._seen[Kind.HOST, device.rstrip("\\")] = None
            self._note_addresses(text, management=kind is Kind.MANAGEMENT)

    def _note_addresses(self, text: str, *, management: bool) -> None:
        if not management and not self._rules.map_addresses:
            return
        for match in found_in(text):
            found = addresses.parse(match)
            if found is not None:
                self._networks |= set(addresses.networks_of(found))
                if management:
                    self._seen[Kind.MANAGEMENT, str(found.host)] = None

    def known(self) -> Known:
        """Numbers given out: first what already is a stand-in keeps its own."""
        names = Pseudonyms()
        for kind, value in self._seen:
            names.reserve(kind, value)
        words = {
            word.casefold(): names.of(Kind.HOST, word) for word in self._rules.words if word.strip()
        }
        people: dict[str, str] = {}
        for kind, value in self._seen:
            if kind is Kind.MANAGEMENT:
                words[value] = names.of(kind, value)
            elif self._rules.keeps(kind) or not is_telling(value):
                continue
            elif kind is Kind.ADMIN:
                people[value.casefold()] = names.of(kind, value)
            elif kind in _WORDS:
                words.setdefault(value.casefold(), names.of(kind, value))
        return Known(names, words, people, frozenset(self._networks))


def found_in(text: str) -> Iterator[re.Match[str]]:
    """Everything in a text that may be an address."""
    yield from addresses.TEXT.finditer(text)
    yield from addresses.NAME.finditer(text)


def is_sentence(text: str) -> bool:
    """Whether a text is written for people: several words, and no url."""
    return " " in text.strip() and not text.startswith("/")


def is_telling(value: str) -> bool:
    """Whether a value is worth replacing: not empty, and no word everybody uses."""
    return len(value) > 1 and value.casefold() not in vocabulary.RESERVED

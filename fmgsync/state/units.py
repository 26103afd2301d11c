"""Which FortiManager or FortiGate what is remembered was made with.

State goes by the names in the configuration. Under the same name there may be another unit by now:
production where the lab was. Its state begins anew, and the lab's stays the lab's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from fmgsync.model.target import TargetRef
from fmgsync.state.documents import Documents, Parsed, encoded, sound

_NAME = "units"


class _Unit(msgspec.Struct, forbid_unknown_fields=True):
    """A unit under a name of the configuration, and the name that its state goes by."""

    name: str
    host: str
    serial: str
    state: str


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[1] = 1
    units: list[_Unit] = []


class Units:
    """Knows the units of one configuration. `hosts` are theirs by name.

    What was remembered before units were told apart belongs to the first that is asked.
    """

    def __init__(self, documents: Documents, hosts: Mapping[str, str]) -> None:
        self._documents = documents
        self._hosts = hosts
        self._states: dict[str, str] = {}
        self._parsed = Parsed(self._decode)

    def of(self, ref: TargetRef) -> TargetRef:
        """The name under which an ADOM's state is kept."""
        name = ref.unit
        if name not in self._states:
            units = self._parsed.of(self._documents.read(_NAME)).units
            self._states[name] = self._state(units, name)
        return TargetRef(self._states[name], ref.domain)

    def serial(self, name: str) -> str:
        """Who answered last under this name; empty if that is not known."""
        units = self._parsed.of(self._documents.read(_NAME)).units
        known = _latest(units, name, self._hosts.get(name, ""))
        return known.serial if known is not None else ""

    def follow(self, name: str, serial: str) -> None:
        """Another unit of the same cluster answers: what is remembered goes on counting."""
        host = self._hosts.get(name, "")
        known = _latest(self._parsed.of(self._documents.read(_NAME)).units, name, host)
        if known is not None:
            self._note(_Unit(name, host, serial, known.state))

    def bind(
        self, name: str, serial: str, *, remember: bool, kind: str = "FortiManager"
    ) -> str | None:
        """A unit has answered under this name, with this serial number (empty where the host is
        all there is to go by). What to say of it, if it is not the one that was known.
        """
        host = self._hosts.get(name, "")
        units = self._parsed.of(self._documents.read(_NAME)).units
        known = _latest(units, name, host)
        if known is not None and serial in ("", known.serial):
            return None
        if known is None:
            state, another = self._state(units, name), any(unit.name == name for unit in units)
        else:
            another = bool(known.serial)
            state = f"{name}@{host}/{serial}" if another else known.state
        self._states[name] = state
        if remember:
            self._note(_Unit(name, host, serial, state))
        if not another:
            return None
        told = f"{host}, serial number {serial}" if serial else host
        new = f"{kind} {name} is another unit than before ({told})"
        return f"{new}: what was remembered of the other one does not count"

    def _note(self, unit: _Unit) -> None:
        def changed(text: str | None) -> str:
            others = (
                one
                for one in self._parsed.of(text).units
                if (one.name, one.host) != (unit.name, unit.host)
            )
            return encoded(_Document(units=[*others, unit]))

        self._documents.update(_NAME, changed)

    def _state(self, units: list[_Unit], name: str) -> str:
        host = self._hosts.get(name, "")
        known = _latest(units, name, host)
        if known is not None:
            return known.state
        return f"{name}@{host}" if any(unit.name == name for unit in units) else name

    def _decode(self, text: str | None) -> _Document:
        losing = "move it away: what is remembered then counts for the units as they are"
        with sound(self._documents.where(_NAME), losing):
            return _Document() if text is None else msgspec.json.decode(text, type=_Document)


def _latest(units: list[_Unit], name: str, host: str) -> _Unit | None:
    return next((u for u in reversed(units) if (u.name, u.host) == (name, host)), None)

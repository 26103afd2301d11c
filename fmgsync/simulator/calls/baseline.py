"""First installs of one package on many devices: rendered once, shared, adjusted where mapped."""

from __future__ import annotations

from fmgsync.simulator.calls.copying import Copy, policies_for
from fmgsync.simulator.schema.predefined import KEEPS
from fmgsync.simulator.state.adom import Adom, Installed
from fmgsync.simulator.state.devices import Entry, Vdom
from fmgsync.simulator.state.layered import Layered
from fmgsync.simulator.state.references import table_of
from fmgsync.simulator.state.store import Key, Row, Scope, Target

_Shared = tuple[dict[str, dict[Key, Entry]], dict[Target, int]]
"""Tables and use counts."""


def keep_predefined(adom: Adom, vdom: Vdom) -> None:
    """What FortiOS itself has from the start."""
    for table, name in KEEPS:
        row = adom.ground.rows(table).get(name)
        if row is not None:
            vdom.table(table)[name] = row


class Baselines:
    """Installs packages on new devices, as a seed wants them: in sync, nothing pending."""

    def __init__(self, adom: Adom, *, member_limit: int) -> None:
        self._adom = adom
        self._member_limit = member_limit
        self._rendered: dict[tuple[int, tuple[Key, ...]], _Shared] = {}
        self._mapped: dict[Scope, list[Target]] = {}
        for table in adom.ground.tables():
            if table_of(table) is not None:
                self._index(table)

    def _index(self, table: str) -> None:
        for row in self._adom.ground.rows(table):
            for scope in row.maps:
                self._mapped.setdefault(scope, []).append((table, row.key))

    def install(self, package: Row, vdom: Vdom, scope: Scope) -> None:
        """Put the package on a device that has none; raises CopyFailed."""
        shared = self._shared(package, scope)
        vdom.tables = {name: Layered(table) for name, table in shared[0].items()}
        vdom.uses = Layered(shared[1])
        copy = Copy(self._adom, vdom, scope, member_limit=self._member_limit)
        copy.adjust(self._mapped.get(scope, []))
        vdom.package, vdom.copied_to = package.oid, len(self._adom.journal)
        vdom.ahead.clear()
        self._adom.installed[scope] = Installed(package.oid)

    def _shared(self, package: Row, scope: Scope) -> _Shared:
        """The package without any mapping; policies may depend on where it goes."""
        policies = tuple(row.key for row in policies_for(self._adom, package, scope))
        found = self._rendered.get((package.oid, policies))
        if found is None:
            vdom = Vdom("", 0)
            keep_predefined(self._adom, vdom)
            limit = self._member_limit
            Copy(self._adom, vdom, scope, member_limit=limit, mapped=False).package(package)
            tables = {name: dict(table.items()) for name, table in vdom.tables.items()}
            found = self._rendered[(package.oid, policies)] = (tables, dict(vdom.uses.items()))
        return found

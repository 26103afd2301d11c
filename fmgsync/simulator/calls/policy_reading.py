"""Policies as they are read: in their order, one of them, or its install targets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fmgsync.simulator.calls import hitcounts
from fmgsync.simulator.calls.expanding import SubFetch
from fmgsync.simulator.calls.objects import read_place, show_fully
from fmgsync.simulator.calls.place import Place, in_block, in_package
from fmgsync.simulator.calls.reading import cut, heed_table, select, value_of
from fmgsync.simulator.calls.status import is_package_status, read_package
from fmgsync.simulator.codes import bad_command, bad_url
from fmgsync.simulator.schema.catalog_packages import FOOTER, HEADER, POLICY
from fmgsync.simulator.state.store import Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members

Rest = tuple[str, ...]


INSTALL_ON = "install-on"


TARGETS = "scope member"


BLOCK = "_policy_block"


_RESTRICTED = 16
"""The flag of a policy with an "install on" of its own."""


def within(world: World, call: Call, adom: str, rest: Rest) -> Place:
    """The table a url means; which tables there are depends on whose package it is.

    The global database has the header and the footer alone. In an ADOM they are what was assigned
    to it, to be read.
    """
    inside = in_block if call.path[4:5] == ("pblock",) else in_package
    place = inside(world, call, adom, rest)
    assigned = place.table in (HEADER, FOOTER)
    if assigned != (adom == "global") and (adom == "global" or place.in_block):
        raise bad_url()
    if place.in_block and place.table is not POLICY:
        raise bad_url()
    if assigned and adom != "global" and call.method != "get":
        raise bad_command()
    return place


def read(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Policies in their order, one policy, its install targets, or the package's status."""
    if is_package_status(rest):
        return read_package(world, call, adom, rest)
    if rest[-4:-2] == ("_query", "interface_pair_view"):
        return _pair_view(world, call, adom, rest)
    place = within(world, call, adom, rest)
    if len(place.rest) == 2 and place.rest[1] == TARGETS:
        shown = _show_targets(place.row(world, call))
        return {"data": shown} if shown else {}
    if len(place.rest) == 1:
        row = place.row(world, call)
        heed_table(place.view(world, call), call)
        return {"data": _show(world, call, place, row)}
    options = call.options()
    asked = any(word in options for word in ("count", "chksum", "syntax", "datasrc", "devinfo"))
    if place.rest or asked or "object template" in call.param:
        return read_place(world, call, place)
    heed_table(place.view(world, call), call)
    shown_rows = [_show(world, call, place, row) for row in _ordered(world, call, place)]
    return {"data": shown_rows} if shown_rows else {}


def _pair_view(world: World, call: Call, adom: str, rest: Rest) -> Members:
    """Whether policies can be shown by interface pair: none has several, or any."""
    place = within(world, call, adom, (*rest[:-4], *rest[-2:]))
    heed_table(place.view(world, call), call)
    rows = place.view(world, call).database.rows(place.store)
    sides = [value_of(place.table, r, side) for r in rows for side in ("srcintf", "dstintf")]
    plain = all(len(side) == 1 and side != ("any",) for side in sides)
    return {"interface_pair_view": int(plain)}


def _ordered(world: World, call: Call, place: Place) -> list[Row]:
    """Rows as asked for; in package order unless sorted otherwise."""
    if call.param.get("sortings") is not None:
        return select(place.view(world, call), call)
    order = {key: at for at, key in enumerate(order_of(place))}
    rows = select(place.view(world, call), replace(call, param=call.param.but(range=None)))
    rows.sort(key=lambda row: order.get(int(row.key), len(order)))
    return cut(rows, call.param.get("range"))


def order_of(place: Place) -> tuple[int, ...]:
    """The numbers of the policies, as they follow each other."""
    order: tuple[int, ...] = ()
    if place.package is not None:
        order = place.package.attrs.get(order_name(place), ())
    return order


def order_name(place: Place) -> str:
    """Which attribute of the package keeps the order of this table."""
    return "order" if place.table is POLICY else f"order of {place.table.name}"


def _show(world: World, call: Call, place: Place, row: Row) -> dict[str, Any]:
    view = place.view(world, call)
    shown = show_fully(view, row, call, SubFetch(view, call))
    shown = {name: value for name, value in shown.items() if value is not None}
    order = order_of(place)
    hitcounts.overlay(place.adom, place.package, row.key, shown)
    block = row.attrs.get(BLOCK)
    if block:
        shown[BLOCK] = block[0]
    shown["obj seq"] = order.index(int(row.key)) + 1 if row.key in order else 0
    if TARGETS in call.options() and INSTALL_ON in row.attrs:
        shown[TARGETS] = _show_targets(row)
        shown["obj flags"] = shown.get("obj flags", 0) | _RESTRICTED
    return shown


def _show_targets(row: Row) -> list[dict[str, Any]]:
    return [
        {"name": name} if vdom is None else {"name": name, "vdom": vdom}
        for name, vdom in row.attrs.get(INSTALL_ON, ())
    ]

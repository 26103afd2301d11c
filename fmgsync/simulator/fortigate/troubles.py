"""What goes wrong at a unit: pages of its web server, and trouble on order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from fmgsync.simulator.fortigate import fortios
from fmgsync.simulator.fortigate.ask import Answer, Ask
from fmgsync.simulator.fortigate.envelope import Failed, frame
from fmgsync.simulator.state.devices import Device
from fmgsync.simulator.state.unitapi import ApiUser
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire import trouble
from fmgsync.simulator.wire.delivery import Reply
from fmgsync.simulator.wire.faults import Fault

_PAGE: Final = (
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<HTML><HEAD>\n'
    "<TITLE>{status} {title}</TITLE>\n</HEAD><BODY>\n<H1>{title}</H1>\n{text}\n</BODY></HTML>\n"
)


_STATUSES: Final = frozenset((400, 403, 404, 405, 413, 424))


class Plugs(Protocol):
    """Takes units off the network and puts them back."""

    def unplug(self, name: str, seconds: float | None = None) -> None:
        """Off, for ever or for so many real seconds."""

    def plug(self, name: str) -> None:
        """On again."""


def unauthorized() -> Reply:
    """A wrong key, none, or one from an address that is not trusted: the same page for all."""
    text = (
        "This server could not verify that you\nare authorized to access the document\nrequested."
    )
    return _page(401, "Authorization Required", text)


def not_found() -> Reply:
    """No such page."""
    return _page(404, "Not Found", "The requested URL was not found on this server.")


def too_many(wait_s: int) -> Reply:
    """Too many requests, or too many wrong keys."""
    page = _page(429, "Too Many Requests", "Access is temporarily blocked.")
    return replace(page, headers=(("Retry-After", str(wait_s)),))


def _page(status: int, title: str, text: str) -> Reply:
    page = _PAGE.format(status=status, title=title, text=text)
    return Reply(page.encode(), status, "text/html")


def before(
    world: World,
    device: Device,
    user: ApiUser | None,
    struck: Sequence[Fault],
    plugs: Plugs,
    now: float,
) -> Reply | None:
    """Carry out what happens first; a reply if the request never gets through."""
    for fault in struck:
        if fault.kind == "expire-session" and user is not None:
            user.expires_at = now
        elif fault.kind == "unit-failover":
            fail_over(device, now)
        elif fault.kind == "reorder":
            device.api.shuffled += 1
        elif fault.kind.startswith("device-"):
            trouble.strike_device(world, fault)
    restarts = [fault for fault in struck if fault.kind == "unit-restart"]
    if restarts:
        restart(device, now)
        plugs.unplug(device.name, restarts[0].seconds)
        return Reply(reset=True)
    for fault in struck:
        if fault.kind == "unplug":
            plugs.unplug(device.name, fault.seconds)
            return Reply(reset=True)
        if fault.kind == "reset-before":
            return Reply(reset=True, stall_s=fault.seconds)
        if fault.kind == "http-error" and not fault.after_effect:
            return trouble.page_of(fault)
    return None


def carried_out(world: World, device: Device, ask: Ask, struck: Sequence[Fault]) -> Answer:
    """The answer; a `status` fault refuses instead of carrying out, a `lost-commit` only says so.
    With `status-in-200` the refusal is in the body alone. One of the API's own statuses refuses
    with that, all others are numbers of the CLI engine.

    A unit that stands by (`other-serial`) takes no writes.
    """
    for fault in struck:
        failed = None
        if fault.kind == "status" and fault.status in _STATUSES:
            failed = Failed(fault.status)
        elif fault.kind in ("status", "status-in-200"):
            http = 500 if fault.kind == "status" else 200
            failed = Failed(http, -abs(fault.status), fault.message or "refused on order")
        elif fault.kind == "other-serial" and ask.method != "GET":
            failed = Failed(403)
        if failed is not None:
            said = frame(device, ask.method, device.management_vdom)
            return Answer(failed.http, said | failed.body())
    commits = "action=transaction-commit" in ask.url
    if commits and any(fault.kind == "lost-commit" for fault in struck):
        ask = replace(ask, url=ask.url.replace("transaction-commit", "transaction-abort"))
        answer = fortios.request(world, device, ask)
        if isinstance(answer.body, dict):
            answer.body["action"] = "transaction-commit"
        return answer
    return fortios.request(world, device, ask)


def spoiled(device: Device, body: Any, struck: Sequence[Fault]) -> Any:
    """The body, from another unit's mouth, or with half of its rows, if a fault wants it."""
    kinds = {fault.kind for fault in struck}
    if "short-result" in kinds and isinstance(body, dict) and isinstance(body.get("results"), list):
        body = {**body, "results": body["results"][: len(body["results"]) // 2]}
    if "other-serial" not in kinds:
        return body
    other = device.api.standby[0] if device.api.standby else f"{device.serial[:-3]}999"
    bodies = body if isinstance(body, list) else [body]
    told = [{**one, "serial": other} for one in bodies]
    return told if isinstance(body, list) else told[0]


def after(world: World, reply: Reply, struck: Sequence[Fault]) -> Reply:
    """What the client gets although the request took effect."""
    spoilt = trouble.spoil(world, reply.body, struck)
    if spoilt.status == 200:
        spoilt = replace(spoilt, status=reply.status, kind=reply.kind)
    return replace(spoilt, headers=reply.headers + spoilt.headers)


def fail_over(device: Device, now: float) -> None:
    """Another unit of the cluster answers from now on: the same configuration, another serial."""
    api = device.api
    if not api.standby:
        api.standby.append(f"{device.serial[:-3]}999")
    api.standby.append(device.serial)
    device.serial = api.standby.pop(0)
    api.open.clear()
    api.history.append((now, f"member {device.serial} became the primary"))


def restart(device: Device, now: float) -> None:
    """The unit boots: what was not saved is gone, and so is every open transaction."""
    api = device.api
    unsaved, api.unsaved = api.unsaved, {}
    for (vdom, target), entry in unsaved.items():
        device.vdoms[vdom].set_running(target, entry)
    api.open.clear()
    api.failures.clear()
    api.clearpass.clear()
    api.booted = now

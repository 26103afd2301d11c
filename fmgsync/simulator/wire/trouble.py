"""What a struck request meets: before it has an effect, while it is answered, on its way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from fmgsync.simulator.codes import MESSAGES, Refusal
from fmgsync.simulator.state.sessions import Session
from fmgsync.simulator.state.store import Row
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.delivery import Reply, page
from fmgsync.simulator.wire.faults import Fault, matches

_TITLES: Final = {
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    429: "Too Many Requests",
    504: "Gateway Timeout",
}
_GARBAGE: Final = b"\x1f\x8bnot what was asked for"


def before(world: World, struck: Sequence[Fault], session: Session | None) -> Reply | None:
    """Carry out what happens first; a reply if the request never gets through."""
    for fault in struck:
        if fault.kind == "expire-session" and session is not None:
            world.sessions.end(session)
        elif fault.kind == "failover":
            world.fail_over()
        elif fault.kind.startswith("device-"):
            strike_device(world, fault)
    for fault in struck:
        if fault.kind == "unplug":
            world.unplug(fault.seconds)
            return Reply(reset=True)
        if fault.kind == "reset-before":
            return Reply(reset=True, stall_s=fault.seconds)
        if fault.kind == "http-error" and not fault.after_effect:
            return page_of(fault)
    return None


def page_of(fault: Fault) -> Reply:
    """The page a fault asks for, after its seconds."""
    made = page(fault.status, _TITLES.get(fault.status, "Error"))
    wait = fault.retry_after
    headers = () if wait is None else (("Retry-After", str(wait)),)
    return replace(made, stall_s=fault.seconds, headers=headers)


def strike_device(world: World, fault: Fault) -> None:
    """What a `device-` fault does to its FortiGate."""
    device = world.devices.get(fault.device or "")
    if device is None:
        return
    if fault.kind == "device-offline":
        device.online = False
    elif fault.kind == "device-online":
        device.online, device.frozen, device.silent = True, False, False
    elif fault.kind == "device-freeze":
        device.frozen = True
    elif fault.kind == "device-silent":
        device.silent = True
    elif fault.kind == "device-drift" and fault.group is not None:
        target = ("firewall addrgrp", fault.group)
        row = Row(fault.group, world.next_oid(), {"member": ("none",)})
        next(iter(device.vdoms.values())).set_running(target, row)


def status(struck: Sequence[Fault], url: str) -> Refusal | None:
    """The refusal a `status` fault gives this param instead of carrying it out."""
    for fault in struck:
        if fault.kind == "status" and (fault.url is None or matches(url, fault.url)):
            code = -abs(fault.status)
            return Refusal(code, fault.message or MESSAGES.get(code, "runtime error"))
    return None


def shorten(answer: dict[str, Any], struck: Sequence[Fault]) -> dict[str, Any]:
    """The answer, without its last result elements if a fault takes them."""
    if any(fault.kind == "short-result" for fault in struck):
        result = answer["result"]
        return {**answer, "result": result[: len(result) // 2]}
    return answer


def spoil(world: World, body: bytes, struck: Sequence[Fault]) -> Reply:
    """What the client gets although the request took effect."""
    reply, before = Reply(body), world.last_answer
    world.last_answer = body
    for fault in struck:
        if fault.kind == "stall":
            reply = replace(reply, stall_s=reply.stall_s + fault.seconds)
        elif fault.kind == "reset-after":
            reply = replace(reply, reset=True)
        elif fault.kind == "truncate":
            reply = replace(reply, cut=len(body) // 2)
        elif fault.kind == "garbage":
            reply = replace(reply, body=_GARBAGE)
        elif fault.kind == "misdirected":
            reply = replace(reply, body=before)
        elif fault.kind == "http-error":
            made = page_of(fault)
            reply = replace(made, stall_s=reply.stall_s + made.stall_s)
    return reply

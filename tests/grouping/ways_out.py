"""One pod, what is there around it, and what is answered of how it leaves, in a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fmgsync.grouping.ip_pools import IPPools
from fmgsync.grouping.surroundings import Question, Seen, Surroundings
from fmgsync.model.address import Address, Family
from fmgsync.model.endpoint import IPPool, NodeEndpoint, PodEndpoint
from fmgsync.model.labels import Labels
from fmgsync.model.platform import Egress, Gateway, GatewayPolicy, Setting, Subnet

V4, V6 = Family.IPV4, Family.IPV6
Row = tuple[
    Callable[[Question, Surroundings], Seen | None],
    PodEndpoint,
    Family,
    tuple[str, ...],
    tuple[Any, ...],
    str | None,
]
"""Who is asked, of which pod and family, towards what, what is there, and what is answered."""


def pod(*ips: str, **parts: Any) -> PodEndpoint:
    return PodEndpoint("a", "p", Labels({}), tuple(map(Address, ips)), "n1", **parts)


def node(*marks: str, **parts: Any) -> NodeEndpoint:
    """The pod's own, with an address of each family."""
    ips = (Address("192.168.0.1"), Address("2001:db8:1::1"))
    parts = {"addresses": ips, "labels": Labels({}), **parts}
    return NodeEndpoint("n1", marks=frozenset(marks), **parts)


def pool(name: str, cidr: str, **parts: Any) -> IPPool:
    return IPPool(name, Labels({}), Address(cidr), **parts)


def setting(kind: str, name: str, doubt: str = "", **pairs: str) -> Setting:
    return Setting(kind, "", name, tuple(pairs.items()), doubt)


def config_map(name: str, doubt: str = "", /, **pairs: str) -> Setting:
    named = {key.replace("_", "-"): value for key, value in pairs.items()}
    return setting("ConfigMap", name, doubt, **named)


def subnet(name: str, *ranges: str, **parts: Any) -> Subnet:
    return Subnet("Subnet", "", name, ranges=tuple(map(Address, ranges)), **parts)


def leaves(
    ask: Callable[[Question, Surroundings], Seen | None],
    asked: PodEndpoint,
    family: Family,
    towards: tuple[str, ...],
    there: tuple[Any, ...],
) -> str | None:
    """What is answered where these objects are there, as text."""
    nodes = {each.name: each for each in there if isinstance(each, NodeEndpoint)}
    spaces = [each for each in there if isinstance(each, Labels)]
    pools = IPPools(each for each in there if isinstance(each, IPPool))
    around = Surroundings(nodes.get, lambda _: spaces[0] if spaces else Labels({}), pools)
    for each in there:
        if isinstance(each, (Setting, Subnet, Egress, Gateway, GatewayPolicy)):
            around.put(each)
    gates = [each for each in there if isinstance(each, PodEndpoint)]
    around.gateway_pods.update({each.key: each for each in gates})
    return _said(ask(Question(asked, family, tuple(map(Address, towards))), around))


def _said(seen: Seen | None) -> str | None:
    """By whom, addresses and why, and on what it rests; `?` stands before what nobody can tell."""
    if seen is None:
        return None
    words = ["derived"] if seen.derived else []
    words += ["its author's"] if seen.by_author else []
    words += ["by gateways"] if seen.by_gateways else []
    words += ["and others"] if seen.rest else []
    words += sorted(seen.leans)
    rests = f" ({', '.join(words)})" if words else ""
    told = f"? {seen.unknown}" if seen.unknown else f"{' '.join(seen.addresses)}: {seen.because}"
    return f"{seen.by}: {told}{rests}"

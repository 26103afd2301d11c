"""One object of any kind: what it contributes, under which name, and what is not known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from fmgsync.model.address import Address
from fmgsync.model.destination import Destination
from fmgsync.model.endpoint import IPPool, Kind, NetworkSet, NodeEndpoint, PodEndpoint
from fmgsync.model.labels import Labels
from fmgsync.model.platform import (
    EVERY_POD,
    Egress,
    Gateway,
    GatewayPolicy,
    PlatformObject,
    Setting,
    Subnet,
)
from fmgsync.model.policy import Policy
from fmgsync.sources import kinds
from fmgsync.sources.convert import reading
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import (
    NO_FLAWS,
    Flaws,
    Malformed,
    quoted,
)
from fmgsync.sources.convert.reading import Raw

Found = (
    PodEndpoint
    | NodeEndpoint
    | Labels
    | NetworkSet
    | Policy
    | IPPool
    | PlatformObject
    | Destination
)


class Outcome(NamedTuple):
    """What an object contributes: an endpoint, a set, a policy, labels, or None if it does not run.

    `told` says, for people, what of it could not be read; only rules that it matters to are held.
    """

    found: Found | None
    told: str = ""


def outcome(kind: Kind, raw: Raw, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Outcome:
    """What the object contributes. Raises `Malformed` if it cannot be named."""
    found: Found | None = kinds.row(kind).convert(raw, pool, flaws)
    if found is None:
        return Outcome(None)
    doubt = "" if isinstance(found, Labels) else found.doubt.removeprefix(flaws.doubt)
    return Outcome(found, "; ".join(filter(None, (flaws.told, doubt.lstrip("; ")))))


def of_mapping(
    kind: Kind, content: Mapping[str, Any], pool: LabelPool, *, last: bool = False
) -> tuple[str, Outcome]:
    """Key and outcome of an object as it was parsed. Raises `Malformed` if it cannot be named."""
    raw, flaws = reading.read(kind, content, last=last)
    return key(kind, raw), outcome(kind, raw, pool, flaws)


def of_json(kind: Kind, text: bytes | str, pool: LabelPool) -> tuple[str, Outcome]:
    """Key and outcome of an object's JSON text. Raises `Malformed` if it cannot be named."""
    try:
        raw = _decoder(kind).decode(text)
    except (msgspec.DecodeError, RecursionError):
        return of_mapping(kind, _mapping(text), pool)
    return key(kind, raw), outcome(kind, raw, pool)


def _mapping(text: bytes | str) -> dict[str, Any]:
    """Of JSON whose fields do not have the types they should."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(f"it is no object: {error}") from error


@lru_cache(maxsize=1 << 10)
def _decoder(kind: Kind) -> msgspec.json.Decoder[Raw]:
    return msgspec.json.Decoder(kinds.row(kind).item_type)


def merged(one: Outcome, other: Outcome, pool: LabelPool, told: str) -> Outcome:
    """An object that is told of twice, differently: what both say of its labels, and no address."""
    either = [each for each in (one.found, other.found) if each is not None]
    first, last = either[0], either[-1]
    told = "; ".join(filter(None, (one.told, told)))
    if isinstance(first, Labels):
        return Outcome(_common(first, last, pool), told)
    if isinstance(first, Egress):  # whom it selects nobody knows
        return Outcome(replace(first, selects=EVERY_POD, doubt=told), told)
    if isinstance(first, Gateway | GatewayPolicy | Subnet | Setting):
        return Outcome(replace(first, doubt=told), told)
    if isinstance(first, IPPool) and isinstance(last, IPPool) and first.cidr != last.cidr:
        first = replace(first, cidr=Address(""))  # it may hold any address
    assert isinstance(last, PodEndpoint | NodeEndpoint | NetworkSet | Policy | IPPool)  # noqa: S101
    common = _common(first.labels, last.labels, pool)
    if isinstance(first, Policy | IPPool):
        return Outcome(replace(first, labels=common, doubt=told), told)
    if isinstance(first, Destination):
        return Outcome(replace(first, labels=common, addresses=(), doubt=told), told)
    found = replace(first, labels=common, addresses=(), doubt=told)
    if isinstance(found, PodEndpoint) and isinstance(last, PodEndpoint):
        node = found.node if found.node == last.node else ""
        found = replace(found, claimed=(), networks=(), node=node)
    return Outcome(found, told)


def _common(one: Labels, other: Any, pool: LabelPool) -> Labels:
    pairs = {key: text for key, text in one.items() if other.get(key) == text}
    differing = (one.keys() | other.keys()) - pairs.keys()
    return pool.labels(pairs, one.unknown | other.unknown | frozenset(differing))


def key(kind: Kind, raw: Raw) -> str:
    """`NAMESPACE/NAME` where a name is unique in its namespace only, the name of the others."""
    namespaced = kinds.row(kind).namespaced
    return key_of(raw.metadata.namespace if namespaced else "", raw.metadata.name)


def key_of(space: str, name: str) -> str:
    """The same from its parts."""
    return f"{space}/{name}" if space else name


def place(kind: Kind, key: str) -> str:
    """`pods default/web-7`, for problems; escaped if somebody chose a hostile name."""
    shown = key if key.isprintable() and len(key) <= 320 else quoted(key)
    return f"{kind} {shown}"

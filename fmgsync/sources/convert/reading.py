"""An object as it was parsed becomes what a decoder would have made of it, and what is wrong with
it: which kind has which parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec

from fmgsync.model.endpoint import PLATFORM_KINDS, Kind
from fmgsync.sources.convert import jsonpath
from fmgsync.sources.convert.fields import Fields
from fmgsync.sources.convert.objects import (
    Account,
    CustomMetadata,
    Described,
    EndpointSlice,
    Flaws,
    Gateway,
    GlobalNetworkPolicy,
    GlobalNetworkSet,
    Ingress,
    IPPool,
    Malformed,
    Namespace,
    NetworkSet,
    Node,
    PlatformRaw,
    Pod,
    Service,
)
from fmgsync.sources.convert.parsed import ClosedMap, is_behind, is_null, last_key, settled

Raw: TypeAlias = (
    Pod
    | Node
    | Namespace
    | Account
    | GlobalNetworkPolicy
    | GlobalNetworkSet
    | NetworkSet
    | IPPool
    | PlatformRaw
    | Service
    | EndpointSlice
    | Gateway
    | Ingress
    | Described
)

_POLICIES: Final = (Kind.POLICIES, Kind.STAGED_POLICIES)
_SETS: Final[Mapping[Kind, type[GlobalNetworkSet] | type[NetworkSet]]] = {
    Kind.GLOBAL_SETS: GlobalNetworkSet,
    Kind.NETWORK_SETS: NetworkSet,
}
_LABELS_ONLY: Final[Mapping[Kind, type[Namespace] | type[Account]]] = {
    Kind.NAMESPACES: Namespace,
    Kind.ACCOUNTS: Account,
}
_DESTINATIONS: Final[Mapping[Kind, type[Any]]] = {
    Kind.SERVICES: Service,
    Kind.ENDPOINT_SLICES: EndpointSlice,
    Kind.GATEWAYS: Gateway,
    Kind.INGRESSES: Ingress,
}
_CUT_OFF: Final = "the file may be cut off there"


def read(kind: Kind, content: Mapping[str, Any], *, last: bool = False) -> tuple[Raw, Flaws]:
    """The object, and what of it cannot be read. Raises `Malformed` if it cannot be named.

    With `last` the text may have been cut off after it: what stands last in it may not be all.
    """
    fields = Fields()
    metadata = fields.part(content, "metadata")
    if not metadata.get("name"):
        raise Malformed("it has no metadata.name: cut off, or no Kubernetes object")
    if kind in _POLICIES or kind in _SETS or kind is Kind.IP_POOLS:
        return _custom(fields, kind, content, metadata, last=last)
    if kind in PLATFORM_KINDS or kind in _DESTINATIONS or kind.description is not None:
        if last and not isinstance(content, ClosedMap):
            fields.doubt(_CUT_OFF)  # how it would go on, nobody knows
        named = fields.custom_metadata(metadata)
        if kind in PLATFORM_KINDS:
            parts = {key: settled(fields.part(content, key)) for key in ("spec", "status", "data")}
            return PlatformRaw(named, **parts), fields.flaws()
        return _destination(kind, content, named), fields.flaws()
    if kind is Kind.NODES:
        return _node(fields, content, metadata, last=last)
    read_metadata = fields.metadata(metadata)
    if last:
        fields.doubt_end(kind, content)
    if kind in _LABELS_ONLY:
        return _LABELS_ONLY[kind](read_metadata), fields.flaws()
    spec, status = fields.part(content, "spec"), fields.part(content, "status")
    return Pod(read_metadata, fields.pod_spec(spec), fields.pod_status(status)), fields.flaws()


def _node(
    fields: Fields, content: Mapping[str, Any], metadata: Mapping[str, Any], *, last: bool
) -> tuple[Raw, Flaws]:
    named = fields.custom_metadata(metadata)
    if last:
        fields.doubt_end(Kind.NODES, content)
    spec, status = fields.part(content, "spec"), fields.part(content, "status")
    return Node(named, fields.node_spec(spec), fields.node_status(status)), fields.flaws()


def described(kind: Kind) -> type[Described]:
    """The type of the objects of a kind that a configuration describes: the parts that its paths
    begin with, as they are."""
    found = kind.description
    assert found is not None  # noqa: S101  # its caller looked
    roots = dict.fromkeys(str(jsonpath.parse(path)[0]) for path in found[2])
    parts = [(root, Any, None) for root in roots if root != "metadata"]
    made = msgspec.defstruct(
        "DescribedObject", parts, bases=(Described,), frozen=True, gc=False, kw_only=True
    )
    assert issubclass(made, Described)  # noqa: S101  # as asked for
    return made


def _destination(kind: Kind, content: Mapping[str, Any], named: CustomMetadata) -> Raw:
    """What stands in its parts its converter looks at."""
    made = _DESTINATIONS.get(kind) or described(kind)
    parts = {
        field: content.get(key)
        for field, key in zip(made.__struct_fields__, made.__struct_encode_fields__, strict=True)
        if field != "metadata" and not is_null(content.get(key))
    }
    found: Raw = made(metadata=named, **parts)
    return found


def _custom(
    fields: Fields,
    kind: Kind,
    content: Mapping[str, Any],
    metadata: Mapping[str, Any],
    *,
    last: bool,
) -> tuple[Raw, Flaws]:
    """An object of Calico's. What stands last in it may widen it by not being there."""
    spec = fields.part(content, "spec")
    end = "types" if kind in _POLICIES else "nets" if kind in _SETS else "cidr"
    closed = isinstance(content, ClosedMap) or isinstance(content.get("spec"), ClosedMap)
    whole = last_key(spec) == end if kind in _POLICIES else end in spec and is_behind(end, spec)
    if last and not closed and not (last_key(content) == "spec" and whole):
        fields.doubt(_CUT_OFF)
    named = fields.custom_metadata(metadata)
    if kind is Kind.IP_POOLS:
        return IPPool(named, fields.pool_spec(spec)), fields.flaws()
    if kind in _POLICIES:
        return GlobalNetworkPolicy(named, fields.policy_spec(spec)), fields.flaws()
    return _SETS[kind](named, fields.set_spec(spec)), fields.flaws()

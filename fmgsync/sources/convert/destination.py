"""What others connect to, with its addresses: Services, EndpointSlices, Gateways, Ingresses, and
objects of kinds that a configuration describes.

What their status says was written by those who serve them; what `spec` or an annotation asks for,
whoever may write the object chose. So an address that only the spec tells (`externalIPs`), or that
the status repeats from a wish (`loadBalancerIP`, an annotation of a load balancer's), is marked as
asked for. A host name is never an address: what it means today is no member.

Public source: the Kubernetes API reference ("Service", "EndpointSlice", "Ingress"), the Gateway API
reference, and CVE-2020-8554 and CVE-2021-25740 for who may write what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from fmgsync.model import address
from fmgsync.model.address import Address
from fmgsync.model.destination import CLUSTER_IP, EXTERNAL_IP, LOAD_BALANCER, Destination
from fmgsync.model.endpoint import Kind
from fmgsync.sources.convert import jsonpath
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import (
    NO_FLAWS,
    CustomMetadata,
    EndpointSlice,
    Flaws,
    Gateway,
    Ingress,
    Service,
    given_name,
    quoted,
)

_NAMESPACE: Final = "projectcalico.org/namespace"
_NAME: Final = "kubernetes.io/metadata.name"
_HOST: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9*]([-A-Za-z0-9._]{0,252})")
_MOST_UNUSABLE: Final = 20
_WORDS: Final = re.compile(r"[0-9A-Fa-f:.]{2,45}")


class _Draft:
    """One object's addresses in the making."""

    def __init__(self, of: Kind, kind: str, flaws: Flaws) -> None:
        self._of: Final = of
        self._kind: Final = kind
        self._doubts = [flaws.doubt]
        self._labels_unknown: Final = flaws.labels
        self._found: dict[tuple[str, Address], None] = {}
        self._asked: set[Address] = set()
        self._unusable: dict[str, None] = {}

    def entries(self, content: Any, *keys: str) -> list[dict[str, Any]]:
        """The mappings of a list at the end of these keys; another type is a doubt."""
        found = self._list(content, *keys)
        if not all(isinstance(each, dict) for each in found):
            self._doubts.append(f"{'.'.join(keys)} holds something that is no object")
        return [each for each in found if isinstance(each, dict)]

    def texts(self, content: Any, *keys: str) -> list[Any]:
        """The same of plain values."""
        return self._list(content, *keys)

    def _list(self, content: Any, *keys: str) -> list[Any]:
        for key in keys:
            content = content.get(key) if isinstance(content, dict) else content
            if content is None or content == "":
                return []
        if isinstance(content, list):
            return content
        self._doubts.append(f"{'.'.join(keys)} must be a list")
        return []

    def add(self, role: str, text: Any, *, asked: bool = False, prefixes: bool = False) -> None:
        """Take an address in, or say why it is none."""
        if text in (None, "", "None"):  # a headless Service's clusterIP
            return
        try:
            found = address.parse(text if isinstance(text, str) else "")
            if "/" in found and not prefixes:
                raise ValueError
        except ValueError:
            self._refuse(role, text)
            return
        self._found[role, found] = None
        if asked:
            self._asked.add(found)

    def _refuse(self, role: str, text: Any) -> None:
        if not isinstance(text, str):
            self._tell(f"{role} holds something that is no text")
        elif _HOST.fullmatch(text):
            self.name(text)
        else:
            self._tell(f"{quoted(text)} ({role}) is no address")

    def name(self, text: Any) -> None:
        """A host name: what it means may change at any time."""
        if text not in (None, ""):
            self._tell(f"the host name {quoted(str(text))} is no address")

    def _tell(self, text: str) -> None:
        if len(self._unusable) < _MOST_UNUSABLE:
            self._unusable[text] = None

    def wished(self, texts: Iterable[Any]) -> None:
        """These texts were written by whoever may write the object: what they ask for is no
        more than a wish, wherever it is repeated."""
        known = {found for _, found in self._found}
        for text in texts:
            for word in _WORDS.findall(text) if isinstance(text, str) else ():
                try:
                    self._asked.update(known & {address.parse(word.strip("."))})
                except ValueError:
                    continue

    def made(self, metadata: CustomMetadata, pool: LabelPool) -> Destination:
        pairs = dict(metadata.labels or {})
        if metadata.namespace:
            pairs[_NAMESPACE] = metadata.namespace
        pairs[_NAME] = metadata.name
        self.wished((metadata.annotations or {}).values())
        return Destination(
            self._of,
            self._kind,
            metadata.namespace,
            given_name(metadata),
            pool.labels(pairs, self._labels_unknown - {_NAMESPACE, _NAME}),
            tuple(sorted(self._found, key=lambda each: (each[0], address.sort_key(each[1])))),
            frozenset(self._asked),
            tuple(self._unusable),
            "; ".join(filter(None, self._doubts)),
        )


def service(raw: Service, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Destination:
    """A Service: its cluster, external and load balancer addresses."""
    draft, spec = _Draft(Kind.SERVICES, "Service", flaws), _mapping(raw.spec)
    for text in draft.texts(spec, "clusterIPs") or [spec.get("clusterIP")]:
        draft.add(CLUSTER_IP, text)
    for text in draft.texts(spec, "externalIPs"):
        draft.add(EXTERNAL_IP, text, asked=True)
    if spec.get("type") == "ExternalName":
        draft.name(spec.get("externalName"))
    _load_balancer(draft, raw.status)
    draft.wished([spec.get("loadBalancerIP")])
    return draft.made(raw.metadata, pool)


def ingress(raw: Ingress, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Destination:
    """An Ingress: where its controller says that it is served."""
    draft = _Draft(Kind.INGRESSES, "Ingress", flaws)
    _load_balancer(draft, raw.status)
    return draft.made(raw.metadata, pool)


def _load_balancer(draft: _Draft, status: Any) -> None:
    for entry in draft.entries(status, "loadBalancer", "ingress"):
        draft.add(LOAD_BALANCER, entry.get("ip"))
        draft.name(entry.get("hostname"))


def gateway(raw: Gateway, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Destination:
    """A Gateway: the addresses of its status; those that its spec asks for are wishes."""
    draft = _Draft(Kind.GATEWAYS, "Gateway", flaws)
    for entry in draft.entries(raw.status, "addresses"):
        if entry.get("type") in (None, "IPAddress"):
            draft.add("status", entry.get("value"))
        else:
            draft.name(entry.get("value"))
    draft.wished(each.get("value") for each in draft.entries(raw.spec, "addresses"))
    return draft.made(raw.metadata, pool)


def endpoint_slice(raw: EndpointSlice, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Destination:
    """An EndpointSlice: the endpoints that serve. Whoever may write slices chooses them."""
    draft = _Draft(Kind.ENDPOINT_SLICES, "EndpointSlice", flaws)
    for entry in draft.entries({"endpoints": raw.endpoints}, "endpoints"):
        if not _serves(_mapping(entry.get("conditions"))):
            continue
        for text in draft.texts(entry, "addresses"):
            if raw.address_type == "FQDN":
                draft.name(text)
            else:
                draft.add("endpoint", text, asked=True)
    return draft.made(raw.metadata, pool)


def _serves(conditions: Mapping[str, Any]) -> bool:
    """Whether connections may still go there: one that terminates may serve those it has. What
    is not said counts as ready (API reference, "EndpointConditions")."""
    ready, serving = _word(conditions.get("ready")), _word(conditions.get("serving"))
    return serving if serving is not None else ready is not False


def _word(value: Any) -> bool | None:
    """As YAML without quotes has it, too."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def of(kind: Kind) -> Any:
    """The converter of a kind that a configuration describes."""
    described = kind.description
    assert described is not None  # noqa: S101  # its caller looked
    return partial(_described, kind, described[1], described[2])


def _described(
    of: Kind, name: str, paths: tuple[str, ...], raw: Any, pool: LabelPool, flaws: Flaws = NO_FLAWS
) -> Destination:
    """Nobody knows who may write these objects, so all their addresses are asked for."""
    draft, metadata = _Draft(of, name, Flaws(flaws.labels)), raw.metadata
    known = {"annotations": metadata.annotations or {}, "labels": metadata.labels or {}}
    for text in paths:
        root, *rest = jsonpath.parse(text)
        content = known if root == "metadata" else getattr(raw, str(root), None)
        for each in jsonpath.found(tuple(rest), content):
            draft.add(text, each, asked=True, prefixes=True)
    return draft.made(metadata, pool)


def _mapping(content: Any) -> Mapping[str, Any]:
    return content if isinstance(content, dict) else {}

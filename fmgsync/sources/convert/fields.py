"""An object as it was parsed, into the few fields that matter: field by field, so that one value of
a type it cannot have spoils no more than what it says.

In this schema labels, annotations and names are text, whatever they look like: kubectl writes the
label `4e12345` into YAML without quotes. So what stands unquoted there is told apart (`Plain`)
until a field says what it is to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fmgsync.model.endpoint import Kind
from fmgsync.model.labels import ANY_KEY
from fmgsync.sources.convert.objects import (
    Annotations,
    CustomMetadata,
    Flaws,
    Malformed,
    Metadata,
    NodeAddress,
    NodeSpec,
    NodeStatus,
    PodIP,
    PodSpec,
    PodStatus,
    PolicySpec,
    PolicyStep,
    PoolSpec,
    SetSpec,
    quoted,
)
from fmgsync.sources.convert.parsed import BOOLS, NULLS, Plain, is_behind, is_null, last_key

_ACCOUNT: Final = "projectcalico.org/serviceaccount"

_OVER: Final = ("Succeeded", "Failed")
"""Phases in which a pod has no address any more."""
_LABELS_ONLY: Final = (Kind.NAMESPACES, Kind.ACCOUNTS)


class Fields:
    """Reads fields, and remembers what could not be read of them."""

    def __init__(self) -> None:
        self._labels: frozenset[str] = frozenset()
        self._doubts: list[str] = []
        self._told: list[str] = []

    def flaws(self) -> Flaws:
        """What was found."""
        return Flaws(self._labels, "; ".join(self._doubts), "; ".join(self._told))

    def doubt_end(self, kind: Kind, content: Mapping[str, Any]) -> None:
        """The object is the last of a text that may be cut off: its end may be missing."""
        metadata = self.part(content, "metadata")
        seen = "labels" in metadata and is_behind("labels", metadata)
        if last_key(content) == "metadata" and not seen:
            self._labels = ANY_KEY
            self._told.append("its labels may not be all: the file may be cut off there")
        status = self.part(content, "status")
        told = _cut_short(kind, content, status)
        if kind not in _LABELS_ONLY and told and not self._needs_none(content, status):
            self._doubts.append(told)
            self._told.append(told)

    def _needs_none(self, content: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
        """Whether a pod has no address: one that waits for its images, or its first containers, may
        have one, but not before it has a node."""
        spec = self.part(content, "spec")
        unscheduled = bool(spec) and "nodeName" not in spec and is_behind("spec", content)
        phase = status.get("phase")
        return phase in _OVER or (phase == "Pending" and unscheduled)

    def part(self, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """A mapping inside; absent is empty."""
        found = content.get(key)
        if isinstance(found, dict):
            return found
        if not is_null(found):
            if key == "metadata":
                raise Malformed(_wrong(key, found, "an object"))
            self._doubt(key, found, "an object")
        return {}

    def metadata(self, content: Mapping[str, Any]) -> Metadata:
        """All of it."""
        name, space = content["name"], content.get("namespace")
        if not isinstance(name, str):
            raise Malformed(_wrong("metadata.name", name, "text"))
        if not isinstance(space, str | None):
            self._doubt("metadata.namespace", space, "text")
            space = None
        deleted = content.get("deletionTimestamp")
        version = content.get("resourceVersion")
        return Metadata(
            name=str(name),
            namespace=str(space or ""),
            labels=self._label_pairs(content.get("labels")),
            annotations=self._annotations(content.get("annotations")),
            creation_timestamp=_text_or_none(content.get("creationTimestamp")),
            # Whatever it says, somebody has begun to delete it.
            deletion_timestamp=None if is_null(deleted) else str(deleted),
            resource_version=str(version) if isinstance(version, str) else "",
        )

    def doubt(self, text: str) -> None:
        """Something is not known."""
        self._doubts.append(text)
        self._told.append(text)

    def custom_metadata(self, content: Mapping[str, Any]) -> CustomMetadata:
        """Name, labels, and all annotations that are text."""
        known = self.metadata({**content, "annotations": None})
        notes = content.get("annotations")
        found = notes if isinstance(notes, dict) else {}
        if notes is not found and not is_null(notes):
            self._doubt("metadata.annotations", notes, "an object")
        return CustomMetadata(
            known.name,
            known.namespace,
            known.labels,
            {str(key): str(each) for key, each in found.items() if isinstance(each, str)},
            known.creation_timestamp,
            known.resource_version,
        )

    def policy_spec(self, content: Mapping[str, Any]) -> PolicySpec:
        """Whom a policy selects. What cannot be read of its rules does not matter to that."""

        def steps(key: str) -> list[PolicyStep]:
            found = content.get(key)
            listed = found if isinstance(found, list) else []
            return [
                PolicyStep(_text_or_none(each.get("action")))
                for each in listed
                if isinstance(each, dict)
            ]

        return PolicySpec(
            tier=self._optional("spec.tier", content.get("tier")),
            selector=self._optional("spec.selector", content.get("selector")),
            namespace_selector=self._optional(
                "spec.namespaceSelector", content.get("namespaceSelector")
            ),
            account_selector=self._optional(
                "spec.serviceAccountSelector", content.get("serviceAccountSelector")
            ),
            pre_dnat=self._flag("spec.preDNAT", content.get("preDNAT")),
            do_not_track=self._flag("spec.doNotTrack", content.get("doNotTrack")),
            staged_action=self._optional("spec.stagedAction", content.get("stagedAction")),
            ingress=steps("ingress"),
            egress=steps("egress"),
        )

    def pool_spec(self, content: Mapping[str, Any]) -> PoolSpec:
        """The range of a pool, and what becomes of its addresses outside."""
        uses = content.get("allowedUses")
        return PoolSpec(
            self._optional("spec.cidr", content.get("cidr")),
            self._flag("spec.natOutgoing", content.get("natOutgoing")),
            [str(each) for each in uses] if isinstance(uses, list) else None,
            self._flag("spec.disabled", content.get("disabled")),
        )

    def set_spec(self, content: Mapping[str, Any]) -> SetSpec:
        """The addresses of a set."""
        nets = content.get("nets")
        if not isinstance(nets, list) and not is_null(nets):
            self._doubt("spec.nets", nets, "a list")
        found = nets if isinstance(nets, list) else []
        return SetSpec([self._text("an entry of spec.nets", each) for each in found])

    def pod_spec(self, content: Mapping[str, Any]) -> PodSpec:
        """Where the pod runs, and as whom."""
        account = content.get("serviceAccountName")
        if not isinstance(account, str | None):
            self._labels |= {_ACCOUNT}
            self._told.append(_wrong("spec.serviceAccountName", account, "text"))
        return PodSpec(
            node_name=self._optional("spec.nodeName", content.get("nodeName")),
            host_network=self._flag("spec.hostNetwork", content.get("hostNetwork")),
            service_account_name=_text_or_none(account),
        )

    def pod_status(self, content: Mapping[str, Any]) -> PodStatus:
        """Phase and addresses."""
        ips = self._entries("status.podIPs", content.get("podIPs"), "ip")
        return PodStatus(
            phase=self._optional("status.phase", content.get("phase")),
            pod_ip=self._optional("status.podIP", content.get("podIP")),
            pod_ips=[PodIP(self._text("status.podIPs", each.get("ip"))) for each in ips],
            start_time=_text_or_none(content.get("startTime")),
        )

    def node_spec(self, content: Mapping[str, Any]) -> NodeSpec:
        """The prefixes; one that cannot be read is left out."""
        prefixes = content.get("podCIDRs")
        found = prefixes if isinstance(prefixes, list) else []
        return NodeSpec(
            pod_cidr=_text_or_none(content.get("podCIDR")),
            pod_cidrs=[str(each) for each in found if isinstance(each, str)],
            provider_id=_text_or_none(content.get("providerID")),
        )

    def node_status(self, content: Mapping[str, Any]) -> NodeStatus:
        """Its addresses."""
        where = "status.addresses"
        return NodeStatus(
            [
                NodeAddress(
                    self._text(f"{where} type", each.get("type")),
                    self._text(where, each.get("address")),
                )
                for each in self._entries(where, content.get("addresses"), "address")
            ]
        )

    def _label_pairs(self, content: Any) -> dict[str, str]:
        if not isinstance(content, dict):
            if not is_null(content):
                self._labels = ANY_KEY
                self._told.append(_wrong("metadata.labels", content, "an object"))
            return {}
        pairs: dict[str, str] = {}
        for key, value in content.items():
            if isinstance(value, str):
                pairs[str(key)] = str(value)
            elif value is None:
                pairs[str(key)] = ""  # as Go reads it, and so every API server
            else:
                self._labels |= {str(key)}
                self._told.append(_wrong(f"label {quoted(key)}", value, "text"))
        return pairs

    def _annotations(self, content: Any) -> Annotations | None:
        if not isinstance(content, dict):
            if not is_null(content):
                self._doubt("metadata.annotations", content, "an object")
            return None
        found: dict[str, str] = {}
        for field, key in zip(
            Annotations.__struct_fields__, Annotations.__struct_encode_fields__, strict=True
        ):
            value = content.get(key)
            if isinstance(value, str):
                found[field] = str(value)
            elif value is not None:
                self._doubt(f"annotation {key}", value, "text")
        return Annotations(**found)

    def _entries(self, where: str, content: Any, key: str) -> list[dict[str, Any]]:
        """The mappings in a list."""
        if not isinstance(content, list):
            if not is_null(content):
                self._doubt(where, content, "a list")
            return []
        found = [each for each in content if isinstance(each, dict)]
        for each in content:
            if not isinstance(each, dict):
                self._doubt(f"an entry of {where}", each, f"an object with {key}")
        return found

    def _text(self, where: str, content: Any) -> str:
        if isinstance(content, str):
            return str(content)
        if content is not None:
            self._doubt(where, content, "text")
        return ""

    def _optional(self, where: str, content: Any) -> str | None:
        if not is_null(content) and not isinstance(content, str):
            self._doubt(where, content, "text")
        return _text_or_none(content)

    def _flag(self, where: str, content: Any) -> bool:
        if isinstance(content, Plain):
            content = None if content in NULLS else BOOLS.get(content, content)
        if content is None or isinstance(content, bool):
            return bool(content)
        self._doubt(where, content, "true or false")
        return False

    def _doubt(self, where: str, content: Any, wanted: str) -> None:
        text = _wrong(where, content, wanted)
        self._doubts.append(text)
        self._told.append(text)


def _cut_short(kind: Kind, content: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """What the end of the text may have taken from a pod or node that counts; else nothing."""
    key = "addresses" if kind is Kind.NODES else "podIPs"
    end = last_key(content)
    if not status.get(key):
        return "it shows no address, and the file may be cut off there"
    if "status" in content and end in ("metadata", "spec"):
        return f"the file may be cut off in its {end}"
    if end == "status" and not is_behind(key, status):
        return "its addresses may not be all: the file may be cut off there"
    return ""


def _text_or_none(content: Any) -> str | None:
    return str(content) if isinstance(content, str) and not is_null(content) else None


def _wrong(where: str, content: Any, wanted: str) -> str:
    shown = quoted(content) if isinstance(content, str) else f"a value of type {_type(content)}"
    return f"{where} must be {wanted}, not {shown}"


def _type(content: Any) -> str:
    names = {dict: "object", list: "list", bool: "boolean", int: "number", float: "number"}
    return names.get(type(content), "null")

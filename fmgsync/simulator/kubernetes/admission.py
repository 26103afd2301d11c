"""What an API server adds to objects and keeps from being changed.

Only what clients of this project can notice, each as kube-apiserver 1.36 does it: status is
written through its own sub-resource, a pod's spec stays as created, addresses are checked.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from fmgsync.simulator.kubernetes import validation
from fmgsync.simulator.kubernetes.refusals import bad_request, conflict, internal, invalid
from fmgsync.simulator.kubernetes.resources import NAMESPACES, PODS, Resource
from fmgsync.simulator.kubernetes.store import Stored

Content = dict[str, Any]

_KEPT: Final = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_MUTABLE_POD_SPEC: Final = frozenset(
    {"containers", "initContainers", "tolerations", "activeDeadlineSeconds"}
)


def parsed(resource: Resource, content: Any) -> Content:
    """The object a request carries, if it is of this kind and of the right shape."""
    if not isinstance(content, dict):
        raise bad_request("the body is no object")
    kind, version = content.get("kind"), content.get("apiVersion")
    if kind not in (None, resource.kind) or version not in (None, resource.api_version):
        raise bad_request(
            f"the API version in the data ({version}, kind {kind}) does not match the expected "
            f"API version ({resource.api_version}, kind {resource.kind})"
        )
    metadata = content.get("metadata") or {}
    for field in ("labels", "annotations"):
        pairs = metadata.get(field) or {}
        if not isinstance(pairs, dict) or not all(isinstance(each, str) for each in pairs.values()):
            raise bad_request(f"json: cannot unmarshal metadata.{field}: its values are no strings")
    bare = {key: each for key, each in content.items() if key not in ("kind", "apiVersion")}
    return {**bare, "metadata": dict(metadata)}


def created(resource: Resource, namespace: str, content: Content) -> Content:
    """A new object, with what the server adds."""
    metadata = content["metadata"]
    name = metadata.get("name") or _generated(metadata)
    if not name:
        raise invalid(resource, "", "metadata.name", "Required value: name is required")
    made = {
        **metadata,
        "name": name,
        "uid": str(uuid.uuid4()),
        "creationTimestamp": timestamp(),
    }
    made.pop("resourceVersion", None)
    validation.check_metadata(resource, made)
    if resource.namespaced:
        made["namespace"] = namespace
    return _CREATED.get(resource.plural, _unchanged)(resource, {**content, "metadata": made})


def _generated(metadata: Mapping[str, Any]) -> str:
    prefix = metadata.get("generateName")
    return f"{prefix}{uuid.uuid4().hex[:5]}" if prefix else ""


def updated(old: Stored, content: Content, *, part: str) -> Content:
    """The object after a PUT or PATCH of it (`part` empty) or of its status."""
    check_revision(old, content["metadata"].get("resourceVersion"))
    before = dict(old.content)
    kept = {field: before["metadata"][field] for field in _KEPT if field in before["metadata"]}
    uid = content["metadata"].get("uid")
    if uid not in (None, before["metadata"]["uid"]):
        why = f"Precondition failed: UID in precondition: {uid}"
        raise conflict(old.resource, old.name, why)
    metadata = {**content["metadata"], **kept}
    validation.check_metadata(old.resource, metadata)
    _check_finalizers(old, metadata)
    if part == "status":
        after = {**before, "metadata": metadata, "status": content.get("status", {})}
        return validation.pod_addresses(old.resource, after) if old.resource is PODS else after
    if part == "finalize":
        spec = {**before.get("spec", {}), "finalizers": _finalizers(content)}
        return {**before, "spec": spec}
    after = {**content, "metadata": metadata}
    if old.resource.has_status:
        after["status"] = before.get("status", {})
    if old.resource is NAMESPACES:
        after["spec"] = before["spec"]
    return _UPDATED.get(old.resource.plural, _same)(old, after)


def _check_finalizers(old: Stored, metadata: Mapping[str, Any]) -> None:
    """What is being deleted is held back by nothing new."""
    before = old.content["metadata"]
    added = set(metadata.get("finalizers") or ()) - set(before.get("finalizers") or ())
    if added and "deletionTimestamp" in before:
        why = "Forbidden: no new finalizers can be added if the object is being deleted"
        raise invalid(old.resource, old.name, "metadata.finalizers", why)


def _finalizers(content: Mapping[str, Any]) -> list[str]:
    return list((content.get("spec") or {}).get("finalizers") or ())


def check_revision(old: Stored, revision: str | None) -> None:
    """Refuse a write by someone who saw an older state."""
    if not revision:
        if old.resource.needs_revision:
            why = "Invalid value: 0: must be specified for an update"
            raise invalid(old.resource, old.name, "metadata.resourceVersion", why)
    elif not revision.isdigit():
        raise internal(f"strconv.ParseUint: parsing {revision!r}: invalid syntax")
    elif revision != str(old.revision):
        raise conflict(old.resource, old.name)


def timestamp(*, in_s: float = 0) -> str:
    """Now, or soon, as metadata carries it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + in_s))


def _unchanged(resource: Resource, content: Content) -> Content:
    return content


def _same(old: Stored, content: Content) -> Content:
    return content


def _created_pod(resource: Resource, content: Content) -> Content:
    spec = dict(content.get("spec") or {})
    if not spec.get("containers"):
        name = content["metadata"]["name"]
        raise invalid(resource, name, "spec.containers", "Required value")
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    return {**content, "spec": spec, "status": {"phase": "Pending", "qosClass": "BestEffort"}}


def _created_namespace(resource: Resource, content: Content) -> Content:
    metadata = content["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    return {
        "metadata": {**metadata, "labels": labels},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _updated_pod(old: Stored, content: Content) -> Content:
    def fixed(spec: Mapping[str, Any]) -> dict[str, Any]:
        return {key: each for key, each in spec.items() if key not in _MUTABLE_POD_SPEC}

    if fixed(old.content["spec"]) != fixed(content.get("spec") or {}):
        why = "Forbidden: pod updates may not change fields other than images and tolerations"
        raise invalid(old.resource, old.name, "spec", why)
    return content


def _created_policy(resource: Resource, content: Content) -> Content:
    metadata = {**content["metadata"], "generation": 1}
    return {**content, "metadata": metadata, "spec": _without_nothing(content.get("spec"))}


def _updated_policy(old: Stored, content: Content) -> Content:
    """Seen: an empty list of rules is stored as none, and differs from none all the same."""
    generation, spec = old.content["metadata"].get("generation", 1), content.get("spec") or {}
    bumped = generation + (spec != old.content.get("spec"))
    metadata = {**content["metadata"], "generation": bumped}
    return {**content, "metadata": metadata, "spec": _without_nothing(spec)}


def _without_nothing(spec: Mapping[str, Any] | None) -> Content:
    return {key: each for key, each in (spec or {}).items() if each != []}


_CREATED: Final[dict[str, Callable[[Resource, Content], Content]]] = {
    "pods": _created_pod,
    "namespaces": _created_namespace,
    "leases": validation.lease,
    "events": validation.event,
    "configmaps": validation.config_map,
    "networkpolicies": _created_policy,
}
_UPDATED: Final[dict[str, Callable[[Stored, Content], Content]]] = {
    "pods": _updated_pod,
    "leases": lambda old, content: validation.lease(old.resource, content),
    "configmaps": lambda old, content: validation.config_map(old.resource, content),
    "networkpolicies": _updated_policy,
}

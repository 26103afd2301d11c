"""What an API server adds to objects, keeps from being changed, and refuses.

Only what clients of this project can notice, each as kube-apiserver 1.36 does it: status is
written through its own sub-resource, a pod's spec stays as created, addresses are checked.
"""

from __future__ import annotations

import base64
import ipaddress
import re
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from fmgsync.simulator.kubernetes.refusals import bad_request, conflict, invalid
from fmgsync.simulator.kubernetes.resources import Resource
from fmgsync.simulator.kubernetes.store import Stored

Content = dict[str, Any]

_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_CONFIG_MAP_BYTES: Final = 1024 * 1024
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
    if not _SUBDOMAIN.fullmatch(name) or len(name) > 253:
        raise invalid(
            resource,
            name,
            "metadata.name",
            f'Invalid value: "{name}": must be a DNS-1123 subdomain',
        )
    made = {
        **metadata,
        "name": name,
        "uid": str(uuid.uuid4()),
        "creationTimestamp": timestamp(),
    }
    made.pop("resourceVersion", None)
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
    kept = {
        field: before["metadata"][field]
        for field in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp")
        if field in before["metadata"]
    }
    uid = content["metadata"].get("uid")
    if uid not in (None, before["metadata"]["uid"]):
        why = f"Precondition failed: UID in precondition: {uid}"
        raise conflict(old.resource, old.name, why)
    metadata = {**content["metadata"], **kept}
    if part == "status":
        after = {**before, "metadata": metadata, "status": content.get("status", {})}
        return _with_checked_status(old.resource, after)
    after = {**content, "metadata": metadata}
    if old.resource.has_status:
        after["status"] = before.get("status", {})
    return _UPDATED.get(old.resource.plural, _same)(old, after)


def check_revision(old: Stored, revision: str | None) -> None:
    """Refuse a write by someone who saw an older state."""
    if not revision:
        if old.resource.needs_revision:
            why = "Invalid value: 0: must be specified for an update"
            raise invalid(old.resource, old.name, "metadata.resourceVersion", why)
    elif revision != str(old.revision):
        raise conflict(old.resource, old.name)


def timestamp() -> str:
    """Now, as metadata carries it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


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
    return {**content, "spec": spec, "status": {"phase": "Pending", "qosClass": "BestEffort"}}


def _created_namespace(resource: Resource, content: Content) -> Content:
    metadata = content["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    return {
        "metadata": {**metadata, "labels": labels},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _checked_lease(resource: Resource, content: Content) -> Content:
    spec = content.get("spec") or {}
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and (not isinstance(seconds, int) or seconds <= 0):
        name = content["metadata"]["name"]
        why = f"Invalid value: {seconds}: must be greater than 0"
        raise invalid(resource, name, "spec.leaseDurationSeconds", why)
    for field in ("acquireTime", "renewTime"):
        if not re.fullmatch(r"\S+T\S+\.\d{6}Z", spec.get(field) or "1T1.000000Z"):
            raise bad_request(f"cannot parse {field} {spec[field]!r} as a time with microseconds")
    return content


def _checked_event(resource: Resource, content: Content) -> Content:
    about = (content.get("involvedObject") or {}).get("namespace") or "default"
    metadata = content["metadata"]
    if about != metadata["namespace"]:
        why = f'Invalid value: "{about}": does not match event.namespace'
        raise invalid(resource, metadata["name"], "involvedObject.namespace", why)
    return content


def _checked_config_map(resource: Resource, content: Content) -> Content:
    """Public source: the Kubernetes documentation, "ConfigMaps": no more than 1 MiB of values."""
    name = content["metadata"]["name"]
    size = 0
    for field in ("data", "binaryData"):
        pairs = content.get(field) or {}
        if not all(isinstance(value, str) for value in pairs.values()):
            raise bad_request(f"json: cannot unmarshal {field}: its values are no strings")
        for key, value in pairs.items():
            if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key):
                raise invalid(resource, name, f"{field}[{key}]", f'Invalid value: "{key}"')
            size += len(value.encode()) if field == "data" else len(_decoded(value))
    if size > _CONFIG_MAP_BYTES:
        why = f"Too long: may not be more than {_CONFIG_MAP_BYTES} bytes"
        raise invalid(resource, name, "", why)
    return content


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise bad_request(f"illegal base64 data: {error}") from error


def _updated_pod(old: Stored, content: Content) -> Content:
    def fixed(spec: Mapping[str, Any]) -> dict[str, Any]:
        return {key: each for key, each in spec.items() if key not in _MUTABLE_POD_SPEC}

    if fixed(old.content["spec"]) != fixed(content.get("spec") or {}):
        why = "Forbidden: pod updates may not change fields other than images and tolerations"
        raise invalid(old.resource, old.name, "spec", why)
    return content


_CREATED: Final[dict[str, Callable[[Resource, Content], Content]]] = {
    "pods": _created_pod,
    "namespaces": _created_namespace,
    "leases": _checked_lease,
    "events": _checked_event,
    "configmaps": _checked_config_map,
}
_UPDATED: Final[dict[str, Callable[[Stored, Content], Content]]] = {
    "pods": _updated_pod,
    "leases": lambda old, content: _checked_lease(old.resource, content),
    "configmaps": lambda old, content: _checked_config_map(old.resource, content),
}


def _with_checked_status(resource: Resource, content: Content) -> Content:
    if resource.plural != "pods":
        return content
    status = dict(content["status"])
    listed = [entry.get("ip", "") for entry in status.get("podIPs") or ()]
    single = status.get("podIP") or ""
    # The two fields say the same; where they differ, the older one is believed.
    if single and listed[:1] != [single]:
        listed = [single]
    if listed:
        status |= {"podIP": listed[0], "podIPs": [{"ip": ip} for ip in listed]}
    versions = [_version(resource, content, ip) for ip in listed]
    if len(set(versions)) < len(versions):
        name = content["metadata"]["name"]
        why = "Invalid value: may specify no more than one IP for each IP family"
        raise invalid(resource, name, "status.podIPs", why)
    return {**content, "status": status}


def _version(resource: Resource, content: Content, ip: str) -> int:
    try:
        return ipaddress.ip_address(ip).version
    except ValueError:
        name = content["metadata"]["name"]
        why = f'Invalid value: "{ip}": must be a valid IP address'
        raise invalid(resource, name, "status.podIPs", why) from None

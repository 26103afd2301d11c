"""Values that an API server refuses, each with its code, as kube-apiserver 1.36 does."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final

from fmgsync.simulator.kubernetes.refusals import bad_request, invalid
from fmgsync.simulator.kubernetes.resources import Resource

Content = dict[str, Any]

_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WORD: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LONGEST_WORD: Final = 63
_LONGEST_NAME: Final = 253
_ANNOTATION_BYTES: Final = 256 * 1024
_CONFIG_MAP_BYTES: Final = 1024 * 1024
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")


def is_label_key(text: str) -> bool:
    """A name of at most 63 characters, perhaps behind the prefix `example.net/`."""
    prefix, slash, name = text.rpartition("/")
    prefixed = not slash or is_subdomain(prefix)
    return prefixed and len(name) <= _LONGEST_WORD and bool(_WORD.fullmatch(name))


def is_label_value(text: str) -> bool:
    """Empty, or at most 63 characters of the few allowed."""
    return not text or (len(text) <= _LONGEST_WORD and bool(_WORD.fullmatch(text)))


def is_subdomain(text: str) -> bool:
    """What objects are called."""
    return len(text) <= _LONGEST_NAME and bool(_SUBDOMAIN.fullmatch(text))


def check_metadata(resource: Resource, metadata: Mapping[str, Any]) -> None:
    """Name, labels and annotations."""
    name = metadata["name"]
    if not is_subdomain(name):
        why = f'Invalid value: "{name}": must be a DNS-1123 subdomain'
        raise invalid(resource, name, "metadata.name", why)
    for key, value in (metadata.get("labels") or {}).items():
        if not is_label_key(key):
            why = f'Invalid value: "{key}": must be a qualified name of at most 63 characters'
            raise invalid(resource, name, "metadata.labels", why)
        if not is_label_value(value):
            why = f'Invalid value: "{value}": must be at most 63 of [-A-Za-z0-9_.]'
            raise invalid(resource, name, "metadata.labels", why)
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        if not is_label_key(key.lower()):
            why = f'Invalid value: "{key}": must be a qualified name of at most 63 characters'
            raise invalid(resource, name, "metadata.annotations", why)
    if (
        sum(len(key) + len(value.encode()) for key, value in annotations.items())
        > _ANNOTATION_BYTES
    ):
        why = f"Too long: may not be more than {_ANNOTATION_BYTES} bytes"
        raise invalid(resource, name, "metadata.annotations", why)


def lease(resource: Resource, content: Content) -> Content:
    """A lease with its times in UTC, as it is stored."""
    name, spec = content["metadata"]["name"], dict(content.get("spec") or {})
    for field, least, why in (
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ):
        given = spec.get(field)
        if given is not None and (not isinstance(given, int) or given < least):
            raise invalid(resource, name, f"spec.{field}", f"Invalid value: {given}: {why}")
    for field in ("acquireTime", "renewTime"):
        if spec.get(field):
            spec[field] = _utc(field, spec[field])
    return {**content, "spec": spec}


def _utc(field: str, text: Any) -> str:
    """Six digits of a second, with any offset."""
    try:
        if not _TIME.fullmatch(str(text)):
            raise ValueError(f"parsing time {text!r}: want six digits of a second and an offset")
        instant = datetime.datetime.fromisoformat(str(text))
    except ValueError as error:
        raise bad_request(f"Lease in version v1 cannot be handled: {field}: {error}") from error
    return instant.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event(resource: Resource, content: Content) -> Content:
    """An event lies in the namespace of what it is about."""
    about = (content.get("involvedObject") or {}).get("namespace") or "default"
    metadata = content["metadata"]
    if about != metadata["namespace"]:
        why = f'Invalid value: "{about}": does not match event.namespace'
        raise invalid(resource, metadata["name"], "involvedObject.namespace", why)
    return content


def config_map(resource: Resource, content: Content) -> Content:
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
    for key in (content.get("data") or {}).keys() & (content.get("binaryData") or {}).keys():
        why = f'Invalid value: "{key}": duplicate of key present in binaryData'
        raise invalid(resource, name, f"data[{key}]", why)
    if size > _CONFIG_MAP_BYTES:
        why = f"Too long: may not be more than {_CONFIG_MAP_BYTES} bytes"
        raise invalid(resource, name, "", why)
    return content


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise bad_request(f"illegal base64 data: {error}") from error


def pod_addresses(resource: Resource, content: Content) -> Content:
    """A pod whose status says its addresses in both fields, at most one of each family."""
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
        address = ipaddress.ip_address(ip)
    except ValueError:
        why = "must be a valid IP address"
    else:
        if getattr(address, "ipv4_mapped", None):
            why = "must not be an IPv4-mapped IPv6 address"
        elif getattr(address, "scope_id", None):
            why = "must be a valid IP address"
        else:
            return address.version
    name = content["metadata"]["name"]
    raise invalid(resource, name, "status.podIPs", f'Invalid value: "{ip}": {why}')

"""Names and other one-line text in the configuration, and selectors."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, WithJsonSchema

from fmgsync.errors import SelectorError
from fmgsync.grouping import selectors
from fmgsync.model import naming
from fmgsync.settings.refusing import refuse, shown
from fmgsync.sources.convert import jsonpath

GROUP_PREFIX: Final = "group:"
"""What marks the name of a FortiManager device group in a list of devices."""


def matching(
    pattern: str, what: str, title: str, *, quoted: bool = True
) -> tuple[AfterValidator, WithJsonSchema]:
    """A text type: the check, and how the JSON Schema shows it."""

    def check(text: str) -> str:
        if not re.search(pattern, text, re.ASCII) or text.endswith("\n"):
            raise refuse(f"{shown(text)} must be {what}" if quoted else f"must be {what}")
        return text

    schema = {"type": "string", "pattern": pattern, "title": title}
    return AfterValidator(check), WithJsonSchema(schema)


OWNER_PATTERN: Final = r"^[a-z][a-z0-9-]{0,15}$"
Owner = Annotated[
    str,
    *matching(
        OWNER_PATTERN,
        "at most 16 lower-case letters, digits and hyphens, beginning with a letter",
        "owner name",
    ),
]
Name = Annotated[
    str,
    *matching(
        r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$",
        "at most 63 letters, digits, '_', '.', '-', beginning with a letter or digit",
        "name",
    ),
]
EnvironmentVariable = Annotated[
    str,
    *matching(
        r"^[A-Za-z_][A-Za-z0-9_]{0,254}$",
        "letters, digits and '_', not beginning with a digit",
        "environment variable",
        quoted=False,  # it may be the secret itself
    ),
]
NetworkName = Annotated[
    str,
    *matching(
        r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,251}[A-Za-z0-9])?$",
        "the name of a network, with or without its namespace: namespace/name",
        "network of pods",
    ),
]
KubernetesName = Annotated[
    str,
    *matching(
        r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        "a Kubernetes name: at most 63 lower-case letters, digits and hyphens",
        "Kubernetes name",
    ),
]


AddressRole = Annotated[
    str,
    *matching(
        r"^(InternalIP|ExternalIP|clusterIP|externalIP|loadBalancer"
        r"|annotation:([a-z0-9][a-z0-9.-]{0,252}/)?[A-Za-z0-9][-A-Za-z0-9_.]{0,62})$",
        "one of InternalIP, ExternalIP, annotation:NAME, clusterIP, externalIP, loadBalancer",
        "what tells an address",
    ),
]
ApiVersion = Annotated[
    str,
    *matching(
        r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?v[a-z0-9]{1,62}$",
        "an API version such as v1 or ipam.example.net/v1",
        "API version",
    ),
]
KindName = Annotated[
    str,
    *matching(r"^[A-Z][A-Za-z0-9]{0,62}$", "a kind such as IPAddress", "kind of objects"),
]


def _check_path(text: str) -> str:
    try:
        jsonpath.parse(text)
    except ValueError as error:
        raise refuse(
            f"{shown(text)} is no JSONPath: {error}", "write .status.addresses[*].value"
        ) from None
    return text


JsonPath = Annotated[
    str,
    AfterValidator(_check_path),
    WithJsonSchema({"type": "string", "minLength": 1, "title": "JSONPath"}),
]


def check_group_name(name: str) -> str:
    """A name that FortiManager takes and that cannot be taken for a shard or a predefined one."""
    if (refused := naming.group_refusal(name)) is not None:
        raise refuse(f"{shown(name)} {refused[0]}", refused[1] or None)
    return name


GroupName = Annotated[
    str,
    AfterValidator(check_group_name),
    WithJsonSchema({"type": "string", "pattern": naming.GROUP_NAME, "title": "group name"}),
]


def check_fortimanager_name(name: str) -> str:
    """The name of something that is there already: ADOM, device, VDOM, device group.

    FortiManager's rules for these differ by kind and release; refused is only what cannot be a
    name or would break the urls it is put into.
    """
    if not name or name != name.strip():
        raise refuse("a name must not be empty, begin or end with a space")
    if not name.isprintable() or "/" in name or "\\" in name or len(name) > 127:
        raise refuse(
            f"{shown(name)} cannot be a name in FortiManager: a slash, backslash or control "
            "character, or longer than 127"
        )
    return name


def check_device(text: str) -> str:
    """`device`, `device/vdom` or `group:NAME`."""
    if text.startswith(GROUP_PREFIX):
        check_fortimanager_name(text.removeprefix(GROUP_PREFIX))
        return text
    parts = text.split("/")
    if len(parts) > 2:
        raise refuse(
            f"{shown(text)} has more than one slash", "write device, device/vdom or group:NAME"
        )
    for part in parts:
        check_fortimanager_name(part)
    return text


def check_serial(text: str) -> str:
    """A serial number as a unit tells it: capital letters and digits."""
    if not re.fullmatch(r"[A-Z0-9][A-Z0-9-]{5,34}", text, re.ASCII):
        raise refuse(
            f"{shown(text)} is not a serial number",
            "write it as 'get system status' shows it: capital letters and digits",
        )
    return text


SerialNumber = Annotated[
    str,
    AfterValidator(check_serial),
    WithJsonSchema({"type": "string", "minLength": 6, "title": "serial number"}),
]


def check_fortigate(text: str) -> str:
    """`name`, `name/vdom` or a pattern of names; a VDOM is always one."""
    name, slash, vdom = text.partition("/")
    if not re.fullmatch(r"[A-Za-z0-9_.*?\[\]!-]{1,63}", name, re.ASCII):
        raise refuse(f"{shown(text)} is not a name or pattern", "write name, name/vdom or branch-*")
    if slash and not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,30}", vdom, re.ASCII):
        # `*` or a list would mean several VDOMs at once, in writes as well.
        raise refuse(f"{shown(text)}: {shown(vdom)} is not the name of one VDOM")
    return text


FortiGateRef = Annotated[
    str,
    AfterValidator(check_fortigate),
    WithJsonSchema({"type": "string", "minLength": 1, "title": "name[/vdom] or pattern"}),
]
FortiManagerName = Annotated[
    str,
    AfterValidator(check_fortimanager_name),
    WithJsonSchema({"type": "string", "minLength": 1, "title": "name in FortiManager"}),
]
DeviceRef = Annotated[
    str,
    AfterValidator(check_device),
    WithJsonSchema({"type": "string", "title": "device, device/vdom or group:NAME"}),
]


def _check_glob(text: str) -> str:
    if not text or not text.isprintable() or len(text) > 255:
        raise refuse(f"{shown(text)} is not a name or pattern", "write a name, or fgt-* or *")
    return text


Glob = Annotated[
    str,
    AfterValidator(_check_glob),
    WithJsonSchema({"type": "string", "minLength": 1, "title": "name or pattern"}),
]


def _check_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise refuse("must be one line of printable text")
    return text


Line = Annotated[str, AfterValidator(_check_line), WithJsonSchema({"type": "string"})]


def _check_selector(text: str) -> str:
    if not text.strip():
        raise refuse("an empty selector would select everything", "write all() if that is meant")
    try:
        selectors.parse(text)
    except SelectorError as err:
        raise refuse(f"not a selector: {err}") from None
    return text


SelectorText = Annotated[
    str,
    AfterValidator(_check_selector),
    WithJsonSchema({"type": "string", "title": "selector"}),
]

"""Places in the configuration: hosts, proxies, files and folders, address ranges."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from fmgsync.settings.refusing import refuse, shown


@dataclass(frozen=True, slots=True)
class Host:
    """A host and its port; `name` is a DNS name or an address without brackets."""

    name: str
    port: int = 443

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port == 443 else f"{name}:{self.port}"


_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


def parse_host(value: object) -> Host:
    """`fmg.example.net`, `10.0.0.1:8443`, `[2001:db8::1]:443`."""
    if not isinstance(value, str):
        raise refuse("must be a host name or address", "write host or host:port, in quotes")
    if "@" in value:
        raise refuse(
            "must not hold a user or password", "write only host or host:port; see credentials"
        )
    if "://" in value or "/" in value:
        raise refuse(
            f"{shown(value)} is a url", "write only host or host:port; HTTPS is always used"
        )
    found = re.fullmatch(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::([0-9]{1,5}))?", value, re.ASCII)
    if found is None:
        raise refuse(
            f"{shown(value)} is not host or host:port",
            "an IPv6 address stands in brackets: [2001:db8::1]:443",
        )
    literal, name, port = found.group(1), found.group(2), int(found.group(3) or 443)
    if not 0 < port < 65536:
        raise refuse(f"{port} is not a port", "ports are 1 to 65535")
    return Host(_ipv6(literal) if literal is not None else _host_name(name), port)


def _ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise refuse(f"{shown(text)} is not an IPv6 address") from None
    if address.scope_id is not None:
        raise refuse("an address with a zone works on one computer only", "give a global address")
    return str(address)


def _host_name(name: str) -> str:
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise refuse(
            f"{shown(name)} is not a host name",
            "letters, digits, hyphens and dots; an international name in its xn-- form",
        )
    if labels[-1].isdigit():
        try:
            ipaddress.IPv4Address(name)
        except ValueError:
            raise refuse(f"{shown(name)} is not an IPv4 address") from None
    return name


HostPort = Annotated[
    Host,
    PlainValidator(parse_host),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "title": "host or host:port"}),
]


def _check_proxy(text: str) -> str:
    try:
        parts = urlsplit(text)
        secret, port = parts.password or parts.username, parts.port
    except ValueError:
        raise refuse("is not a url", "write http://proxy.example.net:3128") from None
    if secret:
        raise refuse("must not hold a user or password", "secrets never stand in this file")
    extra = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or extra:
        raise refuse("is not the url of a proxy", "write http://proxy.example.net:3128")
    return text


ProxyUrl = Annotated[
    str, AfterValidator(_check_proxy), WithJsonSchema({"type": "string", "title": "url"})
]


def parse_path(value: object, info: ValidationInfo) -> Path:
    """A path; `~` is the home folder, relative ones start at the configuration's folder."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise refuse("must be the path of a file or folder")
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise refuse(f"{shown(value)}: there is no such home folder") from None
    base: Path = (info.context or {}).get("base", Path())
    return base / path


def _parse_manifests(value: object, info: ValidationInfo) -> Path | Literal["-"]:
    return "-" if value == "-" else parse_path(value, info)


_PATH_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1, "title": "path"})
ConfigPath = Annotated[Path, PlainValidator(parse_path), _PATH_SCHEMA]
ManifestsPath = Annotated[Path | Literal["-"], PlainValidator(_parse_manifests), _PATH_SCHEMA]


def _parse_kubeconfig(value: object, info: ValidationInfo) -> Path:
    """One path, or several as the variable KUBECONFIG has them; each is taken as any other."""
    parts = value.split(os.pathsep) if isinstance(value, str) else []
    if len(parts) < 2:
        return parse_path(value, info)
    return Path(os.pathsep.join(str(parse_path(part, info)) for part in parts if part))


KubeconfigPath = Annotated[Path, PlainValidator(_parse_kubeconfig), _PATH_SCHEMA]

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"


def parse_network(value: object) -> Network:
    """`10.40.0.0/14`, `2001:db8::/32` or one address; host bits must be zero."""
    text = value if isinstance(value, str) else ""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise refuse(
            f"{shown(value)} is not an address range", "write it as 10.40.0.0/14 or 2001:db8::/44"
        ) from None
    raise refuse(f"{shown(value)} has host bits set", f"write {meant}")


AddressRange = Annotated[
    ipaddress.IPv4Network | ipaddress.IPv6Network,
    PlainValidator(parse_network),
    WithJsonSchema({"type": "string", "title": "address range"}),
]

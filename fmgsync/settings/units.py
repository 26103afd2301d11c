"""The keys of the units that are written to, and how they are reached."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from fmgsync.settings.amounts import Flag, Whole
from fmgsync.settings.endpoints import ConfigPath, HostPort, ProxyUrl
from fmgsync.settings.names import Line, Name, SerialNumber
from fmgsync.settings.part import Part, one_of
from fmgsync.settings.secret import SecretRef


class Credentials(Part):
    """How to log in: user and password, or an API key."""

    model_config = ConfigDict(json_schema_extra=one_of("password", "apiKey"))

    username: Line | None = Field(default=None, description="Administrator with JSON API access.")
    password: SecretRef | None = Field(default=None, description="The administrator's password.")
    api_key: SecretRef | None = Field(
        default=None, description="Key of an API administrator, instead of user and password."
    )


class Tls(Part):
    """How the unit proves who it is."""

    ca_file: ConfigPath | None = Field(
        default=None, description="Certificates (PEM) to trust; default: the public ones."
    )
    verify: Flag = Field(
        default=True,
        description="`false` trusts any certificate: anyone on the way can read password or key.",
    )


class FortiManager(Part):
    """A FortiManager and how to reach it."""

    name: Name = Field(description="Name used in `sites` and windows.")
    host: HostPort = Field(
        description="DNS name or address, with a port if it is not 443; IPv6 in brackets."
    )
    credentials: Credentials = Field(description="The account to log in with.")
    tls: Tls = Field(default_factory=Tls, description="Verification of its certificate.")
    proxy: ProxyUrl | None = Field(
        default=None,
        description=(
            "Url of an HTTP proxy without user and password. The environment's proxy variables "
            "are ignored."
        ),
    )


class ClientCert(Part):
    """What an administrator with `peer-auth` has to show besides the key."""

    cert_file: ConfigPath = Field(description="The certificate (PEM).")
    key_file: ConfigPath = Field(description="Its private key (PEM), without a passphrase.")


class FortiGateTls(Tls):
    """How FortiGate and fmgsync prove who they are."""

    client_cert: ClientCert | None = Field(
        default=None, description="A client certificate, where the administrator needs one."
    )


class FortiGate(Part):
    """A FortiGate that no FortiManager manages, written over its own REST API."""

    name: Name = Field(description="Name used in `sites`, windows and `rollout`.")
    host: HostPort = Field(
        description="DNS name or address of its administrative access, with a port if it is not"
        " 443. Of a cluster: the address that moves with the primary unit."
    )
    api_key: SecretRef = Field(
        description="Key of a REST API administrator; it is sent in a header only."
    )
    tls: FortiGateTls = Field(
        default_factory=FortiGateTls, description="Verification of certificates."
    )
    serials: tuple[SerialNumber, ...] = Field(
        default=(),
        description=(
            "The serial numbers that may answer there: the unit's, or those of all units of its "
            "cluster. Another one is another unit, and nothing is written to it. Without them, "
            "whether another number is a failover is asked of the unit, if the key may see that."
        ),
    )
    managed: Literal["ask", "no"] = Field(
        default="ask",
        description=(
            "`ask`: refused if a FortiManager manages it, or if the key may not see whether one "
            "does. `no`: you vouch that none does; `doctor` asks each time nevertheless."
        ),
    )
    connections: Whole = Field(
        default=2, ge=1, le=4, description="Most requests that are under way at the unit at once."
    )
    transactions: Literal["auto", "off"] = Field(
        default="auto",
        description=(
            "`auto`: members of several groups change together where the unit can do that; `off`: "
            "always one after the other, which locks nothing."
        ),
    )

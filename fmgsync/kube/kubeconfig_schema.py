"""What a kubeconfig may say, each value with the type that kubectl demands.

Public source: the Kubernetes documentation, "kubeconfig (v1)".
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel


def _decoded(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64") from None


def _kebab(name: str) -> str:
    return name.replace("_", "-")


Data = Annotated[bytes, BeforeValidator(_decoded)]


class _Part(BaseModel):
    # Strict: a quoted "false" is text and no truth value, as it is for kubectl.
    # Built when a kubeconfig is read, which a run over dumps does not.
    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        alias_generator=_kebab,
        defer_build=True,
    )


class Server(_Part):
    """A cluster: where its API server is, and how it proves who it is."""

    server: str | None = None
    tls_server_name: str | None = None
    insecure_skip_tls_verify: bool | None = None
    certificate_authority: str | None = None
    certificate_authority_data: Data | None = None
    proxy_url: str | None = Field(default=None, repr=False)
    disable_compression: bool | None = None


class EnvironmentEntry(_Part):
    """A variable for an exec plugin."""

    name: str
    value: str = Field(repr=False)


class Exec(_Part):
    """A program that prints credentials."""

    model_config = ConfigDict(alias_generator=to_camel)

    api_version: str | None = None
    command: str | None = None
    args: list[str] | None = Field(default=None, repr=False)
    env: list[EnvironmentEntry] | None = None
    install_hint: str | None = None
    provide_cluster_info: bool | None = None
    interactive_mode: Literal["Never", "IfAvailable", "Always"] | None = None


class AuthProvider(_Part):
    """A way to log in that is built into the client."""

    name: str | None = None
    config: dict[str, str] | None = Field(default=None, repr=False)


class User(_Part):
    """Who somebody is, or whom they act for."""

    client_certificate: str | None = None
    client_certificate_data: Data | None = None
    client_key: str | None = None
    client_key_data: Data | None = Field(default=None, repr=False)
    token: str | None = Field(default=None, repr=False)
    token_file: str | None = Field(default=None, alias="tokenFile")
    username: str | None = None
    password: str | None = Field(default=None, repr=False)
    as_user: str | None = Field(default=None, alias="as")
    as_uid: str | None = None
    as_groups: list[str] | None = None
    as_user_extra: dict[str, list[str]] | None = None
    exec: Exec | None = None
    auth_provider: AuthProvider | None = None


class Context(_Part):
    """Who goes where."""

    cluster: str | None = None
    user: str | None = None
    namespace: str | None = None


class NamedCluster(_Part):
    """A cluster by its name."""

    name: str
    cluster: Server | None = None


class NamedUser(_Part):
    """A user by its name."""

    name: str
    user: User | None = None


class NamedContext(_Part):
    """A context by its name."""

    name: str
    context: Context | None = None


class File(_Part):
    """All of it that is looked at."""

    kind: Literal["Config", ""] | None = None
    api_version: Literal["v1", ""] | None = Field(default=None, alias="apiVersion")
    clusters: list[NamedCluster] | None = None
    users: list[NamedUser] | None = None
    contexts: list[NamedContext] | None = None
    current_context: str | None = None

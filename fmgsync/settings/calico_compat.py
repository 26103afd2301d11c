"""`calicoCompat`: the Calico firewall controller's ConfigMaps and Secrets stand in for keys of the
configuration, as long as somebody keeps them.

What the file itself says counts first: a unit of the same name replaces theirs, so that its
certificate's authority can be given; groups and sites are added.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from fmgsync import yamllines
from fmgsync.kube.kubeconfig import Access
from fmgsync.settings import calico_import, calico_objects
from fmgsync.settings.calico_import import Imported, Key, Manifest
from fmgsync.settings.schema import Config

_KEY: Final = "calicoCompat"
_HEAD: Final = ("owner", "clusters", _KEY)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in the cluster: the configuration it makes, and the Secrets it names."""

    made: Imported
    secrets: Mapping[Key, bytes]


def place(text: bytes | str, name: str) -> object:
    """What the file says under `calicoCompat`; None if nothing."""
    data = yamllines.load(text, name).data
    return data.get(_KEY) if isinstance(data, dict) else None


def head(text: bytes | str, name: str) -> str:
    """The part of the file that says where to ask."""
    data = yamllines.load(text, name).data
    assert isinstance(data, dict)  # noqa: S101 - see place
    return json.dumps({key: data[key] for key in _HEAD if key in data})


def title(config: Config) -> str:
    """The namespace, for messages."""
    compat = config.calico_compat
    assert compat is not None  # noqa: S101 - see place
    return f"namespace {compat.namespace} of cluster {compat.cluster}"


def read(config: Config) -> Found:
    """Ask the cluster. Raises SourceError, and ConfigError for what never worked."""
    objects = _objects(config)
    made = calico_import.translate(
        objects, owner=config.owner, cluster={"name": _compat_cluster(config)}
    )
    calico_objects.refuse_errors(made)
    return Found(made, dict(_secrets(objects, made)))


def stamp(config: Config) -> object:
    """Changes when any of the objects says something else."""
    told = [[each.get("kind"), each.get("data"), each.get("spec")] for each in _objects(config)]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _compat_cluster(config: Config) -> str:
    assert config.calico_compat is not None  # noqa: S101 - see place
    return config.calico_compat.cluster


def _objects(config: Config) -> list[Manifest]:
    from fmgsync.kube.client import ApiSession

    compat = config.calico_compat
    assert compat is not None  # noqa: S101 - see place
    found = next(each for each in config.clusters if each.name == compat.cluster)
    access = found.kubeconfig.access if found.kubeconfig else Access()
    session = ApiSession(found.name, access)
    try:
        return calico_objects.read(session, compat.namespace)
    finally:
        session.close()


def _secrets(objects: list[Manifest], made: Imported) -> list[tuple[Key, bytes]]:
    data = {
        each["metadata"]["name"]: each.get("data") or {}
        for each in objects
        if each.get("kind") == "Secret"
    }
    found = []
    for key in made.secrets:
        encoded = data.get(key.secret, {}).get(key.key)
        if isinstance(encoded, str):
            try:
                found.append((key, base64.b64decode(encoded, validate=True)))
            except binascii.Error:
                continue
    return found


def joined(text: bytes | str, name: str, found: Found) -> str:
    """The file with what was found in the cluster."""
    data = yamllines.load(text, name).data
    assert isinstance(data, dict)  # noqa: S101 - see place
    both: dict[str, Any] = dict(data)
    made = found.made.data
    for key in ("fortimanagers", "fortigates"):
        own = [each for each in both.get(key) or () if isinstance(each, dict)]
        names = {each.get("name") for each in own}
        both[key] = [*own, *(each for each in made.get(key, ()) if each["name"] not in names)]
    both["sites"] = [*(both.get("sites") or ()), *made["sites"]]
    both["groups"] = [*(both.get("groups") or ()), *made["groups"]]
    return yaml.safe_dump({key: each for key, each in both.items() if each}, sort_keys=False)


def hold_secrets(config: Config, found: Found) -> None:
    """Give the references the secrets that the cluster has."""
    by_file = {key.file: content for key, content in found.secrets.items()}
    references = [unit.credentials.password for unit in config.fortimanagers]
    references += [unit.api_key for unit in config.fortigates]
    for reference in references:
        if reference is not None and str(reference.file) in by_file:
            reference.hold(by_file[str(reference.file)])

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

from fmgsync import yamllines
from fmgsync.kube.kubeconfig import Access
from fmgsync.settings import calico_import, calico_objects
from fmgsync.settings.calico_import import Imported, Key, Manifest
from fmgsync.settings.schema import Config
from fmgsync.yamllines import Plain, Position

_KEY: Final = "calicoCompat"
_HEAD: Final = ("owner", "clusters", _KEY)
_LISTS: Final = ("fortimanagers", "fortigates", "sites", "groups")


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in the cluster: the configuration it makes, and the Secrets it names."""

    made: Imported
    secrets: Mapping[Key, bytes]


@dataclass(frozen=True, slots=True)
class Joined:
    """The file's document with other `data`; what is not in the file stands at `calicoCompat`."""

    data: Plain
    file: yamllines.Document

    def at(self, path: yamllines.Path) -> Position:
        """Where the value begins."""
        return self.file.at(self._in_file(path))

    def key_at(self, path: yamllines.Path) -> Position:
        """Where its key stands."""
        return self.file.key_at(self._in_file(path))

    def _in_file(self, path: yamllines.Path) -> yamllines.Path:
        if not path or path[0] not in _LISTS:
            return path
        own = _own(self.file).get(str(path[0]))
        count = len(own) if isinstance(own, list) else 0
        return (_KEY,) if len(path) > 1 and int(path[1]) >= count else path


def _own(document: yamllines.Document) -> Mapping[str, Any]:
    return document.data if isinstance(document.data, dict) else {}


def head(document: yamllines.Document) -> Joined | None:
    """The part of the file that says where to ask; None if nothing does."""
    data = {key: each for key, each in _own(document).items() if key in _HEAD}
    return Joined(data, document) if data.get(_KEY) is not None else None


def title(config: Config) -> str:
    """The namespace, for messages."""
    compat = config.calico_compat
    assert compat is not None  # noqa: S101 - see head
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
    assert config.calico_compat is not None  # noqa: S101 - see head
    return config.calico_compat.cluster


def _objects(config: Config) -> list[Manifest]:
    from fmgsync.kube.client import ApiSession

    compat = config.calico_compat
    assert compat is not None  # noqa: S101 - see head
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


def joined(document: yamllines.Document, found: Found) -> Joined:
    """The file with what was found in the cluster."""
    both, made = dict(_own(document)), found.made.data
    for key in _LISTS:
        own = both.get(key)
        if own is None or isinstance(own, list):
            own = own or []
            names = {each.get("name") for each in own if isinstance(each, dict)} - {None}
            both[key] = [*own, *(e for e in made.get(key, ()) if e.get("name") not in names)]
    return Joined({key: each for key, each in both.items() if each}, document)


def hold_secrets(config: Config, found: Found) -> None:
    """Give the references the secrets that the cluster has."""
    by_file = {key.file: content for key, content in found.secrets.items()}
    references = [unit.credentials.password for unit in config.fortimanagers]
    references += [unit.api_key for unit in config.fortigates]
    for reference in references:
        if reference is not None and str(reference.file) in by_file:
            reference.hold(by_file[str(reference.file)])

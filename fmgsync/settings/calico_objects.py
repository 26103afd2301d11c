"""The objects of the Calico firewall controller, from files or from the cluster it runs in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from fmgsync import yamlplain
from fmgsync.errors import ConfigError, ConfigProblem, SourceForbidden, SourceNotFound
from fmgsync.kube.requests import CONFIGMAPS, DEPLOYMENTS, SECRETS, Request, Resource
from fmgsync.settings import calico_import
from fmgsync.settings.calico_import import Imported, Manifest

if TYPE_CHECKING:
    from fmgsync.kube.client import ApiSession

READ: Final[tuple[tuple[Resource, tuple[str, ...]], ...]] = (
    (
        CONFIGMAPS,
        (calico_import.BEHAVIOUR, calico_import.DEVICES, calico_import.EAST_WEST),
    ),
    (DEPLOYMENTS, (calico_import.BEHAVIOUR,)),
    (SECRETS, ()),
)
"""What `read` asks for, by name; of Secrets those that the list of devices names."""
_KINDS: Final = ("ConfigMap", "Secret", "Deployment")
_MOST_BYTES: Final = 4 * 1024 * 1024


def from_files(files: Iterable[Path]) -> list[Manifest]:
    """What kubectl printed. Raises ConfigError for what is no YAML."""
    return [each for path in files for each in _of_file(path)]


def _of_file(path: Path) -> Iterator[Manifest]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _unreadable(path, "it is too long for a few ConfigMaps")
        text = path.read_text(encoding="utf-8")
        documents = yamlplain.load_all(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise _unreadable(path, f"cannot be read: {reason}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark is not None else ""
        raise _unreadable(path, f"{yamlplain.why(error)}{line}") from error
    for document in documents:
        yield from _objects(document)


def _objects(document: Any) -> Iterator[Manifest]:
    if not isinstance(document, dict):
        return
    items = document.get("items")
    if isinstance(items, list):
        for each in items:
            yield from _objects(each)
    elif document.get("kind") in _KINDS:
        yield document


def from_cluster(kubeconfig: Path, context: str | None, namespace: str) -> list[Manifest]:
    """The same, asked of the API server. Raises SourceError."""
    from fmgsync.kube.client import Access, ApiSession

    session = ApiSession("of the Calico controller", Access(kubeconfig, context))
    try:
        return read(session, namespace)
    finally:
        session.close()


def read(session: ApiSession, namespace: str) -> list[Manifest]:
    """The ConfigMaps, the Deployment, and the Secrets that they name, as far as they may be read.

    Raises SourceError if a ConfigMap may not be read.
    """
    found: list[Manifest] = []
    for name in (calico_import.BEHAVIOUR, calico_import.DEVICES, calico_import.EAST_WEST):
        found += _one(session, CONFIGMAPS, namespace, name)
    with suppress(SourceForbidden):
        found += _one(session, DEPLOYMENTS, namespace, calico_import.BEHAVIOUR)
    named = calico_import.translate(found, owner="k8s", cluster={"name": "main"}).secrets
    for name in sorted({key.secret for key in named}):
        with suppress(SourceForbidden):
            found += _one(session, SECRETS, namespace, name)
    return found


def _one(session: ApiSession, resource: Resource, namespace: str, name: str) -> Iterator[Manifest]:
    try:
        yield session.one(Request("get", resource, namespace, name), dict[str, Any])
    except SourceNotFound:
        return


def refuse_errors(made: Imported) -> None:
    """Raise ConfigError for what never worked."""
    if made.errors:
        problems = tuple(ConfigProblem("", text) for text in made.errors)
        raise ConfigError("the Calico controller's configuration", problems)


def text(made: Imported) -> str:
    """The configuration, its notes first."""
    notes = "".join(f"# {note}\n" for note in made.notes)
    return f"{notes}{yaml.safe_dump(made.data, sort_keys=False, allow_unicode=False)}"


def _unreadable(path: Path, message: str) -> ConfigError:
    return ConfigError(str(path), (ConfigProblem("", message),))

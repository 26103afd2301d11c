"""The kubeconfig, read as kubectl reads it: merged, typed, paths resolved, one context chosen.

Every credential in it becomes known to the redaction, whoever's it is. What kubectl refuses is
refused here, in words that hold no value of the file. Public sources: the Kubernetes
documentation, "Organizing Cluster Access Using kubeconfig Files" and "kubeconfig (v1)".
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import pydantic
import yaml

from fmgsync import yamlplain
from fmgsync.errors import SourceMisconfigured
from fmgsync.kube import kubeconfig_secrets
from fmgsync.kube.kubeconfig_schema import (
    Context,
    File,
    NamedCluster,
    NamedContext,
    NamedUser,
    Server,
    User,
)
from fmgsync.model.words import some

_MOST_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Access:
    """How a cluster is reached: kubeconfigs, merged as kubectl does, and a context in them.

    Without a context, the current one; without a kubeconfig, the service account of the pod this
    runs in. Files named in `more` may be absent, as those of the variable KUBECONFIG.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    more: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them; the first to name something wins."""
        return () if self.kubeconfig is None else (self.kubeconfig, *self.more)

    def where(self, cluster: str) -> str:
        """For messages: the cluster, and the files it is reached by."""
        if self.kubeconfig is None:
            return f"cluster {cluster}"
        context = f", context {self.context!r}" if self.context else ""
        return f"cluster {cluster}, kubeconfig {os.pathsep.join(map(str, self.files))}{context}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """One context: the server, the user, and the folders their relative paths start from."""

    server: Server
    server_folder: Path
    user: User
    user_folder: Path
    extensions: Mapping[str, Any] = field(repr=False)
    """The cluster as the file has it, for plugins that want to know."""

    @property
    def named_files(self) -> tuple[Path, ...]:
        """What both name besides, but for a token's file, which is read for every request."""
        of_server = (self.server.certificate_authority,)
        of_user = (self.user.client_certificate, self.user.client_key)
        return tuple(
            folder / name
            for folder, names in ((self.server_folder, of_server), (self.user_folder, of_user))
            for name in names
            if name and "\0" not in name
        )


_Named = TypeVar("_Named", NamedCluster, NamedUser, NamedContext)


@dataclass(frozen=True, slots=True)
class _Merged:
    """All files; of one name the first counts alone. Each entry comes with its file's folder."""

    clusters: dict[str, tuple[NamedCluster, Path]]
    users: dict[str, tuple[NamedUser, Path]]
    contexts: dict[str, tuple[NamedContext, Path]]
    current: str
    raw: dict[str, Mapping[str, Any]]


def choose(access: Access, where: str) -> Chosen:
    """The context that `access` means. Raises SourceMisconfigured, naming file and entry."""

    def refuse(what: str, step: str = "") -> NoReturn:
        raise SourceMisconfigured(
            f"the kubeconfig cannot be used: {what}",
            where=where,
            next_step=step
            or "check `kubeconfig` of this cluster: does `kubectl` accept the same file?",
        )

    merged = _merged(access, refuse)
    name = access.context or merged.current
    if not name:
        refuse("it has no current context", f"name one: {_listed(merged.contexts)}")
    context, _ = _named("context", merged.contexts, name, refuse)
    wanted = context.context or Context()
    cluster, server_folder = _named("cluster", merged.clusters, wanted.cluster or "", refuse)
    user, user_folder = User(), server_folder
    if wanted.user:
        entry, user_folder = _named("user", merged.users, wanted.user, refuse)
        user = entry.user or User()
    _refuse_what_kubectl_refuses(cluster.cluster or Server(), user, refuse)
    raw = merged.raw.get(cluster.name, {})
    return Chosen(cluster.cluster or Server(), server_folder, user, user_folder, raw)


def named_files(access: Access) -> tuple[Path, ...]:
    """The files whose content counts as the kubeconfig's own; none where it cannot be used."""
    try:
        return choose(access, "").named_files
    except SourceMisconfigured:
        return ()


Refuse = Callable[..., NoReturn]


def _merged(access: Access, refuse: Refuse) -> _Merged:
    found = _Merged({}, {}, {}, "", {})
    current = ""
    for path in access.files:
        if access.more and not path.exists():
            continue  # as kubectl does with a list of files
        raw = _raw(path, refuse)
        kubeconfig_secrets.know_credentials(raw)
        try:
            file = File.model_validate(raw)
        except pydantic.ValidationError as error:
            refuse("; ".join(_problems(error, path, alone=not access.more)))
        folder = path.parent.absolute()
        _add(found.clusters, file.clusters, folder, refuse)
        _add(found.users, file.users, folder, refuse)
        _add(found.contexts, file.contexts, folder, refuse)
        for each in raw.get("clusters") or ():
            found.raw.setdefault(each["name"], each.get("cluster") or {})
        current = current or file.current_context or ""
    if access.more and not found.contexts:
        refuse("none of these files has a context", "see the variable KUBECONFIG")
    return _Merged(found.clusters, found.users, found.contexts, current, found.raw)


def _add(
    found: dict[str, tuple[_Named, Path]],
    entries: Sequence[_Named] | None,
    folder: Path,
    refuse: Refuse,
) -> None:
    """Of two files the first counts; two entries of one file contradict each other."""
    names: set[str] = set()
    for entry in entries or ():
        if entry.name in names:
            refuse(f"it has two entries of the name {entry.name!r}", "keep one of them")
        names.add(entry.name)
        found.setdefault(entry.name, (entry, folder))


class _Loader(yaml.CSafeLoader):
    """YAML without dates: there are none in a kubeconfig, and what looks like one is text."""


_NO_TYPES: Final = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag not in _NO_TYPES]
    for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _raw(path: Path, refuse: Refuse) -> dict[str, Any]:
    try:
        with path.open("rb") as opened:
            text = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        refuse((error.strerror or type(error).__name__).lower())
    if len(text) > _MOST_BYTES:
        refuse("it is too long for one")
    try:
        found = yamlplain.load(text, _Loader)
    except yamlplain.Excessive as error:
        refuse(f"it is no kubeconfig: {error.problem}")
    except yaml.YAMLError as error:
        # Not the error's own text: it quotes the file.
        mark = getattr(error, "problem_mark", None)
        refuse("it is no YAML" + (f", see line {mark.line + 1}" if mark else ""))
    if not isinstance(found, dict):
        refuse("it is empty" if found is None else "it is no kubeconfig")
    return found


_TYPES: Final[Mapping[str, str]] = {
    "string_type": "must be text (in quotes)",
    "bool_type": "must be true or false, without quotes",
    "list_type": "must be a list",
    "dict_type": "must have keys",
    "model_type": "must have keys",
    "missing": "is missing",
    "value_error": "must be base64",
    "bytes_type": "must be base64 text",
}


def _problems(error: pydantic.ValidationError, path: Path, *, alone: bool) -> Iterator[str]:
    """Which value has which wrong type; never the value."""
    for each in error.errors(include_url=False, include_input=False)[:5]:
        place = "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in each["loc"])
        file = "" if alone else f"{path}: "
        expected = each.get("ctx", {}).get("expected")
        must = f"must be {expected}" if expected else _TYPES.get(each["type"], "has the wrong type")
        yield f"{file}{place.strip('.')} {must}"


def _named(
    kind: str, entries: Mapping[str, tuple[_Named, Path]], name: str, refuse: Refuse
) -> tuple[_Named, Path]:
    found = entries.get(name)
    if found is None:
        near = difflib.get_close_matches(name, entries, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {_listed(entries)}"
        refuse(f"there is no {kind} {name!r} in it", hint)
    return found


def _listed(entries: Mapping[str, object]) -> str:
    names = [repr(name) for name in sorted(entries)]
    return some(names, 8) or "none"


def _refuse_what_kubectl_refuses(server: Server, user: User, refuse: Refuse) -> None:
    """Contradictions. Public source: client-go, `clientcmd/validation.go`."""
    if server.insecure_skip_tls_verify and (
        server.certificate_authority or server.certificate_authority_data
    ):
        refuse("it names an authority and says insecure-skip-tls-verify", "keep the authority")
    certificate = user.client_certificate or user.client_certificate_data
    key = user.client_key or user.client_key_data
    if bool(certificate) is not bool(key):
        refuse(f"the user has a client {'certificate' if certificate else 'key'} without the other")
    if (user.token or user.token_file) and (user.username or user.password):
        refuse("the user has a token as well as a password", "keep one of them")
    if not user.as_user and (user.as_uid or user.as_groups or user.as_user_extra):
        refuse("it acts for groups without acting for a user (`as`)", "write `as` as well")
    if user.exec is not None and user.auth_provider is not None:
        refuse("the user has an exec plugin as well as an auth-provider", "keep one of them")

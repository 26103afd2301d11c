"""Which of two homes a kind has in this cluster.

Public source: the Kubernetes documentation, "API discovery"; every authenticated user may ask.
"""

from __future__ import annotations

import msgspec

from fmgsync.errors import SourceNotFound
from fmgsync.kube import failures
from fmgsync.kube.client import ApiSession
from fmgsync.kube.requests import Request, Resource


class _Served(msgspec.Struct, frozen=True):
    name: str = ""


class _Resources(msgspec.Struct, frozen=True):
    resources: list[_Served]


def served(
    session: ApiSession, first: Resource, older: Resource | None, *, spare: bool = False
) -> Resource:
    """The first of the two that the API server serves; nothing is asked where there is one only,
    unless that is `spare`.

    Raises SourceNotFound if it has neither. A group that is known but does not answer at the
    moment raises as everything else does: the older home may name things differently.
    """
    if older is None and not spare:
        return first
    homes = [first] if older is None else [first, older]
    for each in homes:
        if _has(session, each):
            return each
    raise SourceNotFound(
        f"the cluster has no {first.plural}: {_neither(homes)} is served",
        code=404,
        where=session.where,
        next_step="install what serves them, or take this cluster out of the rules that need it",
    )


def _neither(homes: list[Resource]) -> str:
    versions = [each.api_version for each in homes]
    return f"neither {' nor '.join(versions)}" if len(versions) > 1 else f"no {versions[0]}"


def _has(session: ApiSession, resource: Resource) -> bool:
    request = Request("get", Resource(resource.group, resource.version, ""))
    try:
        body = session.send(request)
    except SourceNotFound:
        return False
    try:
        found = msgspec.json.decode(body, type=_Resources)
    except (msgspec.DecodeError, RecursionError) as error:
        raise failures.garbage(session.where, request, str(error)) from error
    return any(each.name == resource.plural for each in found.resources)

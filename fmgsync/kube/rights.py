"""Asks the API server what we may do, without doing it: for `doctor`.

Public source: the Kubernetes documentation, "Authorization", SelfSubjectAccessReview; every
authenticated user may ask this about itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from fmgsync.kube import failures
from fmgsync.kube.client import ApiSession
from fmgsync.kube.requests import Request, Resource

_REVIEWS: Final = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews")


class _Status(msgspec.Struct, frozen=True):
    allowed: bool


class _Review(msgspec.Struct, frozen=True):
    kind: Literal["SelfSubjectAccessReview"]
    status: _Status


def missing(session: ApiSession, wanted: Iterable[Request]) -> tuple[Request, ...]:
    """Those of the requests that no role allows; `Request.rule` says what to grant."""
    return tuple(request for request in wanted if not _allowed(session, request))


def _allowed(session: ApiSession, wanted: Request) -> bool:
    attributes = {
        "verb": wanted.verb,
        "group": wanted.resource.group,
        "version": wanted.resource.version,
        "resource": wanted.resource.plural,
        "subresource": wanted.part,
        "namespace": wanted.namespace,
        "name": wanted.name,
    }
    content = {
        "apiVersion": _REVIEWS.api_version,
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    request = Request("create", _REVIEWS, body=msgspec.json.encode(content))
    body = session.send(request)
    try:
        return msgspec.json.decode(body, type=_Review).status.allowed
    except (msgspec.DecodeError, RecursionError) as error:
        raise failures.garbage(session.where, request, str(error)) from error

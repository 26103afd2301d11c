"""The Status objects with which an API server refuses, and the exceptions that carry them."""

from __future__ import annotations

from typing import Any

from fmgsync.simulator.kubernetes.resources import Resource


class ApiRefusal(Exception):
    """An answer other than success: HTTP code, reason, message, further fields of Status."""

    def __init__(self, code: int, reason: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.more = more

    def status(self) -> dict[str, Any]:
        """The body of the answer."""
        more = dict(self.more)
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": more.pop("metadata", {}),
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            **more,
            "code": self.code,
        }


def unauthorized() -> ApiRefusal:
    """No token, or one that nobody issued."""
    return ApiRefusal(401, "Unauthorized", "Unauthorized")


def forbidden(
    user: str, verb: str, resource: Resource, namespace: str, name: str, because: str = ""
) -> ApiRefusal:
    """No role allows it."""
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    named = f' "{name}"' if name else ""
    return ApiRefusal(
        403,
        "Forbidden",
        f'{_qualified(resource)}{named} is forbidden: User "{user}" cannot {verb} resource '
        f'"{resource.plural}" in API group "{resource.group}" {scope}{because}',
        details=_details(resource, name),
    )


def not_found(resource: Resource, name: str) -> ApiRefusal:
    """No such object."""
    return ApiRefusal(
        404,
        "NotFound",
        f'{_qualified(resource)} "{name}" not found',
        details=_details(resource, name),
    )


def being_terminated(resource: Resource, name: str, namespace: str) -> ApiRefusal:
    """A new object in a namespace that is being deleted."""
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    return ApiRefusal(
        403,
        "Forbidden",
        f'{_qualified(resource)} "{name}" is forbidden: {why}',
        details=_details(resource, name) | {"causes": [cause]},
    )


def may_not_be_deleted(namespace: str) -> ApiRefusal:
    """The namespaces that a cluster cannot be without."""
    why = f'namespaces "{namespace}" is forbidden: this namespace may not be deleted'
    return ApiRefusal(403, "Forbidden", why, details={"kind": "namespaces", "name": namespace})


def no_such_path() -> ApiRefusal:
    """A url that names nothing."""
    return ApiRefusal(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: Resource, name: str) -> ApiRefusal:
    """POST of a name that is taken."""
    return ApiRefusal(
        409,
        "AlreadyExists",
        f'{_qualified(resource)} "{name}" already exists',
        details=_details(resource, name),
    )


def conflict(resource: Resource, name: str, why: str | None = None) -> ApiRefusal:
    """The object changed since the caller read it."""
    because = why or (
        "the object has been modified; please apply your changes to the latest version "
        "and try again"
    )
    return ApiRefusal(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {_qualified(resource)} "{name}": {because}',
        details=_details(resource, name),
    )


def invalid(resource: Resource, name: str, field: str, why: str) -> ApiRefusal:
    """A value that the object may not have."""
    cause = {"reason": "FieldValueInvalid", "message": why, "field": field}
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return ApiRefusal(
        422,
        "Invalid",
        f'{kind} "{name}" is invalid: {field}: {why}',
        details=_details(resource, name) | {"causes": [cause]},
    )


def invalid_options(kind: str, field: str, why: str) -> ApiRefusal:
    """Query parameters that do not go together."""
    cause = {"reason": "FieldValueInvalid", "message": why, "field": field}
    return ApiRefusal(
        422,
        "Invalid",
        f'{kind}.meta.k8s.io "" is invalid: {field}: {why}',
        details={"kind": kind, "group": "meta.k8s.io", "causes": [cause]},
    )


def field_conflicts(managers: list[tuple[str, str]], version: str) -> ApiRefusal:
    """Server-side apply of fields that others own; each is a manager and a field."""
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}" using {version}',
            "field": field,
        }
        for manager, field in managers
    ]
    noun = "conflict" if len(causes) == 1 else "conflicts"
    told = "; ".join(f"{each['message']}: {each['field']}" for each in causes)
    return ApiRefusal(
        409,
        "Conflict",
        f"Apply failed with {len(causes)} {noun}: {told}",
        details={"causes": causes},
    )


def internal(why: str) -> ApiRefusal:
    """What the server did not expect."""
    return ApiRefusal(500, "InternalError", why)


def bad_request(why: str) -> ApiRefusal:
    """A request that makes no sense."""
    return ApiRefusal(400, "BadRequest", why)


def expired(message: str, **metadata: Any) -> ApiRefusal:
    """A resourceVersion or continue token from before the event log begins."""
    return ApiRefusal(410, "Expired", message, metadata=metadata)


def too_large(asked: int, current: int) -> ApiRefusal:
    """A resourceVersion that is yet to come; seen on kube-apiserver 1.36.2."""
    return ApiRefusal(
        504,
        "Timeout",
        f"Too large resource version: {asked}, current: {current}",
        details={
            "causes": [
                {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            ],
            "retryAfterSeconds": 1,
        },
    )


def too_many(retry_after_s: int) -> ApiRefusal:
    """The server sheds load."""
    return ApiRefusal(
        429,
        "TooManyRequests",
        "too many requests, please try again later.",
        details={"retryAfterSeconds": retry_after_s},
    )


def _qualified(resource: Resource) -> str:
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def _details(resource: Resource, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {"kind": resource.plural}
    if name:
        details["name"] = name
    if resource.group:
        details["group"] = resource.group
    return details

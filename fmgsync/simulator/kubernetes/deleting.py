"""Deletion: what is gone at once, what first terminates, and what holds it back.

Pods terminate for their grace period, finalizers keep any object, and a namespace stays until it
is finalized, which the namespace controller does when nothing is left in it. Public source:
apiserver's `BeforeDelete`; the events are those seen on kube-apiserver 1.36.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fmgsync.simulator.kubernetes import refusals
from fmgsync.simulator.kubernetes.admission import timestamp
from fmgsync.simulator.kubernetes.resources import NAMESPACES, PODS, RESOURCES
from fmgsync.simulator.kubernetes.store import Store, Stored

_GRACE_S: Final = 30
_IMMORTAL: Final = ("default", "kube-system", "kube-public")
_FINISHED: Final = ("Succeeded", "Failed")


def delete(store: Store, old: Stored, options: Mapping[str, Any]) -> Stored:
    """Remove the object, or begin to."""
    _check_preconditions(old, options)
    if old.resource is NAMESPACES:
        return _terminate_namespace(store, old)
    grace, held = _grace_s(old, options), old.content["metadata"].get("finalizers")
    marked = old
    if held or old.resource is PODS:  # with or without a node, and with no time as well
        marked = _marked(store, old, grace)
    left = marked.content["metadata"].get("deletionGracePeriodSeconds", grace)
    if held or left:
        return marked
    return store.remove(old.resource, old.namespace, old.name) or marked


def is_finished(content: Mapping[str, Any]) -> bool:
    """Whether nothing holds an object back that is being deleted."""
    metadata = content["metadata"]
    spec = content.get("spec")
    return (
        "deletionTimestamp" in metadata
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not (isinstance(spec, Mapping) and spec.get("finalizers"))
    )


def empty_namespace(store: Store, name: str) -> None:
    """As the namespace controller: delete what is in it, and finalize it when nothing is left."""
    with store.changed:
        left = []
        for resource in RESOURCES:
            if resource.namespaced:
                for each in store.all_of(resource, name)[1]:
                    delete(store, each, {"gracePeriodSeconds": 0})
                left += store.all_of(resource, name)[1]
        if not left:
            store.remove(NAMESPACES, "", name)


def check_open(store: Store, namespace: str, resource: Any, name: str) -> None:
    """Refuse to create anything in a namespace that is not there or is terminating."""
    found = store.get(NAMESPACES, "", namespace)
    if found is None:
        raise refusals.not_found(NAMESPACES, namespace)
    if "deletionTimestamp" in found.content["metadata"]:
        raise refusals.being_terminated(resource, name, namespace)


def _check_preconditions(old: Stored, options: Mapping[str, Any]) -> None:
    wanted = options.get("preconditions") or {}
    for field in ("uid", "resourceVersion"):
        if wanted.get(field) not in (None, old.content["metadata"][field]):
            why = f"Precondition failed: {field} in precondition: {wanted[field]}"
            raise refusals.conflict(old.resource, old.name, why)


def _grace_s(old: Stored, options: Mapping[str, Any]) -> int:
    """Only a pod that a kubelet may still run has time to end."""
    if old.resource is not PODS:
        return 0
    spec, phase = old.content["spec"], old.content.get("status", {}).get("phase")
    if not spec.get("nodeName") or phase in _FINISHED:
        return 0
    given = options.get("gracePeriodSeconds")
    if given is None:
        given = old.content["metadata"].get(
            "deletionGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", _GRACE_S)
        )
    return int(given) if given >= 0 else 1


def _marked(store: Store, old: Stored, grace: int) -> Stored:
    """The object with the mark of its deletion; a period that runs can only become shorter."""
    metadata = dict(old.content["metadata"])
    if grace < metadata.get("deletionGracePeriodSeconds", grace + 1):
        metadata["deletionTimestamp"] = timestamp(in_s=grace)  # when the time is over
        metadata["deletionGracePeriodSeconds"] = grace
    after = {**old.content, "metadata": metadata}
    return store.put(old.resource, old.namespace, old.name, after)


def _terminate_namespace(store: Store, old: Stored) -> Stored:
    if old.name in _IMMORTAL:
        raise refusals.may_not_be_deleted(old.name)
    metadata = {"deletionTimestamp": timestamp(), **old.content["metadata"]}
    status = {**old.content.get("status", {}), "phase": "Terminating"}
    after = {**old.content, "metadata": metadata, "status": status}
    if is_finished(after):
        return store.remove(NAMESPACES, "", old.name) or old
    return store.put(NAMESPACES, "", old.name, after)

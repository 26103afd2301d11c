"""What one object keeps rules from knowing, and why something selected has no address.

A doubt holds the rules it concerns and no others: those that select the object, or of which nobody
can tell whether they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from fmgsync.grouping import holders
from fmgsync.grouping.holders import NodeHolder, PodHolder
from fmgsync.model.labels import Labels

HOST_NETWORK: Final = "in the network of their node, without an address of their own"
NO_ADDRESS: Final = "without an address yet"
NOT_ATTACHED: Final = "not in that network"

Key = tuple[str, str]
"""Namespace and name; of nodes the first is empty."""


class Told:
    """What is told of objects, by rule."""

    def __init__(self, rules: int) -> None:
        self.of: Final[list[dict[Key, str]]] = [{} for _ in range(rules)]

    def exchange(self, key: Key, before: Iterable[int], after: Mapping[int, str]) -> set[int]:
        """Tell something else of an object; the rules that this changes anything for.

        `before` are the rules that something may have been told of it.
        """
        changed: set[int] = set()
        for index in {*before, *after}:
            if self.of[index].get(key) != after.get(index):
                changed.add(index)
            if index in after:
                self.of[index][key] = after[index]
            else:
                self.of[index].pop(key, None)
        return changed


def concerns(holder: PodHolder | NodeHolder | None) -> tuple[int, ...]:
    """The rules that something may be told of it."""
    return (*holder.picked.sure, *holder.picked.unsure) if holder else ()


def of_pod(holder: PodHolder | None, namespaces: Mapping[str, Labels]) -> dict[int, str]:
    """The rules that cannot know all they should of this pod, each with the reason."""
    found: dict[int, str] = {}
    if holder is None:
        return found
    pod, parts = holder.pod, holder.parts
    if holder.picked.unsure:
        found = dict.fromkeys(holder.picked.unsure, _why_unsure(holder, namespaces))
    if pod.doubt:
        by_node = parts.hosting if not pod.node else ()
        found |= dict.fromkeys((*by_node, *parts.all_own), f"{holder.place}: {pod.doubt}")
    unreadable = any(not name for name, _ in pod.networks)
    for index, network, _ in parts.networks:
        if pod.doubt or unreadable:
            why = pod.doubt or "its annotation network-status cannot be read"
            found[index] = f"{holder.place}, network {network}: {why}"
    return found


def _why_unsure(holder: PodHolder, namespaces: Mapping[str, Labels]) -> str:
    pod = holder.pod
    if pod.labels.unknown:
        return f"{holder.place}: its labels cannot all be read"
    if pod.namespace in namespaces and not namespaces[pod.namespace].unknown:
        return f"{holder.place}: its service account {pod.account} was not read"
    if pod.namespace in namespaces:
        return f"not all labels of namespace {pod.namespace} can be read"
    return f"namespace {pod.namespace} has pods but was not read"


def of_node(holder: NodeHolder | None) -> dict[int, str]:
    """The same of a node, for the rules over nodes."""
    if holder is None:
        return {}
    told = f"{holder.place}: its labels cannot all be read"
    found = dict.fromkeys(holder.picked.unsure, told)
    if holder.node.doubt:
        found |= dict.fromkeys(holder.picked.sure, f"{holder.place}: {holder.node.doubt}")
    return found


def bare(holder: PodHolder | None) -> dict[int, str]:
    """The rules that select the pod and find no address of it, each with the reason."""
    if holder is None or holder.pod.doubt:
        return {}
    pod, found = holder.pod, dict[int, str]()
    if not pod.addresses and not pod.claimed:
        why = HOST_NETWORK if pod.host_network else NO_ADDRESS
        found = dict.fromkeys(holder.parts.all_own, why)
    for index, network, _ in holder.parts.networks:
        if not holders.on_network(pod, network):
            found[index] = NOT_ATTACHED
    return found

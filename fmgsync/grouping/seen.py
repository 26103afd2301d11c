"""Which address a firewall sees of a pod, and why: the providers, in the order they are asked.

The first that knows the pod answers. What has been ordered for a pod comes before what happens to
every pod; what a network plug-in's own objects say comes before what a platform is known to do.
Where nobody answers, or one cannot tell, nothing is published for the pod and nothing taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from fmgsync.grouping import seen_gateways, seen_nat
from fmgsync.grouping.surroundings import Question, Seen, Surroundings
from fmgsync.model.address import Address, Family
from fmgsync.model.endpoint import PodEndpoint
from fmgsync.model.labels import ANY_KEY, Labels

Ask = Callable[[Question, Surroundings], Seen | None]


@dataclass(frozen=True, slots=True)
class Provider:
    """One that may know: `why` says why it is asked at its place."""

    name: str
    ask: Ask
    why: str


ORDERED: Final = (
    Provider("host network", seen_nat.host_network, "no egress feature takes such a pod"),
    Provider("egress objects", seen_gateways.egress, "their status tells the address in use"),
    Provider("Calico's egress gateways", seen_gateways.calico, "chosen by annotation"),
)
"""What somebody has ordered for some pods."""
ORDINARY: Final = (
    Provider("Calico's pools", seen_nat.calico, "a pool that holds the address says it all"),
    Provider("Kube-OVN's subnets", seen_nat.kube_ovn, "so does a subnet"),
    Provider("EKS", seen_nat.eks, "clouds before what runs on several of them"),
    Provider("GKE", seen_nat.gke, "the same"),
    Provider("AKS", seen_nat.aks, "the same"),
    Provider("Cilium", seen_nat.cilium, "its own settings"),
    Provider("OVN-Kubernetes", seen_nat.ovn_kubernetes, "what it does is fixed"),
    Provider("flannel, kindnet, Antrea", seen_nat.by_default, "known by what they do by default"),
)
"""What becomes of any other pod."""
PROVIDERS: Final = (*ORDERED, *ORDINARY)

_NOTHING: Final = (
    "nothing in the cluster tells how it leaves: no IPPool or subnet holds its address, and its"
    " node shows no platform that is known; use publish: pod or node"
)


def seen(
    pod: PodEndpoint,
    families: Iterable[Family],
    around: Surroundings,
    destinations: tuple[Address, ...] = (),
    *,
    gateways_only: bool = False,
) -> tuple[Seen, ...]:
    """One answer for each of the families that the pod has an address of."""
    found = []
    for family in sorted(families):
        question = Question(pod, family, destinations)
        if pod.doubt:
            found.append(Seen(unknown=pod.doubt))
        elif why := _unread(around.space(pod.namespace)):
            found.append(Seen(unknown=f"namespace {pod.namespace} {why}"))
        elif pod.host_network and gateways_only:
            continue
        elif question.own or pod.host_network:
            answer = _asked(question, around, ORDERED if gateways_only else PROVIDERS)
            claimed = not (pod.addresses or pod.host_network)  # by its annotation alone
            found.append(replace(answer, by_author=answer.by_author or claimed))
    return tuple(found)


def _unread(space: Labels) -> str:
    """Why nothing can be said of a namespace: its annotations may choose a way out."""
    if space.unknown == ANY_KEY:
        return "was not read"
    return next((f"cannot all be read: {text}" for key, text in space.notes if not key), "")


def _asked(question: Question, around: Surroundings, providers: tuple[Provider, ...]) -> Seen:
    parts: list[Seen] = []
    for provider in providers:
        answer = provider.ask(question, around)
        if answer is None:
            continue
        parts.append(answer)
        if not answer.rest:  # what is unknown leaves none
            break
    else:
        if providers is PROVIDERS:
            parts.append(Seen(unknown=_NOTHING))
    found = seen_gateways.joined(parts)
    unknown = next((each for each in parts if each.unknown), None)
    if unknown is None:
        return found
    return replace(found, addresses=(), unknown=unknown.unknown, by_author=unknown.by_author)

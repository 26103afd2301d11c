"""Ways out that somebody has ordered for some pods: egress addresses and egress gateways.

What an object orders counts where its status says that it is in use. An annotation, which whoever
writes the pod may set, chooses among gateways that the cluster's administrators have ordered; of
other pods it makes no gateways.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from fmgsync.errors import SelectorError
from fmgsync.grouping import publishable, seen_nat, selectors
from fmgsync.grouping.surroundings import (
    Part,
    Question,
    Seen,
    Surroundings,
    both,
    of_family,
    own,
    part,
    truth,
)
from fmgsync.model import address
from fmgsync.model.address import Address, family
from fmgsync.model.endpoint import PodEndpoint
from fmgsync.model.platform import Egress, Gateway, GatewayPolicy, GatewayStep, Setting, Subnet

_SELECTOR: Final = "egress.projectcalico.org/selector"
_SPACES: Final = "egress.projectcalico.org/namespaceSelector"
_POLICY: Final = "egress.projectcalico.org/egressGatewayPolicy"
_FELIX: Final = "FelixConfiguration"
_SHOWN: Final = 80
_NO_POLICY: Final = "the EgressGatewayPolicy that its annotation names is not there"
_PER_POD: Final = "EnabledPerNamespaceOrPerPod"
_PER_SPACE: Final = ("EnabledPerNamespace", _PER_POD)


def egress(question: Question, around: Surroundings) -> Seen | None:
    """OVN-Kubernetes, Antrea, Cilium and Kube-OVN, by what their objects select."""
    found: list[Egress] = []
    pod = question.pod
    for each, by_labels in around.egresses(pod.labels, around.space(pod.namespace)):
        selects = by_labels if not each.sources else _selects(each, by_labels, question, around)
        if selects is not False and each.doubt:
            return Seen(by=each.place, unknown=f"{each.place}: {each.doubt}")
        if selects is None:
            return Seen(by=each.place, unknown=f"nobody can tell whether {each.place} selects it")
        if selects and _concerns(each, question):
            found.append(each)
    if not found:
        return None
    if len({each.addresses for each in found if each.exclusive}) > 1:
        told = " and ".join(each.place for each in found if each.exclusive)
        return Seen(by=found[0].place, unknown=f"{told} select it, and one of them counts")
    parts = [_of_one(each, question, around) for each in found]
    unknown = next((each for each in parts if each.unknown), None)
    return unknown or joined(parts)


def _concerns(each: Egress, question: Question) -> bool:
    """Whether it is about this family, and about these destinations."""
    asked = of_family((*each.addresses, *each.requested), question.family)
    if not each.destinations:
        return bool(asked)
    return bool(asked) and part(question, each.destinations, each.excluded) is not Part.NONE


def _of_one(each: Egress, question: Question, around: Surroundings) -> Seen:
    if not _is_translated(each, question, around):
        return own(question, each.place, "it forwards without translating")
    addresses = of_family(each.addresses, question.family)
    if not addresses:
        told = f"{each.place} has no address in use ({question.family})"
        return Seen(by=each.place, unknown=told)
    rest = bool(each.destinations)
    rest = rest and part(question, each.destinations, each.excluded) is not Part.ALL
    told = "its status says so"
    if each.derived:
        told = "it orders that, and nothing confirms it"
    if rest:
        told += "; to other destinations as ordinarily"
    return Seen(addresses, each.place, told, rest=rest, derived=each.derived)


def _selects(
    each: Egress, by_labels: bool | None, question: Question, around: Surroundings
) -> bool | None:
    """By labels, or by where the pod's address is from; in two networks nobody can tell."""
    if by_labels:
        return True
    if sum(_holds(subnet.ranges, question.own) for subnet in around.of(Subnet)) > 1:
        return None
    return True if _sources(each, question, around) else by_labels


def _sources(each: Egress, question: Question, around: Surroundings) -> list[bool]:
    """Of the ranges and subnets that hold the pod's address, whether they are translated."""
    subnets = {subnet.name: subnet.ranges for subnet in around.of(Subnet)} if each.sources else {}
    return [
        snat
        for source, snat in each.sources
        if _holds(subnets.get(source, ()) or _as_ranges(source), question.own)
    ]


def _is_translated(each: Egress, question: Question, around: Surroundings) -> bool:
    """What selectors select always is."""
    found = _sources(each, question, around)
    return not found or any(found)


def _as_ranges(source: str) -> tuple[Address, ...]:
    """A range; nothing if it is the name of a subnet that is not there, which may begin as one."""
    try:
        return (address.parse(source),)
    except ValueError:
        return ()


def _holds(ranges: tuple[Address, ...], addresses: tuple[Address, ...]) -> bool:
    listed = [publishable.as_range(each) for each in ranges]
    return any(publishable.inside(each, listed) for each in addresses)


# -- Calico -------------------------------------------------------------------------------------


def calico(question: Question, around: Surroundings) -> Seen | None:
    """Egress gateways of Calico, chosen by annotations of the pod or of its namespace.

    Public source: docs.tigera.io, "Configure egress gateways": `egressIPSupport` of the
    FelixConfiguration says whose annotations count, and by default none does.
    """
    chosen = _choice(question.pod, around)
    if isinstance(chosen, Seen):
        return chosen
    if not chosen:
        return None
    mine = any((key, chosen.get(key)) in question.pod.notes for key in (_SELECTOR, _POLICY))
    by, steps = "Calico's egress gateways", _steps(chosen, around)
    if isinstance(steps, str):
        author = mine and steps == _NO_POLICY
        return Seen(by=by, unknown=steps, by_gateways=True, by_author=author)
    parts: list[Seen] = []
    rest = False
    for step in _in_use(steps, question):
        if step.gateways is None:
            rest = True
            continue
        parts.append(_through(step.gateways, question, around))
    rest = rest or not _covers(steps, question)
    unknown = next((each for each in parts if each.unknown), None)
    if unknown is not None:
        author = unknown.by_author and mine and _POLICY not in chosen
        return replace(unknown, by_author=author)
    if not any(each.addresses for each in parts):
        return Seen(by=by, because="no gateway for it", rest=True, by_gateways=True)
    return replace(joined(parts), rest=rest)


def _choice(pod: PodEndpoint, around: Surroundings) -> dict[str, str] | Seen:
    """What the annotations that count choose, if any does."""
    noted = (*pod.notes, *around.space(pod.namespace).notes)
    odd = [each for each in around.of(Setting) if each.doubt and each.title == _FELIX]
    if odd and any(key in (_SELECTOR, _POLICY) for key, _ in noted):
        return Seen(by=odd[0].place, unknown=f"{odd[0].place}: {odd[0].doubt}")
    felix = around.setting(_FELIX, f"node.{pod.node}", "default")
    support = felix.values.get("egressIPSupport") if felix is not None else None
    if support is None and felix is not None and felix.name != "default":
        default = around.setting(_FELIX, "default")
        support = default.values.get("egressIPSupport") if default is not None else None
    told = dict(pod.notes) if support == _PER_POD else {}
    if not any(key in told for key in (_SELECTOR, _POLICY)):
        told = dict(around.space(pod.namespace).notes) if support in _PER_SPACE else {}
    keys = (_SELECTOR, _SPACES, _POLICY)
    found = {key: told[key] for key in keys if key in told}
    if _SPACES not in found and found:
        found[_SPACES] = f"projectcalico.org/name == '{pod.namespace}'"
    return found if _SELECTOR in found or _POLICY in found else {}


def _steps(chosen: dict[str, str], around: Surroundings) -> tuple[GatewayStep, ...] | str:
    """By destination which gateways; or why that is not known."""
    name = chosen.get(_POLICY)
    if name is None:
        return (GatewayStep("", (chosen[_SPACES], chosen[_SELECTOR])),)
    found = around.objects.get(("EgressGatewayPolicy", "", name))
    if not isinstance(found, GatewayPolicy):
        return _NO_POLICY
    if found.doubt:
        return f"{found.place}: {found.doubt}"
    own_space = chosen[_SPACES]
    return tuple(
        replace(step, gateways=(step.gateways[0] or own_space, step.gateways[1]))
        if step.gateways is not None
        else step
        for step in found.steps
    )


def _in_use(steps: tuple[GatewayStep, ...], question: Question) -> Iterator[GatewayStep]:
    """Those that some of the destinations take: of a destination the longest prefix counts."""
    for step in steps:
        if not step.destination:
            longer = [Address(each.destination) for each in steps if each.destination]
            if part(question, longer) is not Part.ALL:
                yield step
            continue
        narrow = Address(step.destination)
        inner = [
            Address(each.destination)
            for each in steps
            if each.destination
            and each is not step
            and publishable.inside(Address(each.destination), [publishable.as_range(narrow)])
        ]
        if part(question, [narrow], inner) is not Part.NONE:
            yield step


def _covers(steps: tuple[GatewayStep, ...], question: Question) -> bool:
    listed = [Address(each.destination) for each in steps if each.destination]
    return any(not each.destination for each in steps) or part(question, listed) is Part.ALL


def _through(chosen: tuple[str, str], question: Question, around: Surroundings) -> Seen:
    """All gateways that match: which of them a pod takes no object says. One that is on its way out
    still carries the connections that it has; one without an address carries none yet."""
    spaces, select = chosen
    by = "Calico's egress gateways"
    for order in around.of(Gateway):
        if order.doubt:
            told = f"{order.place}: {order.doubt}"
            return Seen(by=order.place, unknown=told, by_gateways=True)
    for text in chosen:
        if why := _no_selector(text):
            return Seen(by=by, unknown=why, by_gateways=True, by_author=True)
    idle: list[PodEndpoint] = []
    parts: list[Seen] = []
    for pod in sorted(around.gateway_pods.values(), key=lambda pod: pod.key):
        found = both(truth(spaces, around.space(pod.namespace)), truth(select, pod.labels))
        if found is None:
            told = "nobody can tell which gateways its annotation chooses"
            return Seen(by=by, unknown=told, by_gateways=True)
        if found and not (pod.addresses or pod.claimed or pod.doubt):
            idle.append(pod)
        elif found:
            parts.append(_of_gateway(pod, question, around))
    if idle and not parts:
        told = f"egress gateway {idle[0].namespace}/{idle[0].name} has no address yet"
        return Seen(by=by, unknown=told, by_gateways=True)
    if not parts:
        told = "no egress gateway is there that its annotation chooses and an EgressGateway orders"
        return Seen(by=by, unknown=told, by_gateways=True, by_author=True)
    unknown = next((each for each in parts if each.unknown), None)
    return unknown or replace(joined(parts), by_gateways=True)


def _no_selector(text: str) -> str:
    """Why nothing can be chosen by this text, which anybody may have written."""
    try:
        selectors.parse(text)
    except SelectorError as error:
        return f"{text[:_SHOWN]!r} is no selector of egress gateways: {error.message}"
    return ""


def _of_gateway(pod: PodEndpoint, question: Question, around: Surroundings) -> Seen:
    """A gateway's own address, or its node's where its pool is translated. Without an address of
    the family traffic of that family takes no gateway."""
    by = f"egress gateway {pod.namespace}/{pod.name}"
    elastic = "a cloud translates its address once more"
    doubt = pod.doubt or (elastic if any(o.elastic for o in around.orders_of(pod)) else "")
    if doubt:
        return Seen(by=by, unknown=f"{by}: {doubt}", by_gateways=True)
    asked = Question(pod, question.family, question.destinations)
    if not asked.own:
        return Seen(by=by, by_gateways=True)
    seen = seen_nat.calico(asked, around)
    if seen is None:
        return Seen(by=by, unknown=f"no IPPool holds the address of {by}", by_gateways=True)
    return replace(seen, by=by, leans=seen.leans | {pod.node}, by_gateways=True)


def joined(parts: list[Seen]) -> Seen:
    """Several ways out of one pod."""
    found = dict.fromkeys(chain.from_iterable(each.addresses for each in parts))
    return Seen(
        tuple(sorted(found, key=lambda each: (family(each), each))),
        ", ".join(dict.fromkeys(each.by for each in parts if each.by)),
        "; ".join(dict.fromkeys(each.because for each in parts if each.because)),
        rest=any(each.rest for each in parts),
        derived=any(each.derived for each in parts),
        leans=frozenset().union(*(each.leans for each in parts)),
        by_gateways=any(each.by_gateways for each in parts),
    )

"""Why an address is allowed somewhere, or why not: step by step, the first "no" standing out.

Each question walks the same way: what runs, which rule selects it, which address counts, where the
rule is meant for, the ADOM, the policy, FortiManager's copy of the device, the device itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fmgsync.assessing import address_steps, seen_steps
from fmgsync.assessing.explanation import (
    SHOWN,
    AdomScene,
    Explanation,
    Scene,
    Step,
    chain,
    concerns,
    may_hold_more,
    names,
    placed,
    policies,
    texts,
    turn_of,
    unlooked,
)
from fmgsync.grouping import judging, node_choice
from fmgsync.grouping.ip_pools import IPPools
from fmgsync.grouping.judging import Condition
from fmgsync.model.address import Address, family
from fmgsync.model.endpoint import PodEndpoint
from fmgsync.model.labels import NO_LABELS, unread_account, unread_namespace
from fmgsync.model.rule import GroupRule, Publish
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import DeviceView, GroupState

_SAME = (GroupState.IN_SYNC,)
_FINE = (*_SAME, GroupState.NOT_REFERENCED)
_OPEN = (GroupState.UNKNOWN, GroupState.UNREACHABLE)
"""Nobody can tell how it is there."""
_ORDER = (False, None, True)
"""Of several answers about one device: all hold as the least of them, one holds as the greatest."""

# -- a pod --------------------------------------------------------------------------------------


def pod(scene: Scene, namespace: str, name: str, *, group: str | None = None) -> Explanation:
    """In which groups a pod is, on which devices; with `group`, about that one alone."""
    question = f"pod {namespace}/{name}" + (f" in {group}" if group else "")
    found = [
        (cluster, each)
        for cluster, snapshot in sorted(scene.snapshots.items())
        for each in snapshot.pods
        if (each.namespace, each.name) == (namespace, name)
    ]
    if not found:
        gaps = [s.cluster for s in scene.snapshots.values() if "pods" not in s.synced]
        because = "no cluster has such a pod, or it is not scheduled or has ended"
        if gaps:
            because = f"not seen, but pods were not read completely in {', '.join(sorted(gaps))}"
        elif scene.partial:
            because = "the controller does not follow it: no rule can select it, or there is none"
        holds = None if gaps or scene.partial else False
        return Explanation(question, (Step("pod", "clusters", holds, because),))
    steps: list[Step] = []
    devices: dict[DeviceVdom, bool | None] = {}
    for cluster, each in found:
        steps.append(_runs(cluster, each))
        rules = [r for r in scene.rules if r.over_pods and group in (None, r.name)]
        if not rules:
            steps.append(_no_rule(scene, "no rule over pods of that name"))
        chosen = list(_selecting(scene, cluster, each, rules, steps, every=group is not None))
        for rule in chosen:
            for address in _published(scene, cluster, each, rule, steps):
                for target, holds in chain(scene, rule.name, cluster, address, steps).items():
                    devices[target] = min(devices.get(target, True), holds, key=_ORDER.index)
    return Explanation(question, tuple(steps), tuple(sorted(devices.items())))


def _runs(cluster: str, pod: PodEndpoint) -> Step:
    labels = ", ".join(f"{k}={v}" for k, v in sorted(pod.labels.items()) if "calico.org" not in k)
    more = ", ending" if pod.terminating else ", its node does not answer" if pod.lost else ""
    where = f"cluster {cluster}"
    return Step("pod", where, True, f"runs on node {pod.node or '?'}{more}; labels {labels or '-'}")


def _selecting(
    scene: Scene,
    cluster: str,
    pod: PodEndpoint,
    rules: Sequence[GroupRule],
    steps: list[Step],
    *,
    every: bool,
) -> Iterator[GroupRule]:
    """The rules that select the pod; if none does, or `every` is asked, why each does not."""
    snapshot = scene.snapshots[cluster]
    space = snapshot.namespaces.get(pod.namespace, unread_namespace(pod.namespace))
    account = NO_LABELS
    if pod.account:
        key = f"{pod.namespace}/{pod.account}"
        account = snapshot.accounts.get(key, unread_account(pod.account))
    judged = [(rule, judging.judge_pod(rule, pod.labels, space, account)) for rule in rules]
    yes = [rule for rule, judgement in judged if judgement.holds]
    if rules and scene.unread and not every and not yes:
        because = f"no rule that was read selects it; not all were: {scene.unread}"
        steps.append(Step("rule", "configuration", None, because))
        return
    for rule, judgement in judged:
        if every or judgement.holds is not False or not yes:
            where = f"rule {rule.name}"
            if rule.clusters is not None and cluster not in rule.clusters:
                steps.append(Step("rule", where, False, f"it is not about cluster {cluster}"))
                yes = [each for each in yes if each is not rule]
                continue
            steps += (_condition("namespace", where, each) for each in judgement.namespaces)
            steps += (_condition("label", where, each) for each in judgement.own)
            steps += (_condition("account", where, each) for each in judgement.accounts)
            if rule.doubt:
                steps.append(Step("rule", where, None, rule.doubt))
    yield from yes


def _condition(what: str, where: str, condition: Condition) -> Step:
    has = ", ".join(f"{k} is {v!r}" for k, v in sorted(condition.labels.items()))
    lacks = "no such label" if condition.holds is not None else "not known"
    because = f"{condition.text}: {has or lacks}"
    return Step(what, where, condition.holds, because if condition.text != "all()" else "all()")


def _no_rule(scene: Scene, because: str) -> Step:
    """Of those that were read."""
    lacks = f"; not all were read: {scene.unread}" if scene.unread else ""
    return Step("rule", "configuration", None if lacks else False, f"{because}{lacks}")


def _published(
    scene: Scene, cluster: str, pod: PodEndpoint, rule: GroupRule, steps: list[Step]
) -> tuple[Address, ...]:
    """The addresses that stand for the pod in a rule."""
    found, because = pod.addresses, "the cluster says that the pod has it"
    if rule.publish in (Publish.AUTO, Publish.EGRESS_GATEWAY):
        found = seen_steps.asked(rule, scene.snapshots[cluster], pod, steps)
        if not found:
            return ()
        because = "what a firewall sees"
    elif rule.publish is Publish.NODE:
        nodes = [n for n in scene.snapshots[cluster].nodes if n.name == pod.node]
        found = tuple(
            a for n in nodes for a in (node_choice.chosen(rule, n) if rule.chooses else n.addresses)
        )
        because = f"the rule publishes nodes, and the pod runs on {pod.node}"
    elif rule.publish is Publish.IP_POOL:
        pools = IPPools(scene.snapshots[cluster].ip_pools)
        found, because = tuple(pools.ranges(pod.addresses)), "the IPPool that its address is from"
    elif pod.host_network:
        because = "the pod is in its node's network and has no address of its own"
        found = ()
    lacks = seen_steps.unread(rule, scene.snapshots[cluster])
    if lacks is not None and not found:
        steps.append(lacks)
        return ()
    seen_steps.compared(rule, scene.snapshots[cluster], pod, steps)
    found = tuple(address for address in found if family(address) in rule.families)
    refused = {a: why for a in found if (why := scene.withheld(rule.name, cluster, a))}
    kept = tuple(address for address in found if address not in refused)
    for address, why in refused.items():
        steps.append(Step("address", f"rule {rule.name}", False, f"{address} {why}", (address,)))
    if kept or not refused:
        families = "/".join(sorted(each.value for each in rule.families))
        told = f"{', '.join(kept)}: {because}" if kept else f"none of {families}: {because}"
        steps.append(Step("address", f"rule {rule.name}", bool(kept), told, kept))
    return kept


# -- an address ---------------------------------------------------------------------------------


def ip(scene: Scene, address: Address) -> Explanation:
    """Who has an address, in which groups it is, and on which devices it is let through."""
    steps = [address_steps.owners(scene, address), *address_steps.formerly(scene, address)]
    devices: dict[DeviceVdom, bool | None] = {}
    groups = sorted(
        {
            one.name
            for adom in scene.adoms
            for view in adom.views
            for one in view.groups
            if concerns(one, address)
        }
    )
    untold = {
        str(view.target)
        for adom in scene.adoms
        for view in adom.views
        if any(map(may_hold_more, view.groups))
    }
    lacks = sorted(untold.union(scene.unseen))
    if not groups:
        because = "no group of ours has it, wanted or held"
        because += f", where it was looked; {names(lacks)} could not be" if lacks else ""
        steps.append(Step("group", "everywhere", None if lacks else False, because))
    for name in groups:
        steps.append(_wanted(scene, name, address))
        steps += address_steps.stale_grants(scene, name, address)
        found = chain(scene, name, None, address, steps, everywhere=False)
        for target, holds in found.items():
            devices[target] = max(devices.get(target, False), holds, key=_ORDER.index)
    held = tuple(sorted(devices.items()))
    return Explanation(f"ip {address}", tuple(steps), held, somewhere=True, unseen=bool(lacks))


def _wanted(scene: Scene, name: str, address: Address) -> Step:
    """Whether a rule wants the address in a group, and where."""
    found = [(view.target, one.desired) for _, view, one in placed(scene, name)]
    wanted = [target for target, members in found if members is not None and address in members]
    unknown = [target for target, members in found if members is None]
    rule = next((each for each in scene.rules if each.name == name), None)
    text = f"selected by {rule.select or rule.select_nodes}" if rule else "no rule of this name"
    if wanted:
        because = f"{text}; wanted on {names(wanted)}"
    elif unknown:
        because = f"{text}; whether it is wanted is not known on {names(unknown)}"
    else:
        because = "no rule wants it any more"
    holds = True if wanted else None if unknown else False
    return Step("rule", f"group {name}", holds, because)


# -- a group, a device --------------------------------------------------------------------------


def group(scene: Scene, name: str) -> Explanation:
    """What a group selects, who uses it, and whether every device has it."""
    rule = next((each for each in scene.rules if each.name == name), None)
    where = f"group {name}"
    if rule is None:
        known = [each.name for each in scene.rules]
        because = f"no rule of this name; there are {', '.join(known[:SHOWN]) or 'none'}"
        return Explanation(where, (_no_rule(scene, because),))
    text = rule.select or rule.select_nodes or ""
    steps = [Step("rule", "configuration", True, f"{text}; namespaces {rule.namespaces}")]
    found = placed(scene, name)
    about = [each.clusters for each in scene.rules if each.name == name]
    every = None if None in about else frozenset[str]().union(*filter(None, about))
    lacks = unlooked(scene, where, every)
    if not found:
        nowhere = Step("site", where, False, "no site is meant for it")
        return Explanation(where, (*steps, lacks or nowhere))
    steps += [lacks] if lacks else []
    sizes = [len(one.desired) for _, _, one in found if one.desired is not None]
    unknown = [view.target for _, view, one in found if one.desired is None]
    span = " to ".join(map(str, sorted({min(sizes), max(sizes)}))) if sizes else ""
    told = f"{span} members" if sizes else "not known"
    if unknown:
        told += f"; not known on {names(unknown)}"
    steps.append(Step("members", where, None if unknown else True, told))
    steps.append(policies(where, found, name))
    states: dict[tuple[GroupState, str], list[DeviceVdom]] = {}
    for _, view, one in found:
        states.setdefault((one.state, one.because), []).append(view.target)
    for (state, because), targets in sorted(states.items()):
        told = f"{state} on {names(targets)}" + (f": {because}" if because else "")
        holds = _is_one_of(state, _SAME)
        steps.append(Step("devices", where, holds, told, texts(targets)))
    fine = {view.target: _is_one_of(one.state, _SAME) for _, view, one in found}
    return Explanation(where, tuple(steps), tuple(sorted(fine.items())))


def _unknown_place(scene: Scene, name: str) -> Step:
    for adom in scene.adoms:
        for part, why in adom.missing.items():
            if name in (part, part.partition("/")[0]):
                return Step("site", str(adom.ref), False, f"a site names it: {why}")
    if name in scene.unseen:
        because = f"a site names it, but it could not be looked at: {scene.unseen[name]}"
        return Step("site", name, None, because)
    return Step("site", "configuration", False, "no site names it")


def device(scene: Scene, name: str) -> Explanation:
    """Whether a FortiGate is reachable and in sync, what it waits for, and how its groups are."""
    found = [
        (adom, view)
        for adom in scene.adoms
        for view in adom.views
        if name in (view.target.device, str(view.target))
    ]
    question = f"device {name}"
    if not found:
        return Explanation(question, (_unknown_place(scene, name),))
    steps: list[Step] = []
    for adom, view in found:
        target, where = view.target, f"{view.target} in {adom.ref}"
        clusters = ", ".join(sorted(adom.clusters.get(target, ())))
        steps.append(Step("site", where, True, f"stands in front of cluster {clusters}"))
        known = adom.topology.devices.get(target.device)
        steps.append(_connection(where, known.online if known is not None else None, view))
        if not adom.ref.is_direct:
            steps += _managed(adom, target, where)
        for one in view.groups:
            fine = _is_one_of(one.state, _FINE)
            told = f"{one.name}: {one.state}" + (f": {one.because}" if one.because else "")
            steps.append(Step("group", where, fine, told, (one.name,)))
        why = adom.waits.get(target) or adom.opens.get(target)
        if why and _is_fine(view) is not True:
            steps.append(Step(turn_of(adom.ref), where, None, why))
    states = {view.target: _is_fine(view) for _, view in found}
    return Explanation(question, tuple(steps), tuple(sorted(states.items())))


def _managed(adom: AdomScene, target: DeviceVdom, where: str) -> Iterator[Step]:
    """What FortiManager says of a device of its own."""
    known = adom.topology.devices.get(target.device)
    in_sync = known.in_sync if known is not None else None
    told = "in sync" if in_sync else "not in sync with FortiManager's copy"
    told = "FortiManager does not say" if in_sync is None else told
    yield Step("configuration", where, in_sync, told)
    packages = [p.path for p in adom.packages if target in p.targets]
    because = f"package {', '.join(packages)}" if packages else "no package is assigned to it"
    yield Step("package", where, bool(packages), because, tuple(packages))


def _is_fine(view: DeviceView) -> bool | None:
    found = (_is_one_of(group.state, _FINE) for group in view.groups)
    return min(found, key=_ORDER.index, default=True)


def _is_one_of(state: GroupState, good: Sequence[GroupState]) -> bool | None:
    return None if state in _OPEN else state in good


def _connection(where: str, online: bool | None, view: DeviceView) -> Step:
    """What FortiManager says, and whether the device answered: one that did not is not online
    because somebody believes so."""
    told = "FortiManager does not say" if online is None else "online" if online else "offline"
    if not view.silent:
        return Step("connection", where, online, told)
    if online and not view.adom.is_direct:
        told = f"FortiManager says online, but it did not answer: {view.silent}"
    else:
        told = view.silent
    return Step("connection", where, None if online is not False else False, told)

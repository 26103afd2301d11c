"""What a firewall sees of one pod, as steps of an explanation."""

from __future__ import annotations

from fmgsync.assessing.explanation import Step
from fmgsync.grouping import rulebook, seeing
from fmgsync.model.address import Address
from fmgsync.model.endpoint import ClusterSnapshot, PodEndpoint
from fmgsync.model.rule import GroupRule, Publish


def unread(rule: GroupRule, snapshot: ClusterSnapshot) -> Step | None:
    """That what the rule publishes was not read completely, if it was not."""
    lacks = sorted(rulebook.NEEDED_TO.get(rule.publish, frozenset()) - snapshot.synced)
    told = f"not read completely: {', '.join(lacks)}; nothing comes and nothing goes"
    return Step("seen", f"rule {rule.name}", None, told) if lacks else None


def asked(
    rule: GroupRule, snapshot: ClusterSnapshot, pod: PodEndpoint, steps: list[Step]
) -> tuple[Address, ...]:
    """What stands for the pod in a rule that asks, one step for each family."""
    where = f"rule {rule.name}"
    lacks = unread(rule, snapshot)
    if lacks is not None:
        steps.append(lacks)
        return ()
    found = seeing.standing(rule, pod, seeing.around_of(snapshot))
    for each in found.answers:
        if each.unknown:
            by = f"{each.by}: " if each.by and each.by not in each.unknown else ""
            steps.append(Step("seen", where, None, f"{by}{each.unknown}"))
        elif each.addresses:
            told = f"{', '.join(each.addresses)} by {each.by}: {each.because}"
            steps.append(Step("seen", where, True, told, each.addresses))
    if not (found.answers or pod.addresses or pod.host_network):
        steps.append(Step("seen", where, None, "it has no address yet"))
    elif not found.unknown and not found.addresses:
        told = "it uses no egress gateway" if rule.publish is Publish.EGRESS_GATEWAY else "nothing"
        steps.append(Step("seen", where, False, told))
    return () if found.unknown else found.addresses


def compared(
    rule: GroupRule, snapshot: ClusterSnapshot, pod: PodEndpoint, steps: list[Step]
) -> None:
    """That a fixed choice publishes what no firewall sees, as far as what is read tells."""
    told = seeing.contradiction(rule, [pod], seeing.around_of(snapshot))
    if told:
        steps.append(Step("seen", f"rule {rule.name}", None, f"{told}: use publish: auto"))

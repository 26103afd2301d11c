"""Calico's policies -> group rules: one per policy that a configuration asks for, named by it.

Public source: the Calico reference, "Global network policy", and projectcalico/calico,
`libcalico-go/lib/backend/syncersv1/updateprocessors/globalnetworkpolicyprocessor.go` (how the three
selectors of a policy become one). One thing differs: Calico drops a namespaceSelector that it
cannot parse, which widens the policy; here such a policy adds nothing and removes nothing.

Rules, actions and order are not looked at: a group says who is meant, not what they may do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from fmgsync.errors import SelectorError
from fmgsync.grouping import interest, selectors
from fmgsync.grouping.judging import is_everything
from fmgsync.grouping.rulebook import NEEDED_TO
from fmgsync.grouping.selector_tree import Combination, Everything, Node, Not
from fmgsync.model import naming
from fmgsync.model.change import Finding, ObjectReport
from fmgsync.model.endpoint import ALWAYS, POLICY_KINDS, ClusterSnapshot, Kind, SourceProblem
from fmgsync.model.policy import Policy
from fmgsync.model.rule import GroupRule, PolicyRule, RuleSet

POLICY: Final = "policy"
"""What a report on a policy is called."""
MIRRORS: Final = ("knp.", "kanp.", "kbanp.")
"""How the names begin under which Calico shows policies of Kubernetes: they are read elsewhere."""
_ACCOUNT: Final = "projectcalico.org/serviceaccount"

_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class PolicyView:
    """What is known of one cluster's policies; `unread` says of a kind why not all are known."""

    policies: tuple[Policy, ...] = ()
    unread: Mapping[Kind, str] = field(default_factory=dict)


def view(snapshot: ClusterSnapshot | None, cluster: str) -> PolicyView:
    """The policies in a snapshot; None: the cluster could not be read."""
    if snapshot is None:
        why = f"cluster {cluster} could not be read"
        return PolicyView(unread={Kind.POLICIES: why, Kind.STAGED_POLICIES: why})
    unread = {}
    for kind in sorted(POLICY_KINDS):
        if kind not in snapshot.synced:
            told = [p.message for p in snapshot.problems if p.where.split(" ")[0] == kind]
            more = f": {told[0]}" if told else ""
            unread[kind] = f"cluster {cluster}: {kind} not read completely{more}"
    return PolicyView(snapshot.policies, unread)


def wanted_kinds(rules: RuleSet, cluster: str) -> frozenset[Kind]:
    """The kinds that rules of this cluster come from."""
    found: set[Kind] = set()
    for each in rules.from_policies:
        if each.shape.clusters is None or cluster in each.shape.clusters:
            found |= {Kind.POLICIES, *((Kind.STAGED_POLICIES,) if each.staged else ())}
    return frozenset(found)


def that_matter(
    problems: Sequence[SourceProblem], needed: frozenset[Kind]
) -> tuple[SourceProblem, ...]:
    """The problems without those of kinds that were asked for in case some policy needs them."""
    needs = {*needed, *ALWAYS, *POLICY_KINDS}
    spare = {str(kind) for kind in Kind} - needs if problems else ()
    return tuple(each for each in problems if each.where.split(" ")[0] not in spare)


def kinds_to_read(rules: RuleSet, cluster: str) -> frozenset[Kind]:
    """Everything that one reading of the cluster must tell, whatever its policies say."""
    policies = wanted_kinds(rules, cluster)
    asked = [
        each.shape
        for each in rules.from_policies
        if each.shape.clusters is None or cluster in each.shape.clusters
    ]
    here = [r for r in rules.rules if r.clusters is None or cluster in r.clusters]
    needed = interest.of_rules(here).kinds
    if policies:
        needed |= {Kind.ACCOUNTS}
    if any(each.network_sets for each in asked):
        needed |= {Kind.GLOBAL_SETS, Kind.NETWORK_SETS}
    needed = needed.union(*(NEEDED_TO.get(each.publish, ()) for each in asked))
    return ALWAYS | needed | policies


def derived(rules: RuleSet, views: Mapping[str, PolicyView]) -> RuleSet:
    """The rules together with those that the policies ask for. Names of the configuration win."""
    if not rules.from_policies:
        return rules
    draft = _Draft({rule.name for rule in rules.rules})
    for cluster, seen in sorted(views.items()):
        templates = [
            each
            for each in rules.from_policies
            if each.shape.clusters is None or cluster in each.shape.clusters
        ]
        if templates:
            draft.add_cluster(cluster, seen, templates)
    found = tuple(draft.rules())
    return replace(
        rules,
        rules=(*rules.rules, *found),
        unread="; ".join(filter(None, (rules.unread, *draft.unread))),
        origins={**rules.origins, **draft.origins},
        aliases={**rules.aliases, **draft.aliases()},
        broad=frozenset(draft.broad),
        problems=(*rules.problems, *dict.fromkeys(draft.problems)),
    )


class _Unusable(ValueError):
    """A selector that nobody can rely on; the text says which, and why."""


class _Draft:
    """Rules in the making."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = frozenset(taken)
        self._found: dict[str, dict[GroupRule, set[str]]] = {}
        self._twins: dict[str, tuple[Policy, str]] = {}
        self._former: dict[str, str] = {}  # names by a tier that was renamed
        self.unread: list[str] = []
        self.origins: dict[str, str] = {}
        self.broad: set[str] = set()
        self.problems: list[Finding] = []

    def add_cluster(self, cluster: str, seen: PolicyView, templates: list[PolicyRule]) -> None:
        """The policies of one cluster, each by the first rule that selects it."""
        staged = any(each.staged for each in templates)
        kinds = (Kind.POLICIES, *((Kind.STAGED_POLICIES,) if staged else ()))
        self.unread += [seen.unread[kind] for kind in kinds if kind in seen.unread]
        enforced = {policy.name for policy in seen.policies if not policy.staged}
        for policy in sorted(seen.policies, key=lambda policy: policy.key):
            if policy.name.startswith(MIRRORS):
                continue
            for template in templates:
                if policy.staged and not template.staged:
                    continue
                chosen = _selects(template, policy)
                if chosen is None:
                    why = f"{_place(policy, cluster)}: it is not known whether a rule selects it"
                    self.unread.append(f"{why} ({policy.doubt})")
                if chosen is not False:
                    if chosen:
                        self._add(cluster, policy, template, enforced)
                    break

    def _add(self, cluster: str, policy: Policy, template: PolicyRule, enforced: set[str]) -> None:
        place = _place(policy, cluster)
        if why := self._refusal(policy, enforced):
            self._report(policy, cluster, why)
            return
        rule, broad = _rule(policy, template.shape)
        if rule.doubt:
            told = f"{rule.doubt}; its group stays as it is until that is corrected"
            self._report(policy, cluster, told, is_error=True)
            rule = replace(rule, doubt=f"{place}: {rule.doubt}")
        elif policy.denies:
            told = "all its rules deny: the group holds whom it denies; use it in no accept policy"
            self._report(policy, cluster, told)
        if broad:
            self.broad.add(policy.name)
        self._found.setdefault(policy.name, {}).setdefault(rule, set()).add(cluster)
        self.origins[policy.name] = place
        self._twins.setdefault(policy.name, (policy, cluster))
        for tier, former in template.renamed_tiers:
            if tier == policy.tier:
                bare = policy.name.removeprefix(f"{tier}.")
                self._former.setdefault(policy.name, f"{former}.{bare}")

    def _refusal(self, policy: Policy, enforced: set[str]) -> str:
        """Why the policy gets no group."""
        if policy.hosts_only:
            return f"{policy.hosts_only}, so it selects no pods and gets no group"
        if policy.staged and policy.name in enforced:
            return "an enforced policy of this name counts instead"
        if policy.staged and policy.deletes:
            return "it only proposes to delete a policy, and gets no group"
        if policy.name in self._taken:
            return "a group of this name stands in the configuration, which counts"
        refused = naming.group_refusal(policy.name)
        return f"its name cannot be that of a group: it {refused[0]}" if refused else ""

    def _report(
        self, policy: Policy, cluster: str, message: str, *, is_error: bool = False
    ) -> None:
        self.problems.append(
            ObjectReport(
                POLICY,
                policy.name,
                f"{_place(policy, cluster)}: {message}",
                is_error=is_error,
                cluster=cluster,
                object_kind=policy.kind,
            )
        )

    def rules(self) -> Iterator[GroupRule]:
        """One per policy; of policies of one name in several clusters as many as differ."""
        for name, variants in sorted(self._found.items()):
            first = next(iter(variants))
            for rule, clusters in variants.items():
                shaped = replace(
                    rule,
                    families=first.families,
                    mapping=first.mapping,
                    allow_empty=first.allow_empty,
                    clusters=frozenset(clusters),
                )
                if shaped != replace(rule, clusters=frozenset(clusters)):
                    told = (
                        f"policies of this name in {', '.join(sorted(clusters))} and elsewhere ask"
                        " for different families, mapping or allowEmpty: the first counts"
                    )
                    self._report(*self._twins[name], told)
                yield shaped

    def aliases(self) -> dict[str, str]:
        """The other name of each policy, unless that is another policy's."""
        found: dict[str, str] = {}
        for name, (policy, cluster) in self._twins.items():
            twin = self._former.get(name, policy.twin)
            if twin in self._twins:
                told = (
                    f"the names {name} and {twin} differ by their tier only: each has its own group"
                )
                self._report(policy, cluster, told)
            elif twin not in self._taken and naming.group_refusal(twin) is None:
                found[name] = twin
        return found


def _place(policy: Policy, cluster: str) -> str:
    return f"{policy.kind} {policy.name} of cluster {cluster}"


def _selects(template: PolicyRule, policy: Policy) -> bool | None:
    """Whether the rule asks for a group for the policy; None: nobody can tell."""
    asked = policy.wants_group or bool(policy.doubt)  # a word that nobody knows asks for something
    if policy.wants_group is False or (template.opt_in and not asked):
        return False
    return selectors.parse(template.select).truth(policy.labels, policy.labels.doubts)


def _rule(policy: Policy, shape: GroupRule) -> tuple[GroupRule, bool]:
    """The policy as a rule, and whether it selects everything."""
    wanted = replace(shape, name=policy.name, select="all()", clusters=None)
    if policy.doubt:
        return replace(wanted, select="!all()", doubt=policy.doubt), False
    try:
        own, spaces, accounts = (
            _parsed(key, text)
            for key, text in (
                ("selector", policy.selector),
                ("namespaceSelector", policy.namespaces),
                ("serviceAccountSelector", policy.accounts),
            )
        )
    except _Unusable as error:
        return replace(wanted, select="!all()", doubt=str(error)), False
    select = str(own) if own is not None else "all()"
    if accounts is not None and str(accounts) == "all()":
        # As Calico has it: any service account, and not any pod.
        select, accounts = f"({select}) && has({_ACCOUNT})", None
    rule = replace(
        wanted,
        select=select,
        namespaces=str(spaces) if spaces is not None else "all()",
        accounts=str(accounts) if accounts is not None else None,
    )
    broad = accounts is None and all(
        each is None or is_everything(each.tree) for each in (own, spaces)
    )
    return rule, broad


def _parsed(key: str, text: str | None) -> selectors.Selector | None:
    """None where there is none, or only blanks. Raises _Unusable."""
    if text is None or not text.strip():
        return None
    try:
        found = selectors.parse(text)
    except SelectorError as error:
        shown = repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
        step = f"; {error.next_step}" if error.next_step else ""
        raise _Unusable(
            f"its {key} {shown} is not a selector: {error.message} at position"
            f" {error.position}{step}"
        ) from None
    if _has_global(found.tree):
        raise _Unusable(f"its {key} uses global(), which selects no pods")
    return found


def _has_global(node: Node) -> bool:
    match node:
        case Everything(word):
            return word == "global"
        case Combination(_, terms):
            return any(map(_has_global, terms))
        case Not(term):
            return _has_global(term)
        case _:
            return False

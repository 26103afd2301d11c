"""Calico's policies as rules: which become one, what it selects, and what people are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fmgsync.grouping import policies, selectors
from fmgsync.grouping.judging import is_everything
from fmgsync.grouping.policies import PolicyView, derived, view
from fmgsync.model.address import Family
from fmgsync.model.change import ObjectReport
from fmgsync.model.endpoint import ALWAYS, POLICY_KINDS, ClusterSnapshot, Kind, SourceProblem
from fmgsync.model.labels import ANY_KEY, Labels
from fmgsync.model.policy import Policy
from fmgsync.model.rule import GroupRule, MappingMode, PolicyRule, Publish, RuleSet

SHAPE = GroupRule("shape")
EAST = replace(SHAPE, clusters=frozenset({"east"}))
TEMPLATE = PolicyRule("has(group)", SHAPE)
MARKED = Labels({"group": ""})
WHOLE = PolicyView()


def policy(name: str = "dmz.web", selector: str | None = "app == 'web'", **parts: Any) -> Policy:
    return Policy(name, parts.pop("labels", MARKED), "dmz", selector, **parts)


def rules(*templates: PolicyRule, **parts: Any) -> RuleSet:
    return RuleSet(parts.pop("rules", ()), from_policies=templates or (TEMPLATE,), **parts)


def of(*found: Policy, asked: RuleSet | None = None) -> RuleSet:
    return derived(asked or rules(), {"east": PolicyView(found)})


def told(found: RuleSet) -> list[str]:
    return [problem.message for problem in found.problems]


HERE = "GlobalNetworkPolicy dmz.web of cluster east"

# a policy, and its rule's select, namespaces, accounts, and whether it selects everything
SELECTORS: list[tuple[Policy, str, str, str | None, bool]] = [
    (policy(), 'app == "web"', "all()", None, False),
    (policy(selector=None), "all()", "all()", None, True),
    (policy(selector="  "), "all()", "all()", None, True),
    (policy(selector="", namespaces=" ", accounts=" "), "all()", "all()", None, True),
    (policy(namespaces="has(env)"), 'app == "web"', "has(env)", None, False),
    (policy(accounts="has(a)"), 'app == "web"', "all()", "has(a)", False),
    (policy(selector=None, namespaces="has(env)"), "all()", "has(env)", None, False),
    (policy(selector=None, namespaces="all()"), "all()", "all()", None, True),
    (policy(selector=None, accounts="team == 'a'"), "all()", "all()", 'team == "a"', False),
    (policy(accounts="all()"), '(app == "web") && has(projectcalico.org/serviceaccount)', "all()",
     None, False),
    (policy(selector=None, accounts="all()"), "(all()) && has(projectcalico.org/serviceaccount)",
     "all()", None, True),
]  # fmt: skip


@pytest.mark.parametrize(("one", "select", "namespaces", "accounts", "broad"), SELECTORS)
def test_the_selectors_of_a_policy_become_those_of_a_rule(
    one: Policy, select: str, namespaces: str, accounts: str | None, broad: bool
) -> None:
    """As Calico joins them; nothing stands for everything."""
    found = of(one)
    assert found.rules == (
        GroupRule(
            "dmz.web",
            select=select,
            namespaces=namespaces,
            accounts=accounts,
            clusters=frozenset({"east"}),
        ),
    )
    assert found.broad == ({"dmz.web"} if broad else frozenset())
    assert found.origins == {"dmz.web": HERE}
    assert found.aliases == {"dmz.web": "web"}
    assert not found.problems
    assert not found.unread


# what selects everything, and what does not
EVERYTHING = [
    "all()",
    "!!all()",
    "has(projectcalico.org/namespace)",
    "has(projectcalico.org/orchestrator)",
    "has(projectcalico.org/name)",
    "has(kubernetes.io/metadata.name)",
    "projectcalico.org/orchestrator == 'k8s'",
    "projectcalico.org/orchestrator in {'k8s', 'x'}",
    "projectcalico.org/orchestrator contains '8'",
    "projectcalico.org/orchestrator != 'x'",
    "projectcalico.org/orchestrator not in {'x'}",
    "!(projectcalico.org/orchestrator == 'x')",
    "a not in {}",
    "!(a in {})",
    "all() && has(projectcalico.org/namespace)",
    "has(a) || all()",
    "has(a) || !has(a)",
    "has(b) || has(a) || !has(a)",
    "a == 'x' || a != 'x'",
    "a in {'x'} || a not in {'x'}",
    "a == 'x' || a not in {'x'}",
    "a != 'x' || a in {'x'}",
    "!(a == 'x') || !(a != 'x')",
    "!(a == 'x') || a == 'x'",
    "!(a not in {'x'}) || a != 'x'",
    "!(a in {'x', 'y'}) || a in {'y', 'x'}",
    "a contains 'x' || !(a contains 'x')",
    "!(has(a) && !has(a))",
    "!(has(a) && has(b)) || (has(a) && has(b))",
]
SOMETHING = [
    "a == 'x' || a == 'y'",
    "a == 'x' || a != 'y'",
    "a == 'x' || b != 'x'",
    "a != 'x' || a not in {'x'}",
    "a contains 'x' || !(a contains 'y')",
    "has(a)",
    "!has(a)",
    "!all()",
    "a != 'x'",
    "a in {}",
    "a == 'k8s'",
    "a not in {'x'}",
    "has(serviceaccount)",
    "!has(projectcalico.org/namespace)",
    "projectcalico.org/orchestrator == 'x'",
    "projectcalico.org/orchestrator != 'k8s'",
    "projectcalico.org/orchestrator not in {'k8s'}",
    "all() && has(a)",
    "has(a) || has(b)",
    "has(a) && !has(a)",
    "!(has(a) || !has(a))",
    "has(a) || !has(b)",
    "!(has(a) && has(b))",
]


@pytest.mark.parametrize("text", EVERYTHING)
def test_whatever_labels_a_pod_has_it_is_selected(text: str) -> None:
    assert is_everything(selectors.parse(text).tree)


@pytest.mark.parametrize("text", SOMETHING)
def test_some_pods_are_not_selected(text: str) -> None:
    assert not is_everything(selectors.parse(text).tree)


TAKEN = rules(rules=(GroupRule("dmz.web", select="all()"),))
LONG = "has(" + "a" * 90
CUT = f"its selector {'has(' + 'a' * 76 + '...'!r} is not a selector: "

# policies, which rules are in force, what they select, why they cannot be relied on, what is told
REPORTS: list[tuple[list[Policy], RuleSet, list[str], str, list[str]]] = [
    ([policy(doubt="odd")], rules(), ["!all()"], f"{HERE}: odd",
     [f"{HERE}: odd; its group stays as it is until that is corrected"]),
    ([policy(denies=True)], rules(), ['app == "web"'], "",
     [f"{HERE}: all its rules deny: the group holds whom it denies; use it in no accept policy"]),
    ([policy(hosts_only="it is for hosts")], rules(), [], "",
     [f"{HERE}: it is for hosts, so it selects no pods and gets no group"]),
    ([policy()], TAKEN, ["all()"], "",
     [f"{HERE}: a group of this name stands in the configuration, which counts"]),
    ([policy("dmz.1")], rules(), [], "",
     [("GlobalNetworkPolicy dmz.1 of cluster east: its name cannot be that of a group: it ends like"
      " a shard")]),
    ([policy(selector="global()")], rules(), ["!all()"],
     f"{HERE}: its selector uses global(), which selects no pods",
     [(f"{HERE}: its selector uses global(), which selects no pods; its group stays as it is until"
      " that is corrected")]),
    ([policy(selector="has(a) && !global()")], rules(), ["!all()"],
     f"{HERE}: its selector uses global(), which selects no pods", []),
    ([policy(namespaces="has(a")], rules(), ["!all()"],
     (f"{HERE}: its namespaceSelector 'has(a' is not a selector: has( is not closed, found the end"
     " at position 5"), []),
    ([policy(accounts="a = 'x'")], rules(), ["!all()"],
     f"{HERE}: its serviceAccountSelector \"a = 'x'\" is not a selector: expected an operator", []),
    ([policy(selector=LONG)], rules(), ["!all()"], f"{HERE}: {CUT}", []),
    ([policy(staged=True)], rules(), [], "", []),
    ([policy(staged=True)], rules(replace(TEMPLATE, staged=True)), ['app == "web"'], "", []),
    ([policy(), policy(staged=True)], rules(replace(TEMPLATE, staged=True)), ['app == "web"'], "",
     [("StagedGlobalNetworkPolicy dmz.web of cluster east: an enforced policy of this name counts"
      " instead")]),
    ([policy(staged=True, deletes=True)], rules(replace(TEMPLATE, staged=True)), [], "",
     [("StagedGlobalNetworkPolicy dmz.web of cluster east: it only proposes to delete a policy, and"
      " gets no group")]),
    ([policy("knp.default.web"), policy("kanp.x"), policy("kbanp.x")], rules(), [], "", []),
    ([policy(labels=Labels({}))], rules(), [], "", []),
    ([policy(wants_group=False)], rules(), [], "", []),
    ([policy(wants_group=True)], rules(replace(TEMPLATE, opt_in=True)), ['app == "web"'], "", []),
    ([policy()], rules(replace(TEMPLATE, opt_in=True)), [], "", []),
    ([policy(doubt="odd")], rules(replace(TEMPLATE, opt_in=True)), ["!all()"], f"{HERE}: odd", []),
    ([policy()], rules(PolicyRule("has(x)", EAST), TEMPLATE), ['app == "web"'], "", []),
    ([policy()], rules(PolicyRule("all()", replace(SHAPE, clusters=frozenset({"west"})))), [], "",
     []),
    ([policy()], rules(PolicyRule("all()", EAST)), ['app == "web"'], "", []),
]  # fmt: skip


@pytest.mark.parametrize(("found", "asked", "select", "doubt", "says"), REPORTS)
def test_which_policies_become_rules_and_what_is_told(
    found: list[Policy], asked: RuleSet, select: list[str], doubt: str, says: list[str]
) -> None:
    """What cannot be relied on adds nothing and removes nothing."""
    made = of(*found, asked=asked)
    assert [rule.select for rule in made.rules] == select
    assert "; ".join(rule.doubt for rule in made.rules)[: len(doubt) or None] == doubt
    if says or not doubt:
        assert told(made) == says
    for problem in made.problems:
        assert isinstance(problem, ObjectReport)
        assert problem.kind == "policy"
        assert problem.cluster == "east"
        assert problem.object_kind == problem.message.partition(" ")[0]
        assert problem.is_error is ("stays as it is" in problem.message)
    assert not made.unread


def test_what_nobody_can_rely_on_is_not_called_everything() -> None:
    for odd in (policy(doubt="odd"), policy(selector="has(")):
        assert of(odd).broad == frozenset()


def test_policies_are_told_of_by_name_whatever_came_first() -> None:
    """Those that are not taken hide none after them, and what was told before stays."""
    kept = ObjectReport("policy", "x", "before")
    found = [policy("z"), policy("kanp.a"), policy("b", staged=True), policy("c", denies=True),
             policy("a", denies=True)]  # fmt: skip
    made = of(*found, asked=rules(problems=(kept,)))
    assert [rule.name for rule in made.rules] == ["a", "c", "z"]
    assert [problem.name for problem in made.problems] == ["x", "a", "c"]
    staged = rules(PolicyRule("has(x)", SHAPE), replace(TEMPLATE, staged=True))
    assert [rule.name for rule in of(policy("b", staged=True), asked=staged).rules] == ["b"]


def test_a_shape_is_that_of_the_first_in_all_it_has() -> None:
    """Families and whether it may be empty, as well as mapping."""
    west = replace(SHAPE, clusters=frozenset({"west", "north"}), families=frozenset(Family),
                   allow_empty=True)  # fmt: skip
    views = {name: PolicyView((policy(),)) for name in ("west", "north", "east")}
    made = derived(rules(PolicyRule("all()", EAST), PolicyRule("all()", west)), views)
    assert {(rule.families, rule.allow_empty) for rule in made.rules} == {
        (frozenset({Family.IPV4}), False)
    }
    assert told(made) == [
        (
            f"{HERE}: policies of this name in north, west and elsewhere ask for different"
            " families, mapping or allowEmpty: the first counts"
        )
    ]


def test_a_text_of_80_characters_is_shown_whole_with_the_next_step_if_there_is_one() -> None:
    text = "(" + "has(a) &&" * 8 + " has(b)"
    assert len(text) == 80
    for told_of, step in ((text, False), ("app = 'web'", True)):
        (rule,) = of(policy(selector=told_of)).rules
        assert f"its selector {told_of!r} is not a selector: " in rule.doubt
        assert ("; " in rule.doubt) is step


def test_the_first_template_that_selects_a_policy_counts() -> None:
    nodes = replace(SHAPE, publish=Publish.NODE)
    asked = rules(PolicyRule("has(x)", SHAPE), PolicyRule("has(group)", nodes), TEMPLATE)
    assert [rule.publish for rule in of(policy(), asked=asked).rules] == [Publish.NODE]


def test_a_policy_of_which_nobody_can_tell_keeps_every_group() -> None:
    """Its rule may be one that a group is there for; what comes after it is read all the same."""
    unknown = policy("a", labels=Labels({}, ANY_KEY), doubt="its labels cannot be read")
    found = of(unknown, policy(), asked=rules(unread="before"))
    assert found.unread == (
        "before; GlobalNetworkPolicy a of cluster east: it is not known whether a rule selects it"
        " (its labels cannot be read)"
    )
    assert [rule.name for rule in found.rules] == ["dmz.web"]


def test_without_templates_nothing_is_derived() -> None:
    asked = RuleSet((GroupRule("g", select="all()"),))
    assert derived(asked, {"east": PolicyView((policy(),))}) is asked


def test_one_policy_of_several_clusters() -> None:
    """Alike in all of them it is one rule; else as many as differ, of one shape."""
    west = replace(SHAPE, clusters=frozenset({"west"}), mapping=MappingMode.SHARED)
    same = derived(rules(), {"west": PolicyView((policy(),)), "east": PolicyView((policy(),))})
    assert [(rule.name, {*(rule.clusters or ())}) for rule in same.rules] == [
        ("dmz.web", {"east", "west"})
    ]
    other = {"west": PolicyView((policy(selector="has(x)"),)), "east": PolicyView((policy(),))}
    found = derived(rules(), other)
    assert [(rule.select, {*(rule.clusters or ())}) for rule in found.rules] == [
        ('app == "web"', {"east"}),
        ("has(x)", {"west"}),
    ]
    assert not found.problems
    assert found.origins == {"dmz.web": HERE.replace("east", "west")}
    shapes = rules(PolicyRule("all()", EAST), PolicyRule("all()", west), rules=())
    mixed = derived(shapes, other)
    assert {rule.mapping for rule in mixed.rules} == {MappingMode.PER_DEVICE}
    assert told(mixed) == [
        (
            f"{HERE}: policies of this name in west and elsewhere ask for different families,"
            " mapping or allowEmpty: the first counts"
        )
    ]


def test_a_group_may_have_the_name_by_another_form_of_the_tier() -> None:
    """Or by the name that the tier had; unless that is another's."""
    renamed = rules(replace(TEMPLATE, renamed_tiers=(("x", "y"), ("dmz", "old"))))
    assert of(policy(), asked=renamed).aliases == {"dmz.web": "old.web"}
    assert of(policy("web")).aliases == {"web": "dmz.web"}
    both = of(policy(), policy("web"))
    assert both.aliases == {}
    assert told(both) == [
        f"{HERE}: the names dmz.web and web differ by their tier only: each has its own group",
        (
            "GlobalNetworkPolicy web of cluster east: the names web and dmz.web differ by their"
            " tier only: each has its own group"
        ),
    ]
    assert of(policy(), asked=rules(rules=(GroupRule("web", select="all()"),))).aliases == {}
    assert of(policy("dmz.all")).aliases == {}
    kept = rules(aliases={"a": "b"}, origins={"a": "there"})
    assert of(policy(), asked=kept).aliases == {"a": "b", "dmz.web": "web"}
    assert of(policy(), asked=kept).origins == {"a": "there", "dmz.web": HERE}


def test_what_was_not_read_keeps_groups_from_going() -> None:
    """Of staged policies only where some rule is made of those."""
    lost = view(None, "east")
    assert derived(rules(), {"east": lost}).unread == "cluster east could not be read"
    problem = SourceProblem("globalnetworkpolicies dmz.web", "forbidden")
    others = SourceProblem("pods default/web", "odd")
    part = view(
        ClusterSnapshot("east", frozenset({Kind.STAGED_POLICIES}), problems=(others, problem)),
        "east",
    )
    policies_unread = "cluster east: globalnetworkpolicies not read completely: forbidden"
    assert part.unread == {Kind.POLICIES: policies_unread}
    assert derived(rules(), {"east": part}).unread == policies_unread
    none = view(ClusterSnapshot("east", frozenset()), "east")
    staged = rules(replace(TEMPLATE, staged=True))
    assert derived(staged, {"east": none}).unread == (
        "cluster east: globalnetworkpolicies not read completely; cluster east:"
        " stagedglobalnetworkpolicies not read completely"
    )
    whole = ClusterSnapshot("east", POLICY_KINDS, policies=(policy(),))
    assert view(whole, "east") == PolicyView((policy(),))


@pytest.mark.parametrize(
    ("asked", "come_from", "beside"),
    [
        (RuleSet(()), set(), set()),
        (rules(), {Kind.POLICIES}, {Kind.ACCOUNTS}),
        (rules(replace(TEMPLATE, staged=True)), {Kind.POLICIES, Kind.STAGED_POLICIES},
         {Kind.ACCOUNTS}),
        (rules(PolicyRule("all()", EAST)), {Kind.POLICIES}, {Kind.ACCOUNTS}),
        (rules(PolicyRule("all()", replace(EAST, clusters=frozenset({"west"}), network_sets=True,
                                           publish=Publish.IP_POOL))), set(), set()),
        (rules(PolicyRule("all()", replace(EAST, network_sets=True))), {Kind.POLICIES},
         {Kind.ACCOUNTS, Kind.GLOBAL_SETS, Kind.NETWORK_SETS}),
        (rules(PolicyRule("all()", replace(SHAPE, publish=Publish.IP_POOL))), {Kind.POLICIES},
         {Kind.ACCOUNTS, Kind.IP_POOLS}),
        (RuleSet((GroupRule("p", select="has(a)", publish=Publish.IP_POOL),)), set(),
         {Kind.IP_POOLS}),
        (RuleSet((GroupRule("p", select="has(a)", publish=Publish.IP_POOL,
                            clusters=frozenset({"east"})),)), set(), {Kind.IP_POOLS}),
        (RuleSet((GroupRule("p", select="has(a)", publish=Publish.IP_POOL,
                            clusters=frozenset({"west"})),)), set(), set()),
    ],
)  # fmt: skip
def test_what_one_reading_of_a_cluster_must_tell(
    asked: RuleSet, come_from: set[Kind], beside: set[Kind]
) -> None:
    assert policies.wanted_kinds(asked, "east") == come_from
    assert policies.kinds_to_read(asked, "east") == ALWAYS | come_from | beside


def test_problems_with_what_nobody_needs_are_left_out() -> None:
    """It was asked for in case some policy would need it."""
    places = [
        "pods a/b",
        "serviceaccounts a/b",
        "ippools x",
        "globalnetworkpolicies x",
        "a.yaml",
    ]
    problems = [SourceProblem(where, "odd") for where in places]
    kept = policies.that_matter(problems, frozenset({Kind.IP_POOLS}))
    assert [each.where for each in kept] == [
        "pods a/b",
        "ippools x",
        "globalnetworkpolicies x",
        "a.yaml",
    ]
    assert policies.that_matter((), frozenset()) == ()

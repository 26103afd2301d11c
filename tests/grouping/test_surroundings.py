"""What has a say in how a pod leaves: which objects are asked, and how much some ranges hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fmgsync.grouping import surroundings
from fmgsync.grouping.surroundings import Part, Question, Surroundings
from fmgsync.model.address import Address, Family
from fmgsync.model.labels import Labels
from fmgsync.model.platform import Egress, Gateway, PlatformObject, Setting
from tests.grouping.ways_out import V4, V6, node, pod, setting

SPACE, WEB, DB = Labels({"env": "qa"}), Labels({"app": "web"}), Labels({"app": "db"})
A, B = "192.0.2.1", "192.0.2.2"
UNSURE = Labels({}, frozenset({"app"}))


def around(*there: PlatformObject) -> Surroundings:
    found = Surroundings(lambda _: None, lambda _: SPACE)
    for each in there:
        found.put(each)
    return found


def egress(name: str, *selects: tuple[str, str], **parts: Any) -> Egress:
    return Egress("Egress", "", name, selects=selects, **parts)


QA, PROD = "env == 'qa'", "env == 'prod'"
OF_WEB = egress("a", (QA, "app == 'web'"))
EGRESSES: dict[str, tuple[Egress, Labels, list[bool | None]]] = {
    "it selects the pod": (OF_WEB, WEB, [True]),
    "it selects others": (OF_WEB, DB, []),
    "in another namespace": (egress("a", (PROD, "app == 'web'")), WEB, []),
    "it selects others, and by addresses": (replace(OF_WEB, sources=(("10.0.0.0/8", True),)), DB,
        [False]),
    "nobody can tell": (OF_WEB, UNSURE, [None]),
    "nobody can tell, but the namespace is another": (egress("a", (PROD, "app == 'web'")), UNSURE,
        []),
    "one of two is enough": (egress("a", (PROD, "all()"), (QA, "app == 'db'")), DB, [True]),
    "nobody can tell of one, the other does": (egress("a", (QA, "app == 'web'"), (QA, "all()")),
        UNSURE, [True]),
    "nobody can tell of one, the other does not": (egress("a", (QA, "app == 'web'"),
        (PROD, "all()")), UNSURE, [None]),
    "a selector that is none": (egress("a", (QA, "app ==")), WEB, [None]),
    "it selects nothing": (egress("a"), WEB, []),
}  # fmt: skip


@pytest.mark.parametrize("case", EGRESSES)
def test_which_egress_objects_may_be_about_a_pod(case: str) -> None:
    there, labels, expected = EGRESSES[case]
    found = around(there).egresses(labels, SPACE)
    assert found == tuple((there, selects) for selects in expected)


def test_what_was_asked_is_remembered_until_an_object_is_another() -> None:
    found = around(OF_WEB, egress("b", ("all()", "all()")))
    first, listed = found.egresses(WEB, SPACE), found.of(Egress)
    assert [each.name for each, _ in first] == [each.name for each in listed] == ["a", "b"]
    assert (found.egresses(WEB, SPACE) is first, found.of(Egress) is listed) == (True, True)
    assert found.egresses(DB, SPACE) == first[1:]
    assert found.remembered == 2
    found.forget_answers()
    assert found.remembered == 0
    found.egresses(WEB, SPACE)
    wider = replace(OF_WEB, selects=(("all()", "all()"),))
    found.put(wider)
    assert found.of(Egress) == (wider, listed[1])
    assert found.egresses(DB, SPACE) == ((wider, True), first[1])
    found.drop(wider.key)
    assert (found.of(Egress), found.egresses(DB, SPACE)) == (listed[1:], first[1:])
    found.drop(wider.key)
    assert found.of(Egress) == listed[1:]


def test_objects_of_one_kind_are_told_by_name() -> None:
    found = around(egress("b"), setting("ConfigMap", "x"), egress("a"))
    assert [each.name for each in found.of(Egress)] == ["a", "b"]
    assert found.of(Gateway) == ()


def order(namespace: str = "a", **labels: str) -> Gateway:
    return Gateway("EgressGateway", namespace, "gw", labels=tuple(labels.items()))


GATE = replace(pod("10.1.0.1"), labels=Labels({"role": "gate", "zone": "z", "app": "x"}))
ORDERS: dict[str, tuple[Gateway, bool]] = {
    "all labels": (order(role="gate", zone="z"), True),
    "one of two": (order(role="gate", zone="other"), False),
    "a label it has not": (order(role="gate", tier="x"), False),
    "in another namespace": (order("b", role="gate"), False),
    "it names no labels": (order(), False),
}


@pytest.mark.parametrize("case", ORDERS)
def test_which_orders_bear_out_that_a_pod_is_a_gateway(case: str) -> None:
    there, expected = ORDERS[case]
    assert around(there).orders_of(GATE) == [there] * expected


def named(space: str, name: str) -> Setting:
    return replace(setting("ConfigMap", name), namespace=space)


def test_a_setting_is_the_first_that_is_there() -> None:
    """By name, then of the whole cluster before that in its own namespace."""
    mine, theirs = named("", "one"), named("kube-system", "one")
    two = named("kube-system", "two")
    found = around(two, theirs, mine, named("other", "zero"))
    assert found.setting("ConfigMap", "zero", "one", "two") is mine
    found.drop(mine.key)
    assert found.setting("ConfigMap", "one", "two") is theirs
    assert found.setting("ConfigMap", "two", "one") is two
    assert found.setting("DaemonSet", "one") is None
    found.put(Egress("Odd", "", "one"))
    assert found.setting("Odd", "one") is None


ALL, SOME, NONE = Part.ALL, Part.SOME, Part.NONE
NET, HALF, FAR = "10.1.0.0/16", "10.1.0.0/17", "192.0.2.0/24"
# of which family, towards what, the ranges, those that are excluded, and how much they hold
PARTS: list[tuple[Family, str, str, str, Part]] = [
    (V4, NET, NET, "", ALL),
    (V4, HALF, NET, "", ALL),
    (V4, NET, HALF, "", SOME),
    (V4, FAR, NET, "", NONE),
    (V4, NET, "", "", NONE),
    (V4, f"{HALF} {FAR}", NET, "", SOME),
    (V4, f"{HALF} {FAR}", f"{NET} {FAR}", "", ALL),
    (V4, NET, NET, NET, NONE),
    (V4, NET, NET, HALF, SOME),
    (V4, NET, NET, FAR, ALL),
    (V4, HALF, NET, NET, NONE),
    (V4, f"{HALF} {FAR}", f"{NET} {FAR}", FAR, SOME),
    (V4, NET, HALF, HALF, SOME),
    (V4, "", NET, "", SOME),
    (V4, "", "0.0.0.0/0", "", ALL),
    (V4, "", "0.0.0.0/0", NET, SOME),
    (V4, "", "::/0", "", NONE),
    (V6, "", "::/0", "", ALL),
    (V6, "", "::/0", "0.0.0.0/0", ALL),
    (V6, NET, "::/0 0.0.0.0/0", "", NONE),  # nothing of the family is asked about
]


def listed(text: str) -> tuple[Address, ...]:
    return tuple(map(Address, text.split()))


@pytest.mark.parametrize(("family", "towards", "ranges", "excluded", "expected"), PARTS)
def test_how_much_of_what_is_asked_about_some_ranges_hold(
    family: Family, towards: str, ranges: str, excluded: str, expected: Part
) -> None:
    question = Question(pod("10.1.0.1"), family, listed(towards))
    assert surroundings.part(question, iter(listed(ranges)), iter(listed(excluded))) is expected


def test_a_pod_leaves_by_the_nodes_that_are_named_or_by_its_own() -> None:
    """Each address once, in their order; if one is not known, nothing is."""
    nodes = {name: node(addresses=(Address(ip),)) for name, ip in (("n1", A), ("n2", B), ("n3", A))}
    found = Surroundings(nodes.get, lambda _: SPACE)
    question = Question(pod("10.1.0.1"), V4)

    def leaving(*names: str) -> tuple[str, list[str], list[str]]:
        seen = surroundings.by_node(question, found, "who", "why", nodes=names)
        return seen.unknown, [*seen.addresses], sorted(seen.leans)

    assert leaving() == ("", [A], ["n1"])
    assert leaving("n2", "n3", "n1") == ("", [B, A], ["n1", "n2", "n3"])
    assert leaving("n2", "gone") == ("node gone was not read", [], ["gone", "n2"])

"""A group keeps its name when its policy's gains or loses a prefix; what nobody knows is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fmgsync.model import naming
from fmgsync.model.change import Finding
from fmgsync.planning import aliases
from tests.planning.estates import EAST, OWNER, adom, desired, group, wanted

OTHER = {"default.web": "web", "web": "default.web", "app.web": "web", "app.db": "db"}


def kept(name: str, alias: str) -> Finding:
    told = f"the group of {name} keeps the name it has: firewall policies may use it"
    return Finding("kept-name", alias, told)


def renamed(name: str, old: str) -> Finding:
    tier, former = name.partition(".")[0], old.partition(".")[0]
    return Finding(
        "renamed-policy",
        name,
        f"group {old} has no policy any more, and this new one differs from it by its tier only:"
        f" firewall policies that use {old} do not know it. If the tier was renamed, write"
        f" renamedTiers: {{{tier}: {former}}}, and the group keeps its name; else put both into"
        " those policies before the old one is approved to go",
    )


def twin(name: str, other: str) -> Finding:
    return Finding(
        "twin-of-others",
        name,
        f"group {other}, which differs by its tier only, is not fmgsync's, and firewall policies"
        " may use it: take it over before this one is made, and it keeps its name: fmgsync adopt"
        f" --names {other}",
    )


@pytest.mark.parametrize(
    ("there", "names", "expected", "told"),
    [
        ("web", "default.web", "web", [kept("default.web", "web")]),
        ("default.web", "web", "default.web", [kept("web", "default.web")]),
        ("web db", "default.web app.db", "web db",
         [kept("app.db", "db"), kept("default.web", "web")]),
        ("web", "other", "other", []),
        ("other", "default.web", "default.web", []),
        # Both are asked for, or both are there: nobody's name changes.
        ("web", "default.web web", "default.web web", []),
        ("web default.web", "default.web", "default.web", []),
        # Somebody took the old one over, or is about to: it counts.
        ("taken:web default.web", "default.web", "web", [kept("default.web", "web")]),
        ("taken:web", "default.web", "web", [kept("default.web", "web")]),
        ("taken:web default.web", "default.web web", "default.web web", []),
        ("taken:db web default.web", "default.web", "default.web", []),
        ("taking:web", "default.web", "web", [kept("default.web", "web")]),
        ("taking:web default.web", "default.web", "web", [kept("default.web", "web")]),
        # It is somebody else's.
        ("hers:web", "default.web", "default.web", [twin("default.web", "web")]),
        ("hers:web hers:db", "default.web app.db", "default.web app.db",
         [twin("app.db", "db"), twin("default.web", "web")]),
        ("hers:web default.web", "default.web", "default.web", []),
        ("hers:web hers:default.web", "default.web", "default.web", []),
        # The tier may have another name by now.
        ("old.web", "app.web", "app.web", [renamed("app.web", "old.web")]),
        ("old.web old.db", "app.web app.db", "app.web app.db",
         [renamed("app.db", "old.db"), renamed("app.web", "old.web")]),
        ("a.web b.web c.web", "app.web", "app.web", [renamed("app.web", "c.web")]),
        ("old.web", "app.web old.web", "app.web old.web", []),
        ("old.web app.web", "app.web", "app.web", []),
        ("old.web web", "app.web", "web", [kept("app.web", "web")]),
        ("old.web", "not.web", "not.web", []),  # No policy of that name has tiers.
        ("old. old", "web", "web", []),
        ("old.db", "app.web", "app.web", []),
    ],
)  # fmt: skip
def test_which_name_a_group_has(there: str, names: str, expected: str, told: list[Finding]) -> None:
    standing, taking = [], []
    for word in there.split():
        whose, _, name = word.rpartition(":")
        found = group(name, owned=whose not in ("hers", "taking"))
        taken = naming.taking_over(OWNER, name, "of old")
        standing.append(replace(found, comment=taken) if whose == "taken" else found)
        taking += [name] * (whose == "taking")
    said = Finding("x", "y", "z")
    goal = replace(
        desired(*(wanted(name, {EAST: {"10.1.0.9"}}) for name in names.split())),
        aliases=OTHER,
        findings=(said,),
        broad=frozenset(names.split()),
    )
    settled = aliases.settle(goal, adom(*standing), taking)
    if not told:
        assert settled is goal
        return
    named = expected.split()
    assert settled == replace(
        goal,
        groups=tuple(replace(g, name=n) for g, n in zip(goal.groups, named, strict=True)),
        findings=(said, *told),
        broad=frozenset(named),
    )

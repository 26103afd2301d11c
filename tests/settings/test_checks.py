"""How values must fit together, told together with everything else that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync import yamllines
from fmgsync.errors import ConfigError
from fmgsync.settings import checks, load
from fmgsync.yamllines import Plain
from tests.settings.texts import (
    CLUSTERS,
    DIRECT,
    FOLDER,
    SITES,
    SMALL,
    UNITS,
    parsed,
    problems,
    refusal,
)


def test_a_small_configuration_has_no_problem() -> None:
    assert parsed(SMALL).sites[0].devices == ("fgt-1", "fgt-2/dmz")


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        # names are unique
        (SMALL + "groups: [{name: g, select: all()}, {name: g, selectNodes: all()}]",
         "groups[1].name", "twice"),
        (SMALL.replace("manifests: east.yaml}", "manifests: a}\n  - {name: east, manifests: b}"),
         "clusters[1].name", "twice"),
        # sources
        (SMALL.replace("manifests: east.yaml", "manifests: a, kubeconfig: {}"),
         "clusters[0].manifests", "either"),
        (SMALL.replace("manifests: east.yaml}", 'manifests: "-"}\n  - {name: b, manifests: "-"}'),
         "clusters[1]", "standard input"),
        (SMALL.replace(", manifests: east.yaml}", "}\n  - {name: b}"),
         "clusters[1]", "cluster fmgsync runs in, as cluster 'east' does"),
        # credentials
        (SMALL.replace("username: u, password: {env: HQ_PASSWORD}", ""),
         "fortimanagers[0].credentials", "neither"),
        (SMALL.replace("username: u, ", ""), "fortimanagers[0].credentials", "neither"),
        (SMALL.replace("username: u, ", "username: u, apiKey: {env: K}, "),
         "fortimanagers[0].credentials.apiKey", "beside username and password"),
        (SMALL.replace("host: fmg,", "host: fmg, tls: {verify: false, caFile: x},"),
         "fortimanagers[0].tls.verify", "useless"),
        # references
        (SMALL.replace("clusters: [east]", "clusters: [eats]"),
         "sites[0].clusters[0]", "there is no cluster 'eats'; did you mean 'east'?"),
        (SMALL.replace("fortimanager: hq", "fortimanager: h"),
         "sites[0].fortimanager", "did you mean 'hq'?"),
        (SMALL + "groups: [{name: g, select: all(), sites: {clusters: [west]}}]",
         "groups[0].sites.clusters[0]", "there is no cluster 'west'"),
        (SMALL + "lease: {cluster: eats}", "lease.cluster", "did you mean 'east'?"),
        # what may be read
        (SMALL + "groups: [{name: g, select: all(), publish: object, object: {apiVersion: v1,"
         " kind: Secret, addresses: [.data.ip]}}]", "groups[0].object", "never read for members"),
        (SMALL + "lease: {cluster: east}", "lease.cluster", "is a dump, which keeps no Leases"),
        # lists
        (SMALL.replace("[fgt-1,", "[fgt-1, fgt-1,"), "sites[0].devices[1]", "twice"),
        (SMALL.replace("clusters: [east]", "clusters: [east, east]"),
         "sites[0].clusters[1]", "twice"),
        (SMALL + "groups: [{name: g, select: all(), families: [ipv6, ipv6]}]",
         "groups[0].families[1]", "twice"),
        # what a group selects
        (SMALL + "groups: [{name: g}]", "groups[0]", "selects nothing"),
        (SMALL + "groups: [{name: g, select: null}]", "groups[0]", "selects nothing"),
        (SMALL + "groups: [{name: g, select: all(), selectNodes: all()}]",
         "groups[0].selectNodes", "not both"),
        (SMALL + "groups: [{name: g, selectNodes: all(), namespaces: all()}]",
         "groups[0].namespaces", "about pods"),
        (SMALL + "groups: [{name: g, selectNodes: all(), publish: node}]",
         "groups[0].publish", "about pods"),
        # FortiOS keeps addresses and address groups in one name space
        (SMALL + "groups: [{name: prod_web, select: all()}]", "groups[0].name", "addresses"),
    ],
)  # fmt: skip
def test_what_does_not_fit(text: str, path: str, words: str) -> None:
    found = refusal(text)
    assert found.path == path
    assert words in found.message
    assert found.line is not None


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        # one name, one unit
        (DIRECT.replace("branch-8, host", "branch-7, host").replace("8/dmz", "7/dmz"),
         "fortigates[1].name", "twice"),
        (DIRECT.replace('"b8:8443"', '"B7:443"'), "fortigates[1].host",
         "'B7:443' is the host of 'branch-7' as well"),
        (UNITS.replace("hq", "branch-7") + DIRECT, "fortigates[0].name", "a FortiManager as well"),
        (DIRECT.replace("branch-8, host", "branch-8, serials: [FGT60F1, FGT60F1], host"),
         "fortigates[1].serials[1]", "twice"),
        (DIRECT.replace("branch-7, host", "branch-7, serials: [FGT60F1], host")
         .replace("branch-8, host", "branch-8, serials: [FGT60F2, FGT60F1], host"),
         "fortigates[1].serials[1]", "'FGT60F1' is a serial number of 'branch-7' as well"),
        (DIRECT.replace("branch-7, host", "branch-7, serials: [fgt-60f1], host"),
         "fortigates[0].serials[0]", "is not a serial number"),
        # what a site names
        (DIRECT.replace("[branch-7, branch-8/dmz]", "[branch-9]"), "sites[0].fortigates[0]",
         "no FortiGate 'branch-9'"),
        (DIRECT.replace("[branch-7, branch-8/dmz]", '["hub-*"]'), "sites[0].fortigates[0]",
         "no FortiGate"),
        (DIRECT.replace("[branch-7,", "[branch-7, branch-7,"), "sites[0].fortigates[1]", "twice"),
        (DIRECT.replace("8/dmz", "8/*"), "sites[0].fortigates[1]", "not the name of one VDOM"),
        (DIRECT.replace("8/dmz", "'8/a,b'").replace("branch-'8", "'branch-8"),
         "sites[0].fortigates[1]", "not the name of one VDOM"),
        (DIRECT.replace("8/dmz", "8/"), "sites[0].fortigates[1]", "not the name of one VDOM"),
        (DIRECT.replace("fortigates: [branch-7, branch-8/dmz]", "fortigates: []"),
         "sites[0].fortigates", "empty"),
        # one way, and a whole one
        (DIRECT.replace(", fortigates: [branch-7, branch-8/dmz]", ""), "sites[0]",
         "names no FortiGates"),
        (UNITS + DIRECT.replace("fortigates: [b", "adom: a, fortigates: [b"),
         "sites[0].fortigates", "beside adom"),
        (SMALL.replace("adom: prod, ", ""), "sites[0].adom", "required"),
        (DIRECT.replace("8/dmz]", "8/dmz], fleet: a")
         + "  - {clusters: [east], fortigates: [branch-7/x], fleet: b}",
         "sites[1].fleet", "is in fleet 'a' as well"),
        (UNITS + DIRECT
         + "  - {clusters: [east], fortimanager: hq, adom: a, devices: [f], fleet: x}",
         "sites[1].fleet", "an ADOM is a fleet of its own"),
        (UNITS + DIRECT + "  - {clusters: [east], fortimanager: hq, adom: a, devices: [branch-7]}",
         "sites[1].devices[0]", "directly as well"),
        # trust
        (DIRECT.replace("host: b7", "host: b7, tls: {verify: false, caFile: x}"),
         "fortigates[0].tls.verify", "useless"),
        (DIRECT.replace("managed: no", "managed: yes"), "fortigates[1].managed", "ask, no"),
        (DIRECT.replace("{env: B7}", "b7secret"), "fortigates[0].apiKey", ""),
        (DIRECT.replace("managed: no", "connections: 5"), "fortigates[1].connections", "4"),
    ],
)  # fmt: skip
def test_what_does_not_fit_of_fortigates(text: str, path: str, words: str) -> None:
    found = refusal(text)
    assert found.path == path
    assert words in found.message
    assert found.line is not None
    assert "b7secret" not in str(found)


WINDOW = "kind: deny, schedule: '0 1 * * *', duration: 1h"


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("fortimanagers: [h]", "install.windows[0].fortimanagers[0]"),
        ("fortimanagers: [hq, x*, 'no']", "install.windows[0].fortimanagers[2]"),
        ("adoms: [proud]", "install.windows[0].adoms[0]"),
        ("devices: [fgt-3]", "install.windows[0].devices[0]"),
        ("devices: ['*', 'branch-*']", "install.windows[0].devices[1]"),
        ("devices: [fgt-2/root]", "install.windows[0].devices[0]"),
        ("fleets: [hq/prod, branches]", "install.windows[0].fleets[1]"),
    ],
)
def test_a_window_for_what_does_not_exist_is_refused_because_it_would_deny_nothing(
    scope: str, path: str
) -> None:
    assert refusal(f"{SMALL}install: {{windows: [{{{WINDOW}, {scope}}}]}}").path == path


@pytest.mark.parametrize(
    "scope",
    [
        "fortimanagers: [hq, 'h*']",
        "adoms: [prod, '*']",
        "devices: [fgt-1, 'fgt-*', fgt-1/any, fgt-2, fgt-2/dmz, '*/d*']",
        "deviceGroups: [East]",
        "fleets: [hq/prod, 'hq/*']",
    ],
)
def test_a_window_for_what_exists_or_may_exist_is_taken(scope: str) -> None:
    assert parsed(f"{SMALL}install: {{windows: [{{{WINDOW}, {scope}}}]}}").install.windows


def test_windows_may_be_always_open() -> None:
    assert parsed(SMALL + "install: {windows: always}").install.windows == "always"


@pytest.mark.parametrize(
    ("rollout", "path"),
    [
        ("canary: [fgt-3]", "canary[0]"),
        ("canary: [fgt-1, fgt-1]", "canary[1]"),
        ("waves: [50%]", "waves[0]"),
        ("waves: [1, 5]", "waves[1]"),
        ("waves: [50%, 20%, 100%]", "waves[1]"),
    ],
)
def test_a_rollout_that_cannot_end_well_is_refused(rollout: str, path: str) -> None:
    found = refusal(f"{SMALL}install: {{rollout: {{{rollout}}}}}")
    assert found.path == f"install.rollout.{path}"


@pytest.mark.parametrize(
    "rollout",
    ["canary: [fgt-1, fgt-2/dmz]", 'waves: [1, "group:East", 100%]', "waves: [5%, 5%, 100%]"],
)
def test_a_rollout_that_can(rollout: str) -> None:
    assert parsed(f"{SMALL}install: {{rollout: {{{rollout}}}}}").install.rollout.waves


def test_a_canary_may_be_in_a_device_group_that_only_fortimanager_knows() -> None:
    sites = SITES.replace("fgt-1,", '"group:East",')
    text = f"{CLUSTERS}{UNITS}{sites}install: {{rollout: {{canary: [fgt-9]}}}}"
    assert parsed(text).install.rollout.canary == ("fgt-9",)


def test_wrong_values_do_not_hide_what_does_not_fit() -> None:
    found = problems(SMALL.replace("[east]", "[eats]") + "groups: [{name: g, families: [x]}]")
    assert [problem.path for problem in found] == [
        "sites[0].clusters[0]",
        "groups[0]",
        "groups[0].families[0]",
    ]


KEYS = (
    "owner clusters fortimanagers sites groups install windows rollout canary waves devices adoms "
    "name credentials username apiKey tls verify caFile fortimanager select selectNodes families "
    "manifests kubeconfig"
)
keys = st.sampled_from(KEYS.split())
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["a", "-", "x%"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(keys, anything, max_size=8))
def test_the_checks_pass_over_whatever_has_another_shape(data: dict[str, Plain]) -> None:
    for issue in checks.issues(data):
        assert issue.message


def inside(value: Plain) -> Iterator[tuple[Any, Any]]:
    """Every place in a configuration: what holds it, and under which key."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from inside(value[key])  # type: ignore[index]


@pytest.mark.parametrize("other", [None, 7, "x", ["x"], [[]], {}], ids=str)
def test_the_checks_pass_over_another_shape_at_any_place(other: Plain) -> None:
    whole = Path(__file__).with_name("whole.yaml")
    data = yamllines.load(whole.read_bytes(), whole.name).data
    for holder, key in inside(data):
        before, holder[key] = holder[key], other
        assert all(issue.message for issue in checks.issues(data)), (key, other)
        holder[key] = before


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(keys, anything, max_size=8))
def test_no_data_ends_in_anything_but_a_configuration_or_its_problems(
    data: dict[str, Plain],
) -> None:
    text = yaml.safe_dump(data)
    with pytest.raises(ConfigError) as caught:
        load.parse(text, name="x.yaml", folder=FOLDER)
    assert caught.value.problems


@pytest.mark.parametrize("removals", ["immediately", "{within: 15m}"])
def test_removals_that_do_not_wait_and_writes_that_do_are_refused_together(removals: str) -> None:
    text = SMALL + f"reconcile: {{write: before-install}}\ninstall: {{removals: {removals}}}"
    (problem,) = problems(text)
    assert problem.path == "install.removals"
    assert "nothing before a window opens" in problem.message
    for instead in (
        SMALL + "reconcile: {write: before-install}\ninstall: {removals: in-window}",
        SMALL + f"reconcile: {{write: continuous}}\ninstall: {{removals: {removals}}}",
    ):
        assert parsed(instead)

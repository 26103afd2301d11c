"""A command refuses what it cannot do yet; notices tell what is probably not meant."""

from __future__ import annotations

import pytest

from fmgsync import yamllines
from fmgsync.errors import NotBuiltError
from fmgsync.settings import features
from fmgsync.settings.lint import notices
from fmgsync.settings.reference import example
from tests.settings.texts import DIRECT, SMALL, parsed

GROUP = "groups: [{name: g, select: all()"
WINDOW = "schedule: '0 1 * * *', duration: 1h"


@pytest.mark.parametrize("command", sorted(features.COMMANDS))
def test_a_plain_configuration_is_built(command: str) -> None:
    features.refuse_unbuilt(parsed(SMALL + f"{GROUP}}}]"), command)
    features.refuse_unbuilt(parsed(SMALL + "install: {windows: always}"), command)
    features.refuse_unbuilt(parsed(SMALL + "install: {mode: none}"), command)
    features.refuse_unbuilt(parsed(example()), command)
    features.refuse_unbuilt(parsed(DIRECT), command)


ASKED = [
        (SMALL + GROUP + ", publish: auto}]", "status", "groups[0].publish"),
        (SMALL + GROUP + ", publish: egressGateway}]", "plan", "groups[0].publish"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "command", "key"), ASKED)
def test_what_is_not_built_is_refused_naming_key_and_line(
    text: str, command: str, key: str
) -> None:
    with pytest.raises(NotBuiltError) as caught:
        features.refuse_unbuilt(parsed(text), command)
    assert f"\n{key} asks for" in caught.value.message
    assert f"fmgsync {command}" in caught.value.message
    assert (caught.value.where or "").startswith("fmgsync.yaml:")
    assert caught.value.exit_code == 2


def test_every_row_of_the_table_is_tried_above() -> None:
    tried = {lack.unbuilt for text, _, _ in ASKED for lack in features.lacks(parsed(text))}
    assert tried == set(features.UNBUILT)


def test_a_command_refuses_only_what_it_needs() -> None:
    config = parsed(SMALL + GROUP + ", publish: auto}]")
    for command in ("selector", "windows", "rollout"):
        features.refuse_unbuilt(config, command)


def test_all_keys_that_stand_in_the_way_are_named() -> None:
    config = parsed(SMALL + GROUP + ", publish: auto}, {name: h, select: all(), publish: auto}]")
    with pytest.raises(NotBuiltError) as caught:
        features.refuse_unbuilt(config, "apply --install window")
    lacking = {
        yamllines.dotted(lack.path)
        for lack in features.lacks(config)
        if "apply --install window" in lack.unbuilt.commands
    }
    assert len(lacking) > 1
    for path in lacking:
        assert path in caught.value.message


def test_an_unknown_command_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no such command"):
        features.refuse_unbuilt(parsed(SMALL), "aply")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SMALL.replace("host: fmg,", "host: fmg, tls: {verify: false},"), "can read the password"),
        (SMALL.replace("manifests: east.yaml}", "manifests: a}\n  - {name: b, manifests: b}"),
         "read for nothing"),
        (SMALL.replace("manifests: east.yaml}", "manifests: a}\n  - {name: b, manifests: b}")
         + "groups: [{name: g, select: all(), sites: {clusters: [b]}}]", "no site needs group 'g'"),
        (SMALL + f"install: {{windows: [{{kind: deny, {WINDOW}}}]}}", "no window allows"),
        (SMALL + "groups: [{name: g, select: \"app == 'web'\"}]", "without allowedRanges"),
        (SMALL + "groups: [{name: g, select: all(), namespaces: has(team)}]",
         "group 'g' takes pods from any namespace whose labels fit"),
        (SMALL + "groups: [{name: g, select: all(), network: lan}]",
         "only annotations tell the addresses of network 'lan'"),
    ],
)  # fmt: skip
def test_what_is_probably_not_meant_is_noticed(text: str, words: str) -> None:
    assert any(words in notice.message and notice.line for notice in notices(parsed(text)))


def test_nothing_is_noticed_where_nothing_is_odd() -> None:
    text = SMALL + f"{GROUP}}}]\ninstall: {{windows: always}}\n"
    assert notices(parsed(text)) == ()


@pytest.mark.parametrize(
    "group",
    [
        "select: \"app == 'web' && projectcalico.org/namespace == 'prod'\"",
        "select: has(app), namespaces: \"kubernetes.io/metadata.name in {'a', 'b'}\"",
        "selectNodes: has(ingress)",
    ],
)
def test_a_group_that_names_its_namespaces_lets_no_tenant_in(group: str) -> None:
    text = SMALL + f"groups: [{{name: g, {group}}}]\ninstall: {{windows: always}}\n"
    assert notices(parsed(text)) == ()


def test_ranges_leave_nothing_to_notice() -> None:
    text = SMALL.replace("name: east", "name: east, allowedRanges: [10.1.0.0/16]")
    assert text != SMALL
    text += "groups: [{name: g, select: has(app)}]\ninstall: {windows: always}\n"
    assert notices(parsed(text)) == ()


@pytest.mark.parametrize("named", ["branch-9", "hub-*"])
def test_a_part_of_a_site_that_is_not_there_is_pointed_out(named: str) -> None:
    """The others go on: a command tells it as an error of that part."""
    text = DIRECT.replace("[branch-7, branch-8/dmz]", f'[branch-7, "{named}"]')
    found = [notice.message for notice in notices(parsed(text)) if named in notice.message]
    assert len(found) == 1
    assert found[0].startswith(f"there is no FortiGate {named!r}")

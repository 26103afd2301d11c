"""A command refuses what it cannot do yet; notices tell what is probably not meant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fmgsync.errors import NotBuiltError
from fmgsync.model.rule import Publish
from fmgsync.settings import features
from fmgsync.settings.lint import notices
from fmgsync.settings.reference import example
from fmgsync.settings.schema import Config
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


def _nodes(config: Config) -> Iterator[features.Steps]:
    for index, group in enumerate(config.groups):
        if group.publish is Publish.NODE:
            yield "groups", index, "publish"


TABLE = (features.Unbuilt("nodes", _nodes, frozenset({features.PLAN}), "use pods"),)
"""As if that could not be done yet."""


def test_what_is_not_built_is_refused_naming_every_key_and_the_line() -> None:
    more = ", publish: node}, {name: h, select: all(), publish: node}]"
    config = parsed(SMALL + GROUP + more)
    with pytest.raises(NotBuiltError) as caught:
        features.refuse_unbuilt(config, features.PLAN, TABLE)
    for key in ("groups[0].publish", "groups[1].publish"):
        assert f"\n{key} asks for nodes; use pods" in caught.value.message
    assert "fmgsync plan" in caught.value.message
    assert (caught.value.where or "").startswith("fmgsync.yaml:")
    assert caught.value.exit_code == 2


def test_a_command_refuses_only_what_it_needs() -> None:
    config = parsed(SMALL + GROUP + ", publish: node}]")
    for command in features.COMMANDS - {features.PLAN}:
        features.refuse_unbuilt(config, command, TABLE)


@pytest.mark.parametrize("publish", sorted(set(Publish) - {Publish.OBJECT}))
def test_everything_that_can_be_published_is_built(publish: Publish) -> None:
    config = parsed(SMALL + f"{GROUP}, publish: {publish}}}]")
    assert list(features.lacks(config)) == []


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
        (SMALL + 'groups: [{name: g, select: all(), publish: auto, towards: ["2001:db8::/32"]}]',
         "group 'g' publishes no IPv6 addresses, so the way to 2001:db8::/32 is never looked at"),
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

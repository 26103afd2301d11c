"""Notices tell what is probably not meant."""

from __future__ import annotations

import pytest

from fmgsync.settings.lint import notices
from tests.settings.texts import DIRECT, SMALL, parsed

GROUP = "groups: [{name: g, select: all()"
WINDOW = "schedule: '0 1 * * *', duration: 1h"


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

"""A configuration under test: members by device, windows by date, and clear words otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from fmgsync.errors import ConfigError, UsageError
from fmgsync.testing import configured, namespace, node, pod
from fmgsync.testing.configured import Configured

WEB = {"app": "web"}


def config(folder: Path, **changes: Any) -> Configured:
    document: dict[str, Any] = {
        "owner": "prod",
        "clusters": [{"name": name, "manifests": f"./{name}.yaml"} for name in ("east", "west")],
        "fortimanagers": [
            {
                "name": "hq",
                "host": "fmg.example.net",
                "credentials": {"username": "x", "password": {"env": "NOT_THERE"}},
            }
        ],
        "sites": [
            {
                "clusters": ["east"],
                "fortimanager": "hq",
                "adom": "prod",
                "devices": ["fgt-1", "fgt-2/dmz", "fgt-2/lan"],
            },
            {
                "clusters": ["east", "west"],
                "fortimanager": "hq",
                "adom": "labs",
                "devices": ["fgt-3"],
            },
        ],
        "groups": [
            {"name": "web", "select": "app == 'web'", "families": ["ipv4", "ipv6"]},
            {"name": "nodes", "selectNodes": "all()", "mapping": "shared"},
            {"name": "only-west", "select": "all()", "sites": {"clusters": ["west"]}},
        ],
        **changes,
    }
    path = folder / "fmgsync.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return configured.read(path)


def test_members_by_device_and_group(tmp_path: Path) -> None:
    found = config(tmp_path).members(
        east=[pod("a", "10.1.0.1", "2001:db8::1", labels=WEB), pod("b", "10.1.0.2")],
        west=[pod("c", "10.2.0.1", labels=WEB), node("n", "10.9.0.1")],
    )
    assert found.on("fgt-1", "web") == {"10.1.0.1", "2001:db8::1"}
    assert found.on("fgt-2/lan", "web") == {"10.1.0.1", "2001:db8::1"}
    assert found.on("fgt-3", "web") == {"10.1.0.1", "2001:db8::1", "10.2.0.1"}
    assert found.on("fgt-3/root", "only-west") == {"10.2.0.1"}
    assert found.on("fgt-3", "nodes") == {"10.9.0.1"}
    assert found.withheld == ()


def test_pods_that_do_not_count(tmp_path: Path) -> None:
    found = config(tmp_path).members(
        east=[
            pod("waiting", labels=WEB),
            pod("done", "10.1.0.1", labels=WEB, phase="Succeeded"),
            pod("host", "10.1.0.2", labels=WEB, host_network=True),
        ]
    )
    assert found.on("fgt-1", "web") == frozenset()


def test_an_address_of_two_clusters_behind_one_firewall_is_withheld(tmp_path: Path) -> None:
    twin = pod("a", "10.1.0.1", labels=WEB)
    found = config(tmp_path).members(east=[twin], west=[twin])
    assert found.on("fgt-1", "web") == {"10.1.0.1"}
    assert found.on("fgt-3", "web") == frozenset()
    assert "published by clusters east and west" in " ".join(found.withheld)


def test_namespaces_of_pods_exist_without_being_named(tmp_path: Path) -> None:
    groups = [
        {"name": "a", "select": "all()", "namespaces": "kubernetes.io/metadata.name == 'shop'"},
        {"name": "b", "select": "all()", "namespaces": "team == 'x'"},
    ]
    under_test = config(tmp_path, groups=groups)
    one = pod("p", "10.1.0.1", namespace="shop")
    assert under_test.members(east=[one]).on("fgt-1", "a") == {"10.1.0.1"}
    assert under_test.members(east=[one]).on("fgt-1", "b") == frozenset()
    named = namespace("shop", labels={"team": "x"})
    assert under_test.members(east=[one, named]).on("fgt-1", "b") == {"10.1.0.1"}


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda c: c.members(north=[]), "no cluster 'north'; it has: east, west"),
        (lambda c: c.members().on("fgt-9", "web"), "no site names 'fgt-9'; named are: fgt-3/root"),
        (lambda c: c.members().on("fgt-2", "web"), "several VDOMs, name one: fgt-2/dmz, fgt-2/lan"),
        (lambda c: c.members().on("fgt-1", "wob"), "fgt-1/root knows no group 'wob'"),
        (lambda c: c.may_install("fgt-9", datetime.now(UTC)), "no site names 'fgt-9'"),
    ],
)
def test_wrong_names_are_told_with_the_right_ones(tmp_path: Path, ask: Any, words: str) -> None:
    with pytest.raises(LookupError, match=words):
        ask(config(tmp_path))


def test_other_kinds_of_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="looks at no 'Service'"):
        config(tmp_path).members(east=[{"kind": "Service"}])


def test_device_groups_must_be_said(tmp_path: Path) -> None:
    site = {"clusters": ["east"], "fortimanager": "hq", "adom": "prod", "devices": ["group:E"]}
    under_test = config(tmp_path, sites=[site], groups=[{"name": "w", "select": "all()"}])
    with pytest.raises(UsageError, match="with_device_groups"):
        under_test.members()
    told = under_test.with_device_groups(E=["fgt-1", "fgt-2/dmz"])
    assert told.devices == ("fgt-1/root", "fgt-2/dmz")
    found = told.members(east=[pod("a", "10.1.0.1")])
    assert found.on("fgt-2", "w") == {"10.1.0.1"}


NIGHT = {"kind": "allow", "schedule": "0 1 * * *", "duration": "3h", "timezone": "UTC"}
FREEZE = {"kind": "deny", "schedule": "0 0 24 12 *", "duration": "72h", "timezone": "UTC"}


def test_windows(tmp_path: Path) -> None:
    only = {**NIGHT, "schedule": "0 5 * * *", "devices": ["fgt-3"]}
    under_test = config(tmp_path, install={"windows": [NIGHT, FREEZE, only]})
    night = datetime(2026, 12, 23, 2, tzinfo=UTC)
    assert under_test.may_install("fgt-1", night)
    assert not under_test.may_install("fgt-1", night + timedelta(hours=4))
    assert under_test.may_install("fgt-3", night + timedelta(hours=4))
    assert not under_test.may_install("fgt-1", night + timedelta(days=1))
    eve = datetime(2026, 12, 23, tzinfo=UTC)
    assert under_test.openings("fgt-1", eve, eve + timedelta(days=5)) == [
        (eve + timedelta(hours=1), eve + timedelta(hours=4)),
        (eve + timedelta(days=4, hours=1), eve + timedelta(days=4, hours=4)),
    ]


def test_no_windows_are_never_and_always_has_no_end(tmp_path: Path) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert not config(tmp_path).may_install("fgt-1", at)
    always = config(tmp_path, install={"windows": "always"})
    assert always.may_install("fgt-1", at)


def test_a_time_without_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        config(tmp_path).may_install("fgt-1", datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_wrong_configuration_is_told_as_by_config_check(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ownr"):
        config(tmp_path, ownr="x")

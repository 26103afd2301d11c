"""What one object of a cluster may do to everybody else: nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import builders
from tests.end_to_end.estate import Estate

Run = Callable[..., tuple[int, str, str]]

PODS = tuple(builders.pod(f"web-{n}", f"10.1.0.{n}", labels={"app": "web"}) for n in range(1, 9))
LEFT = PODS[:7]
GROUPS = [
    {"name": "k8s-web", "select": "app == 'web'"},
    {"name": "k8s-odd", "select": "app == 'odd'"},
    {"name": "k8s-nodes", "selectNodes": "has(ingress)"},
]
ODD: dict[str, Any] = {"labels": {"app": "odd"}, "namespace": "tenant"}
GARBAGE = {"cni.projectcalico.org/podIP": "garbage"}
FOREIGN = {"cni.projectcalico.org/podIP": "203.0.113.66/32"}


@pytest.fixture
def written(estate: Estate) -> Estate:
    """Eight pods in a group that is written."""
    estate.write_config(groups=GROUPS)
    estate.run("east", *PODS)
    estate.run("west", builders.pod("db", "10.2.0.1", labels={"app": "db"}))
    estate.apply_never()
    return estate


def told(estate: Estate, run: Run, *arguments: str) -> tuple[int, dict[str, Any]]:
    code, out, _ = run(*arguments, "--output", "json")
    return code, json.loads(out)


def members(estate: Estate, group: str = "k8s-web") -> set[str]:
    return {name.removeprefix("prod_") for name in estate.mapped(group)["fgt-east"]}


def ips(*numbers: int) -> set[str]:
    return {f"10.1.0.{n}" for n in numbers}


ODD_OBJECTS = {
    "an annotation": builders.pod("p", phase="Pending", annotations=GARBAGE, **ODD),
    "a label": builders.pod("p", "10.1.0.99", labels={"x": [1]}, namespace="tenant"),  # type: ignore[dict-item]
    "a node's further address": builders.node("n2", "10.0.0.2", "fe80::1%eth0"),
    "a node's host name": builders.node("n2", "n2.example.net"),
    "a node's empty address": builders.node("n2", ""),
    "a namespace's label": builders.namespace("tenant", labels={"a": 7}),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("odd", ODD_OBJECTS.values(), ids=ODD_OBJECTS.keys())
def test_an_odd_object_freezes_nobody_else(
    written: Estate, run: Run, odd: builders.Manifest
) -> None:
    written.run("east", *LEFT, odd)
    _, document = told(written, run, "plan")
    name = odd["metadata"]["name"]
    assert any(name in row["message"] for row in document["sources"])
    written.apply_never()
    assert members(written) == ips(*range(1, 8))


def test_an_odd_object_holds_the_rules_it_concerns(written: Estate, run: Run) -> None:
    written.run("east", *LEFT, builders.pod("p", phase="Pending", annotations=GARBAGE, **ODD))
    code, document = told(written, run, "plan")
    assert code == 1
    frozen = [r["message"] for r in document["sources"] if "nothing is removed" in r["message"]]
    assert frozen
    assert all("pod tenant/p" in text and "k8s-odd" in text for text in frozen)
    assert not any("k8s-web" in text for text in frozen)


def test_an_annotation_publishes_no_address(written: Estate, run: Run) -> None:
    written.run("east", *PODS, builders.pod("p", phase="Pending", annotations=FOREIGN, **ODD))
    _, document = told(written, run, "plan")
    assert "203.0.113.66" not in json.dumps(document["adoms"])
    assert any(
        "203.0.113.66" in row["message"] and "pod tenant/p" in row["message"]
        for row in document["sources"]
    )


@pytest.mark.parametrize("started", ["2026-01-02T00:00:00Z", builders.CREATED])
def test_an_address_of_two_pods_belongs_to_one(written: Estate, run: Run, started: str) -> None:
    """Selected or not, and whichever comes first: a firewall sees one address."""
    tool = builders.pod("tool", "10.1.0.1", namespace="tenant", started=started)
    written.run("east", *PODS, tool)
    _, document = told(written, run, "plan")
    assert any(
        "10.1.0.1 " in row["message"] and "pod tenant/tool" in row["message"]
        for row in document["sources"]
    )
    written.apply_never()
    assert members(written) == ips(*range(2, 9))


def test_a_cut_yaml_list_removes_nothing(written: Estate) -> None:
    objects = [*PODS, builders.node("node-1"), builders.namespace()]
    content = {"apiVersion": "v1", "kind": "List", "items": objects}
    whole = yaml.safe_dump(content, sort_keys=False)
    dump = written.folder / "east.json"
    for end in ("- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: web-3\n",):
        dump.write_text(whole[: whole.index(end)], encoding="utf-8")
        written.apply_never()
        assert members(written) == ips(*range(1, 9))


def test_a_group_of_nothing_has_a_note(written: Estate, run: Run) -> None:
    written.write_config(groups=[{"name": "k8s-wbe", "select": "app == 'wbe'"}])
    for command in ("plan", "status"):
        _, document = told(written, run, command)
        notes = [row["message"] for row in document["sources"]]
        assert any("the nearest seen is app == 'web'" in text for text in notes), command
    _, out, _ = run("plan")
    assert "the nearest seen is app == 'web'" in " ".join(out.split())


def test_an_ingress_in_the_network_of_its_nodes(written: Estate, run: Run) -> None:
    rule = {"name": "k8s-ingress", "select": "app == 'ingress'"}
    host = builders.pod("i", labels={"app": "ingress"}, host_network=True)
    dump = builders.listing(host, builders.node("node-1", "10.0.0.1"), builders.namespace())
    written.run("east", dump=dump)
    written.write_config(groups=[{**rule, "publish": "node", "allowEmpty": True}])
    run("apply", "--install", "never")
    assert members(written, "k8s-ingress") == {"10.0.0.1"}
    written.write_config(groups=[rule])
    _, document = told(written, run, "plan")
    assert any("`publish: node`" in row["message"] for row in document["sources"])


# --- selector -----------------------------------------------------------------------------------


def test_selector_knows_namespaces_groups_and_nodes(written: Estate, run: Run) -> None:
    other = builders.pod("web-x", "10.1.0.50", labels={"app": "web"}, namespace="tenant")
    written.run("east", PODS[0], other, builders.namespace("tenant", labels={"team": "t"}))
    code, document = told(written, run, "selector", "has(app)", "--namespaces", "team == 't'")
    assert code == 0
    assert [row["name"] for row in document["selected"]] == ["tenant/web-x"]
    code, document = told(written, run, "selector", "--group", "k8s-web")
    assert code == 0
    assert document["selected"][0] == {
        "cluster": "east", "name": "default/web-1", "addresses": ["10.1.0.1"],
    }  # fmt: skip
    code, document = told(written, run, "selector", "--nodes", "all()")
    assert code == 0
    assert {row["name"] for row in document["selected"]} == {"node-1"}


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "west.json").unlink(), "west.json"),
        (lambda folder: (folder / "west.json").write_text("{"), "cut off"),
        (lambda folder: (folder / "west.json").write_text(json.dumps(builders.listing(
            builders.node("n"), builders.namespace()))), "pods not read completely"),
        (lambda folder: (folder / "west.json").write_text(json.dumps(builders.listing(
            PODS[0], builders.pod("web-1", "10.1.0.77", labels={"app": "web"}),
            builders.namespace()))), "leave out the older"),
    ],
)  # fmt: skip
def test_selector_says_when_it_cannot_know(
    written: Estate, run: Run, break_it: Any, message: str
) -> None:
    folder: Path = written.folder
    break_it(folder)
    code, document = told(written, run, "selector", "app == 'web'")
    assert code == 1
    assert document["complete"] is False
    assert any(message in text for text in document["problems"])
    assert "default/web-1" in {row["name"] for row in document["selected"]}
    _, out, _ = run("selector", "app == 'web'")
    assert "and perhaps more" in out


@pytest.mark.parametrize(
    "arguments",
    [(), ("all()", "--group", "k8s-web"), ("--nodes", "all()", "--namespaces", "all()"),
     ("--group", "k8s-wbe"), ("app = 'web'",), ("all()", "--namespaces", "a = 'b'")],
)  # fmt: skip
def test_selector_refuses_what_makes_no_sense(
    written: Estate, run: Run, arguments: tuple[str, ...]
) -> None:
    assert run("selector", *arguments)[0] == 2


def test_selector_notes_what_it_selects_without_an_address(written: Estate, run: Run) -> None:
    written.run("east", builders.pod("h", labels={"app": "web"}, host_network=True))
    code, document = told(written, run, "selector", "app == 'web'")
    assert code == 0
    assert "network of their node" in document["selected"][0]["because"]
    assert any("`publish: node`" in note for note in document["notes"])
    code, document = told(written, run, "selector", "app == 'wbe'")
    assert any("the nearest seen is app == 'web'" in note for note in document["notes"])


def test_selector_shows_no_address_that_is_never_published(written: Estate, run: Run) -> None:
    """As `plan` withholds it."""
    ips = ("127.0.0.1", "169.254.7.7", "10.1.0.9")
    pods = [builders.pod(f"p-{n}", ip, labels={"app": "web"}) for n, ip in enumerate(ips)]
    written.run("east", *pods)
    _, document = told(written, run, "selector", "app == 'web'")
    shown = {ip for row in document["selected"] for ip in row["addresses"]}
    assert shown == {"10.1.0.9"}
    for message in ("127.0.0.1 is loopback", "169.254.7.7 is link-local"):
        assert any(message in note for note in document["notes"])

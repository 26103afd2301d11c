"""What kubectl prints, in all its forms, becomes a snapshot; what it did not print is an error."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.errors import ManifestError
from fmgsync.model.endpoint import ALWAYS, ClusterSnapshot, Kind
from fmgsync.sources import documents, manifests, source
from tests.builders import (
    Manifest,
    listing,
    namespace,
    namespace_labels,
    node,
    node_endpoint,
    pod,
    pod_endpoint,
    snapshot,
)

WEB = pod("web-1", "10.1.0.9", labels={"app": "web"})
NODE = node("node-1", "10.0.0.1", labels={"pool": "a"})
SPACE = namespace("default", labels={"environment": "prod"})
ALL = (WEB, NODE, SPACE)
EXPECTED = snapshot(
    pod_endpoint("web-1", "10.1.0.9", labels={"app": "web"}),
    node_endpoint("node-1", "10.0.0.1", labels={"pool": "a"}),
    namespaces={"default": {"environment": "prod"}},
)


def as_json(*values: Any) -> bytes:
    return "\n".join(json.dumps(each, indent=4) for each in values).encode()


def as_yaml(*values: Any) -> bytes:
    return yaml.safe_dump_all(values).encode()


def tar(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("bundle/pods.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def without_type(manifest: Manifest) -> Manifest:
    return {key: each for key, each in manifest.items() if key not in ("kind", "apiVersion")}


def raw_list(kind: str, *items: Manifest) -> Manifest:
    """A list as the API server prints it: kind first, items without theirs."""
    return {
        "kind": kind,
        "apiVersion": "v1",
        "metadata": {"resourceVersion": "7"},
        "items": [without_type(each) for each in items],
    }


def read(dump: bytes) -> ClusterSnapshot:
    return manifests.read_snapshot("east", "-", stdin=io.BytesIO(dump))


# fmt: off
FORMS = {
    "one List of JSON": as_json(listing(*ALL)),
    "one List of YAML": as_yaml(listing(*ALL)),
    "typed lists of JSON, one after the other":
        as_json(listing(WEB, kind="PodList"), listing(NODE, kind="NodeList"),
                listing(SPACE, kind="NamespaceList")),
    "typed lists of YAML": as_yaml(listing(WEB, kind="PodList"), listing(NODE, SPACE)),
    "raw lists, whose items have no kind":
        as_json(raw_list("PodList", WEB), raw_list("NodeList", NODE),
                raw_list("NamespaceList", SPACE)),
    "raw lists with sorted keys, so that the kind comes after the items":
        as_json(*(dict(sorted(raw_list(f"{each['kind']}List", each).items())) for each in ALL)),
    "single objects of YAML": as_yaml(*ALL),
    "single objects of JSON": as_json(*ALL),
    "a list and single objects": as_json(listing(WEB), NODE, SPACE),
    "YAML with empty documents": b"---\n# nothing\n---\n" + as_yaml(*ALL) + b"---\n",
    "JSON on one line": json.dumps(listing(*ALL)).encode(),
    "JSON in a YAML document": b"---\n" + as_json(listing(*ALL)),
    "other kinds between": as_json(listing(
        {"apiVersion": "v1", "kind": "Service", "spec": "odd"}, *ALL,
        {"apiVersion": "longhorn.io/v1beta2", "kind": "Node", "metadata": {"name": "x"}})),
    "UTF-16 as PowerShell writes it": as_json(listing(*ALL)).decode().encode("utf-16"),
    "UTF-16 YAML": as_yaml(listing(*ALL)).decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + as_json(listing(*ALL)),
    "Windows line ends": as_yaml(listing(*ALL)).replace(b"\n", b"\r\n"),
    "the same object twice": as_json(listing(*ALL), WEB),
}
for _name, _number in {
    "an int64 maximum as jq prints it": "9223372036854776000",
    "a number without end": "1" * 5000,
    "a number without bounds": "1e9999999999",
}.items():
    FORMS[f"{_name}, in a field nobody needs"] = as_json(
        listing({"apiVersion": "v1", "kind": "Service", "spec": 4711}, *ALL)
    ).replace(b"4711", _number.encode())
FORMS["compressed"] = gzip.compress(as_json(listing(*ALL)))
FORMS["compressed in two parts"] = b"".join(
    gzip.compress(part) for part in (FORMS["JSON on one line"][:99], FORMS["JSON on one line"][99:])
)
FORMS["compressed UTF-16"] = gzip.compress(FORMS["UTF-16 YAML"])
_PART = b"[" + as_json(*ALL).replace(b"\n{", b"\n,{") + b"]"
FORMS["JSON of which only a part is indented"] = (
    json.dumps(listing()).encode().replace(b"[]", _PART)
)
FORMS["JSON with one object on each line"] = (
    json.dumps(listing()).encode().replace(b"[]", b"[\n" + b",\n".join(
        json.dumps(each).encode() for each in ALL) + b"\n]")
)
# fmt: on


@pytest.mark.parametrize("dump", FORMS.values(), ids=FORMS.keys())
def test_every_form_kubectl_prints_gives_the_same_snapshot(dump: bytes) -> None:
    assert read(dump) == EXPECTED


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_a_dump_longer_than_what_is_read_at_once_is_read_to_its_end(indent: int | None) -> None:
    filling = {"text": 'x"}\n    }' * 300, "list": [{}, [], ""] * 200}
    pods = [pod(f"web-{n}", f"10.1.0.{n}") | {"filling": filling} for n in range(100)]
    dump = json.dumps(listing(*pods), indent=indent).encode()
    assert len(dump) > 4 * source.CHUNK
    assert [each.addresses for each in read(dump).pods] == [
        (f"10.1.0.{n}",) for n in sorted(range(100), key=lambda n: f"web-{n}")
    ]


def test_yaml_aliases_stand_for_what_they_name() -> None:
    labels = {"app": "web"}
    pods = [pod(f"web-{number}", f"10.1.0.{number}") for number in (1, 2)]
    for each in pods:
        each["metadata"]["labels"] = labels
    dump = as_yaml(listing(*pods))
    assert b"*id001" in dump
    assert read(dump).pods == tuple(
        pod_endpoint(f"web-{number}", f"10.1.0.{number}", labels=labels) for number in (1, 2)
    )


def test_plain_yaml_words_and_times_stay_text() -> None:
    dump = b"""
apiVersion: v1
kind: Namespace
metadata:
  name: default
  creationTimestamp: 2026-01-01T00:00:00Z
  labels: {a: on, b: no, c: 12:30:45, d: 2026-01-01, e: 0x1f, f: '1'}
"""
    assert read(dump).namespaces["default"] == namespace_labels(
        "default",
        {"a": "on", "b": "no", "c": "12:30:45", "d": "2026-01-01", "e": "0x1f", "f": "1"},
    )


def test_a_folder_is_read_file_by_file_and_not_deeper(tmp_path: Path) -> None:
    (tmp_path / "pods.JSON").write_bytes(as_json(listing(WEB)))
    (tmp_path / "nodes.yaml").write_bytes(as_yaml(listing(NODE)))
    (tmp_path / "namespaces.YML.gz").write_bytes(gzip.compress(as_yaml(SPACE)))
    (tmp_path / "notes.txt").write_text("not read")
    (tmp_path / ".hidden.yaml").write_text("not: [read")
    (tmp_path / "deeper.yaml").mkdir()
    (tmp_path / "deeper.yaml" / "more.yaml").write_bytes(as_yaml(pod("more", "10.1.0.7")))
    assert manifests.read_snapshot("east", tmp_path) == EXPECTED


@pytest.mark.parametrize("name", ["kustomization.yaml", "Kustomization.yml", "Kustomization"])
def test_a_kustomization_is_told_from_a_dump(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("resources: [pods.yaml]\n")
    (tmp_path / "pods.yaml").write_bytes(as_yaml(WEB))
    with pytest.raises(ManifestError, match="is a kustomization"):
        manifests.read_snapshot("east", tmp_path)


def test_a_finished_pod_makes_pods_known_although_none_owns_an_address() -> None:
    found = read(as_json(listing(pod("job-1", "10.1.0.9", phase="Succeeded"))))
    assert found.pods == ()
    assert Kind.PODS in found.synced


def test_an_absent_kind_is_unsynced_and_the_problem_says_how_to_mean_none() -> None:
    found = read(as_json(listing(NODE, SPACE)))
    assert found.synced == {Kind.NODES, Kind.NAMESPACES}
    (problem,) = found.problems
    assert problem.where == "pods"
    meant = problem.message[problem.message.index("{") :]
    again = read(as_json(listing(NODE, SPACE)) + meant.encode())
    assert again.synced == ALWAYS
    assert again.problems == ()


def test_an_empty_list_says_nothing_of_any_kind() -> None:
    assert read(as_json(listing())).synced == frozenset()


@pytest.mark.parametrize("items", [[], None])
def test_an_explicit_empty_list_is_an_empty_kind(items: list[Any] | None) -> None:
    found = read(as_json({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}))
    assert found.synced == {Kind.PODS}


def test_one_page_of_a_longer_list_is_not_the_whole() -> None:
    page = raw_list("PodList", WEB)
    page["metadata"]["continue"] = "token"
    found = read(as_json(page, listing(NODE, SPACE)))
    assert found.synced == {Kind.NODES, Kind.NAMESPACES}
    assert "page of a longer list" in found.problems[0].message


ODD = [
    # what is odd, its name, and what is told of it
    (pod("bad", "10.1.0.999"), "pods default/bad", "10.1.0.999"),
    (pod("bad", labels={"a": 1}), "pods default/bad", "label 'a' must be text"),  # type: ignore[dict-item]
    (pod("bad", labels={}) | {"spec": "x"}, "pods default/bad", "spec must be an object, not 'x'"),
    (pod("bad") | {"status": {"phase": 7}}, "pods default/bad", "status.phase must be text"),
    (pod("bad") | {"status": {"podIPs": 7}}, "pods default/bad", "status.podIPs must be a list"),
    (pod("bad") | {"status": {"podIPs": ["x"]}}, "pods default/bad", "an entry of status.podIPs"),
    (pod("bad", annotations={"vpc.amazonaws.com/pod-ips": [1]}),  # type: ignore[dict-item]
     "pods default/bad", "annotation vpc.amazonaws.com/pod-ips must be text"),
    (pod("bad", namespace="a b"), "pods a b/bad", "metadata.namespace 'a b'"),
    (pod("web-1", "10.1.0.77"), "pods default/web-1", "leave out the older"),
    (node("bad", "10.0.0.9", "fe80::1%eth0"), "nodes bad", "fe80::1%eth0"),
    (node("bad", labels={"a": None}), None, None),  # type: ignore[dict-item]
    (node("bad", labels={"a": ["b"]}), "nodes bad", "label 'a' must be text"),  # type: ignore[dict-item]
    (node("bad") | {"status": {"addresses": {}}}, "nodes bad", "status.addresses must be a list"),
    (namespace("bad", labels={"a": True}), "namespaces bad", "label 'a' must be text"),  # type: ignore[dict-item]
]  # fmt: skip


@pytest.mark.parametrize(("bad", "where", "message"), ODD)
def test_an_odd_object_is_named_and_costs_nothing_but_itself(
    bad: Manifest, where: str | None, message: str | None
) -> None:
    found = read(as_json(listing(*ALL), bad))
    assert found.synced == ALWAYS
    assert "web-1" in [each.name for each in found.pods]
    assert [each.where for each in found.problems] == ([where] if where else [])
    for problem in found.problems:
        assert message is not None
        assert message in problem.message
        assert "standard input, document 2" in problem.message


@pytest.mark.parametrize(
    "bad",
    [
        {"apiVersion": "v1", "kind": "Pod"},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "default"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 7}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": "x"},
    ],
)
def test_an_object_that_cannot_be_named_costs_its_kind(bad: Manifest) -> None:
    """Nobody can say which of the cluster's pods it is, nor who would select it."""
    found = read(as_json(listing(*ALL), bad))
    assert found.synced == {Kind.NODES, Kind.NAMESPACES}
    (problem,) = found.problems
    assert problem.where.startswith("pods in standard input, document 2")


def test_two_dumps_that_disagree_leave_known_what_both_say() -> None:
    found = read(as_json(listing(*ALL), pod("web-1", "10.1.0.8", labels={"app": "web", "x": "1"})))
    (both,) = found.pods
    assert both.addresses == ()
    assert both.labels["app"] == "web"
    assert both.labels.doubts("x")
    assert "leave out the older" in both.doubt


def test_many_problems_are_counted_not_listed() -> None:
    found = read(as_json(listing(*(pod(f"bad-{n}", "x") for n in range(50)))))
    assert len([each for each in found.problems if each.where.startswith("pods")]) == 21
    assert any(each.message == "30 more like these" for each in found.problems)


UNREADABLE = [
    (b"", "it is empty"),
    (b" \n\n", "it is empty"),
    (b"# only a comment\n", "holds no Kubernetes object"),
    (as_json(listing(*ALL))[:-20], "cut off"),
    (as_yaml(listing(*ALL)).partition(b"kind: List")[0], "has no kind: it is cut off"),
    (b"error: You must be logged in to the server (Unauthorized)\n", "is no Kubernetes object"),
    (b"Error from server: etcd\n", "is no Kubernetes object"),
    (b"a: b: c\n", "it is not YAML"),
    (b"a: \xff\xfe\n", "no UTF-8 text"),
    (b"\xff\xfe{\x00\x00\xd8{\x00", "UTF-16"),
    (b'{"kind": "List", "items": [}', "it is not JSON"),
    (as_json([WEB]), "a bare list"),
    (as_json(listing(*ALL))[:-1] + b"}}", "it is not JSON"),
    (b'{"kind": "List", "items": ["x"]}', "something that is no object"),
    (b'{"kind": "PodList", "apiVersion": "v1", "items": {}}', "items that are no list"),
    (b"kind: PodList\napiVersion: v1\nitems: x\n", "items that are no list"),
    (b"? [a]\n: b\n", "a key that is no text"),
    (b"a: *nothing\n", "alias has no anchor"),
    (b"a: &a [*a]\n", "alias has no anchor"),
    (b'{"a":' * 300, "cut off"),
    (b'{"a":' * 100_000, "nested deeper"),
    (b'{"a": NaN}', "NaN is no JSON"),
    (b'{"a": "\xff"}', "no UTF-8 text"),
    (b'{"a": "x\ny"}', "it is not JSON"),
    (b'{"a": tru', "cut off"),
    (b'{"a": "\\u00', "cut off"),
    (b"[" * 300, "a bare list"),
    (b"a: " + b"[" * 300, "nested deeper"),
    (b'{"a": 1x}', "it is not JSON"),
    (gzip.compress(as_json(listing(*ALL)))[:-20], "cut off: the compressed"),
    (b"\x1f\x8b" + bytes(99), "not what gzip wrote"),
    (tar(as_json(listing(*ALL))), "a tar archive"),
    (gzip.compress(tar(as_json(listing(*ALL)))), "a tar archive"),
    (as_json(listing(listing(WEB))), "a list (List)"),
    (as_yaml(listing(listing(WEB, kind="PodList"))), "a list (PodList)"),
    (b"Unable to connect\n", "is not a Kubernetes object"),
]


@pytest.mark.parametrize(("dump", "message"), UNREADABLE)
def test_what_kubectl_did_not_print_is_refused_with_place_and_next_step(
    dump: bytes, message: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        read(dump)
    assert message in caught.value.message
    assert caught.value.where is not None
    assert caught.value.where.startswith("standard input")
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("dump", "place"),
    [
        (b'{\n "kind": "List",\n "items": [\n  {"a" 1}\n ]}', "line 4, byte 38"),
        (b'{\n "kind": "List",\n "items": [', "line 3, byte 30"),
        (b"kind: List\nitems:\n- a: b\n c: d\n", "line 4, column 2"),
        # far into the input, beyond the piece that is read at once
        (b'{"a": "' + b"x\\n" * 40_000 + b'",\n"b" 1}', "line 2, byte 120014"),
    ],
)
def test_a_fault_is_placed(dump: bytes, place: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(dump)
    assert caught.value.where == f"standard input, {place}"


def test_an_endless_object_is_refused_before_it_fills_the_memory() -> None:
    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b'{"a": "'.ljust(size, b"x") if self.given == size else b"x" * size

    endless = Endless()
    with pytest.raises(ManifestError, match="longer than 8 MiB"):
        manifests.read_snapshot("east", "-", stdin=endless)  # type: ignore[arg-type]
    assert endless.given <= source.MAX_OBJECT_BYTES + 2 * source.CHUNK


def test_nested_aliases_are_not_multiplied() -> None:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 20)}]" for n in range(1, 100)]
    bomb = "\n".join([*lines, "kind: Bomb", "apiVersion: v1"]).encode()
    assert read(bomb).synced == frozenset()


def test_anchors_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_ANCHORS", 2)
    with pytest.raises(ManifestError, match="more than 2 anchors"):
        read(b"a: &a x\nb: &b y\nc: &c z\n")


@pytest.mark.parametrize("name", ["absent.yaml", "folder"])
def test_a_file_or_folder_without_a_dump_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ManifestError) as caught:
        manifests.read_snapshot("east", tmp_path / name)
    assert caught.value.where == str(tmp_path / name)
    assert caught.value.next_step


def test_a_terminal_is_not_waited_for() -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(ManifestError, match="nothing is piped in"):
        manifests.read_snapshot("east", "-", stdin=Terminal())


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text('{}[]",:\\n&*-?|>!% abkindtems0\n', max_size=60).map(str.encode),
        st.integers(0, 2000).map(lambda at: as_json(listing(*ALL))[:at]),
        st.integers(0, 2000).map(lambda at: as_yaml(listing(*ALL))[:at]),
    )
)
def test_no_input_whatever_ends_in_anything_but_a_snapshot_or_our_error(dump: bytes) -> None:
    with suppress(ManifestError):
        assert read(dump).cluster == "east"


PODS = tuple(pod(f"web-{number}", f"10.1.0.{number}") for number in range(10, 13))


def kind_first(*items: Manifest, kind: str = "List") -> bytes:
    """As `yq -P` and PyYAML without sorting write it."""
    content = {"apiVersion": "v1", "kind": kind, "items": list(items)}
    return yaml.safe_dump(content, sort_keys=False).encode()


@pytest.mark.parametrize(
    ("end", "complete"),
    [
        (b"", False),
        (b"...\n", True),
        (b"---\n", True),
        (b"---\n# nothing more\n", True),
        (b"metadata: {}\n", True),
        (b"# a comment proves nothing\n", False),
    ],
)
@pytest.mark.parametrize("kind", ["List", "PodList"])
def test_a_list_that_ends_with_its_last_item_is_complete_only_if_something_proves_it(
    end: bytes, complete: bool, kind: str
) -> None:
    found = read(kind_first(*PODS, kind=kind) + end)
    assert (Kind.PODS in found.synced) is complete
    assert [each.name for each in found.pods] == ["web-10", "web-11", "web-12"]
    assert complete or any("`...`" in each.message for each in found.problems)


@pytest.mark.parametrize("items", ["items: []\n", "items: [\n]\n"])
def test_a_bracket_proves_the_end_of_a_list(items: str) -> None:
    found = read(f"apiVersion: v1\nkind: PodList\n{items}".encode())
    assert found.synced == {Kind.PODS}


@pytest.mark.parametrize("items", ["items:\n", "items: null\n", "items:"])
def test_a_list_of_nothing_may_have_lost_everything(items: str) -> None:
    assert read(f"apiVersion: v1\nkind: PodList\n{items}".encode()).synced == frozenset()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_cut_of_any_yaml_removes_or_invents_anything(data: st.DataObject) -> None:
    """Either the dump is refused, or pods are not complete and all that is told is true."""
    whole = data.draw(st.sampled_from([kind_first(*PODS), as_yaml(listing(*PODS))]))
    cut = data.draw(st.integers(0, whole.rindex(b"10.1.0.12") + len("10.1.0.12") - 1))
    with suppress(ManifestError):
        found = read(whole[:cut])
        assert Kind.PODS not in found.synced
        for each in found.pods:
            assert each.addresses in ((f"10.1.0.{each.name[4:]}",), ())


def test_a_single_object_whose_last_line_has_no_end_is_not_believed() -> None:
    found = read(as_yaml(PODS[0])[:-3])
    assert found.pods == ()
    assert Kind.PODS not in found.synced
    assert "ends inside a line" in found.problems[0].message


def test_the_last_object_of_a_file_that_shows_no_address_is_in_doubt() -> None:
    text = as_yaml(PODS[0])
    found = read(text[: text.index(b"  podIP:")])
    (one,) = found.pods
    assert "cut off" in one.doubt
    # One that waits may have an address, but not before it has a node.
    assert "cut off" in read(as_yaml(pod("web-1", phase="Pending"))).pods[0].doubt
    for over in (pod("web-1", phase="Pending", node=None), pod("web-1", phase="Succeeded")):
        found = read(as_yaml(over))
        assert found.pods == ()
        assert found.synced == {Kind.PODS}


def test_an_object_without_a_version_has_lost_its_beginning() -> None:
    found = read(as_yaml({key: each for key, each in PODS[0].items() if key != "apiVersion"}))
    assert found.pods == ()
    assert found.synced == frozenset()


def text(kind: str, *parts: str) -> bytes:
    """A document of these parts, in this order, each on lines of its own."""
    known = {
        "pod": ("Pod", "web-10, namespace: shop", "10.1.0.10"),
        "namespace": ("Namespace", "shop", ""),
    }
    name, called, ip = known[kind]
    bodies = {
        "version": "apiVersion: v1",
        "kind": f"kind: {name}",
        "metadata": f"metadata: {{name: {called}, labels: {{app: web}}}}",
        "bare": "metadata:\n" + "".join(f"  {e.strip()}\n" for e in f"name: {called}".split(",")),
        "labels": "  labels:\n    app: web",
        "spec": "spec:\n  nodeName: node-1",
        "no-node": "spec:\n  restartPolicy: Always",
        "status": f"status:\n  phase: Running\n  podIPs:\n  - ip: {ip}",
        "started": "  startTime: 2026-01-01T00:00:00Z",
        "in-brackets": f"status:\n  phase: Running\n  podIPs: [{{ip: {ip}}}]",
    }
    return "".join(bodies.get(part, part).rstrip("\n") + "\n" for part in parts).encode()


@pytest.mark.parametrize("end", ["kind: P", "kind: PodLis", "kind: Pod\napiVersion: v"])
@pytest.mark.parametrize("whole", ["bare|spec|status|started", "items:\n- metadata: {name: b}"])
def test_a_kind_that_is_cut_off_is_not_another_kind(end: str, whole: str) -> None:
    """What stands behind everything else still says what everything else is."""
    before = text("pod", "version", "kind", "metadata", "spec", "status", "started") + b"---\n"
    cut = text("pod", *whole.split("|"), end)
    assert read(before + cut.removesuffix(b"\n")).synced == frozenset()
    assert "ends inside a line" in read(before + cut.removesuffix(b"\n")).problems[0].message
    assert Kind.PODS in read(before + cut).synced


@pytest.mark.parametrize("kind", [None, "", [7]])
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_an_item_that_does_not_say_what_it_is_may_be_anything(form: str, kind: object) -> None:
    dump = {"apiVersion": "v1", "kind": "List", "items": [PODS[0], {**PODS[1], "kind": kind}]}
    found = read((json.dumps(dump) if form == "json" else yaml.safe_dump(dump)).encode())
    assert found.synced == frozenset()
    assert any("items[1] has no kind" in each.message for each in found.problems)


def test_what_the_api_server_refused_is_not_an_empty_answer() -> None:
    """As a loop over namespaces leaves it, of which one is forbidden."""
    refusal = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no\x1b[1m"}
    found = read(as_json(listing(*PODS)) + b"\n" + json.dumps(refusal).encode())
    assert found.synced == frozenset()
    assert r"refused something: 'no\x1b[1m'" in found.problems[0].message


@pytest.mark.parametrize("where", ['"phase": "Running"', '"kind": "Pod"', '"name": "web-10"'])
@pytest.mark.parametrize("half", [r"\ud800", r"\uDFFF", r"x\ud83d", r"\ud83d\ude00"])
def test_half_a_character_refuses_nothing(where: str, half: str) -> None:
    """JSON can write it, UTF-8 cannot hold it."""
    text = as_json(listing(*PODS)).decode()
    assert where in text
    found = read(text.replace(where, f'"z": "{half}", {where}', 1).encode())
    assert found.synced == {Kind.PODS}
    assert [each.addresses for each in found.pods] == [(f"10.1.0.{n}",) for n in (10, 11, 12)]


@pytest.mark.parametrize(
    ("pack", "told"),
    [
        (lambda plain: gzip.compress(gzip.compress(plain)), "with gzip, twice"),
        (bz2.compress, "with bzip2"),
        (lzma.compress, "with xz"),
        (lambda plain: b"PK\x03\x04" + plain, "as a zip archive"),
        (lambda plain: b"\x28\xb5\x2f\xfd" + plain, "with zstd"),
    ],
)
def test_what_is_compressed_otherwise_is_named(pack: Callable[[bytes], bytes], told: str) -> None:
    with pytest.raises(ManifestError, match=f"it is compressed {told}"):
        read(pack(as_json(listing(*PODS))))


CUT = {
    "labels may follow": ("namespace", "version|kind|bare"),
    "more labels may follow": ("namespace", "version|kind|bare|labels"),
    "labels of a pod may follow": ("pod", "version|kind|spec|status|started|bare"),
    "the node may follow": ("pod", "version|kind|metadata|status|started|no-node"),
    "an address of the other family may follow": ("pod", "version|kind|metadata|spec|status"),
}
NOT_CUT = {
    "labels in braces": ("namespace", "version|kind|metadata"),
    "something behind the labels": ("namespace", "version|kind|bare|labels|status: {}"),
    "addresses in brackets": ("pod", "version|kind|metadata|spec|in-brackets"),
    "something behind the addresses": ("pod", "version|kind|metadata|spec|status|started"),
    "a line that says so": ("pod", "version|kind|metadata|spec|status|..."),
}


@pytest.mark.parametrize("case", [*CUT, *NOT_CUT])
def test_the_last_object_of_a_file_is_believed_as_far_as_something_follows(case: str) -> None:
    """A row of objects does not say where it ends, so its last one may lack its end."""
    kind, parts = {**CUT, **NOT_CUT}[case]
    found = read(text(kind, *parts.split("|")))
    told = [each for each in found.problems if "cut off" in each.message]
    assert bool(told) is (case in CUT)
    assert all("shop" in each.where for each in told)


# fmt: off
TEXTS = [
    "4e12345", "12E999", "0x1f", "1_000", "on", "off", "yes", "~", "null", "true", "2026-01-01",
    "2026-01-01T00:00:00Z", "12:30", "1.5", ".5", "0o17", "017", "1e3", ".inf", "NaN", "0b1",
]
# fmt: on


@pytest.mark.parametrize("text", TEXTS)
def test_a_label_is_text_whatever_it_looks_like(text: str) -> None:
    dump = f"""
apiVersion: v1
kind: Pod
metadata:
  name: {text.lower()}
  namespace: {text.lower()}
  creationTimestamp: null
  labels: {{app: {text}, empty: , quoted: "{text}"}}
  annotations: {{k8s.v1.cni.cncf.io/network-status: {text}}}
spec: {{nodeName: node-1, hostNetwork: false}}
status: {{phase: Running, podIP: 10.1.0.9}}
"""
    (found,) = read(dump.encode()).pods
    assert (found.labels["app"], found.labels["empty"], found.labels["quoted"]) == (text, "", text)
    assert text.lower() in (found.name, found.name.strip("'"))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_list_cut_off_anywhere_is_never_taken_for_the_whole(data: st.DataObject) -> None:
    pods = [pod(f"web-{number}", f"10.1.0.{number}") for number in range(3)]
    dump = data.draw(st.sampled_from([as_json(listing(*pods)), as_yaml(listing(*pods))]))
    cut = data.draw(st.integers(0, dump.rindex(b"kind")))
    with pytest.raises(ManifestError):
        read(dump[:cut])

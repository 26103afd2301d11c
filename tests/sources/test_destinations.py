"""What others connect to: which addresses of it are read, which are only wished for, and that a
text is never a member because somebody wrote it."""

from __future__ import annotations

import io
import ipaddress
import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync.grouping.interest import ALL, Interest
from fmgsync.kube.client import Access, ApiSession
from fmgsync.model.destination import Destination
from fmgsync.model.endpoint import Kind
from fmgsync.simulator.kubernetes import KubernetesSimulator
from fmgsync.sources import live, manifests, outcome
from fmgsync.sources.convert import jsonpath
from fmgsync.sources.convert.labels import LabelPool
from tests.builders import Manifest, exposed, listing, namespace
from tests.sources.following import followed, wait_until

KINDS = (Kind.SERVICES, Kind.ENDPOINT_SLICES, Kind.GATEWAYS, Kind.INGRESSES)
LB = Kind.described(("lb.example.net", "v1", "addresses"), "Address", (".status.ips", ".spec.ip"))


def balanced(*entries: Manifest) -> Manifest:
    return {"loadBalancer": {"ingress": list(entries)}}


def dumped(*objects: Manifest, kinds: tuple[Kind, ...] = (*KINDS, LB)) -> list[Destination]:
    """What a dump tells, the same as JSON and as YAML without quotes."""
    text = json.dumps(listing(*objects)).encode()
    found = manifests.read_snapshot("east", "-", stdin=io.BytesIO(text), kinds=kinds)
    plain = f"{yaml.safe_dump(listing(*objects))}...\n".encode()
    assert manifests.read_snapshot("east", "-", stdin=io.BytesIO(plain), kinds=kinds) == found
    return list(found.destinations)


# What stands there: all addresses by what tells them, those among them that are only asked for,
# and a word of what is said of the rest.
ROWS: dict[str, tuple[Manifest, str, str, str]] = {
    "a cluster address": (
        exposed("Service", "a", spec={"clusterIP": "10.96.0.5", "clusterIPs": ["10.96.0.5"]}),
        "clusterIP 10.96.0.5", "", "",
    ),
    "both families": (
        exposed("Service", "a", spec={"clusterIPs": ["10.96.0.5", "fd00::5"]}),
        "clusterIP 10.96.0.5, clusterIP fd00::5", "", "",
    ),
    "an old server's one address": (
        exposed("Service", "a", spec={"clusterIP": "10.96.0.5"}), "clusterIP 10.96.0.5", "", "",
    ),
    "headless": (exposed("Service", "a", spec={"clusterIP": "None", "clusterIPs": ["None"]}),
                 "", "", ""),
    "a name only": (
        exposed("Service", "a", spec={"type": "ExternalName", "externalName": "db.example.net"}),
        "", "", "host name 'db.example.net'",
    ),
    "externalIPs, which its author chooses (CVE-2020-8554)": (
        exposed("Service", "a", spec={"externalIPs": ["198.51.100.1"]}),
        "externalIP 198.51.100.1", "198.51.100.1", "",
    ),
    "a load balancer's": (
        exposed("Service", "a", spec={}, status=balanced({"ip": "192.0.2.4", "ipMode": "VIP"})),
        "loadBalancer 192.0.2.4", "", "",
    ),
    "a load balancer's, as its author wished": (
        exposed("Service", "a", spec={"loadBalancerIP": "192.0.2.4"},
                status=balanced({"ip": "192.0.2.4"}, {"ip": "192.0.2.5"})),
        "loadBalancer 192.0.2.4, loadBalancer 192.0.2.5", "192.0.2.4", "",
    ),
    "the same wish in an annotation": (
        exposed("Service", "a", annotations={"metallb.io/loadBalancerIPs": "192.0.2.4,2001:db8::4"},
                status=balanced({"ip": "192.0.2.4"}, {"ip": "2001:db8::4"})),
        "loadBalancer 192.0.2.4, loadBalancer 2001:db8::4", "192.0.2.4 2001:db8::4", "",
    ),
    "a load balancer that has a name only": (
        exposed("Service", "a", status=balanced({"hostname": "a.elb.example.net"})),
        "", "", "host name 'a.elb.example.net'",
    ),
    "hostile texts": (
        exposed("Ingress", "a", status=balanced(
            {"ip": "192.0.2.4; reboot"}, {"ip": "0x7f.1"}, {"ip": "192.0.2.0/24"}, {"ip": ["5"]},
            {"ip": "fe80::1%eth0"}, {"ip": "192.0.2.4\n10.0.0.1"}, {"ip": "010.1.1.1"},
        )),
        "", "", "'192.0.2.4; reboot' (loadBalancer) is no address",
    ),
    "an Ingress": (exposed("Ingress", "a", status=balanced({"ip": "192.0.2.6"})),
                   "loadBalancer 192.0.2.6", "", ""),
    "a Gateway": (
        exposed("Gateway", "a", status={"addresses": [
            {"type": "IPAddress", "value": "192.0.2.9"}, {"value": "192.0.2.10"},
            {"type": "Hostname", "value": "gw.example.net"}]}),
        "status 192.0.2.9, status 192.0.2.10", "", "host name 'gw.example.net'",
    ),
    "a Gateway that repeats a wish": (
        exposed("Gateway", "a", spec={"addresses": [{"value": "203.0.113.9"}]},
                status={"addresses": [{"value": "203.0.113.9"}]}),
        "status 203.0.113.9", "203.0.113.9", "",
    ),
    "endpoints that serve": (
        exposed("EndpointSlice", "a", addressType="IPv4", endpoints=[
            {"addresses": ["10.1.0.1"], "conditions": {"ready": True}},
            {"addresses": ["10.1.0.2"]},
            {"addresses": ["10.1.0.3"], "conditions": {"ready": False}},
            {"addresses": ["10.1.0.4"],
             "conditions": {"ready": False, "serving": True, "terminating": True}},
            {"addresses": ["10.1.0.5"], "conditions": {"serving": False}}]),
        "endpoint 10.1.0.1, endpoint 10.1.0.2, endpoint 10.1.0.4",
        "10.1.0.1 10.1.0.2 10.1.0.4", "",
    ),
    "endpoints by name": (
        exposed("EndpointSlice", "a", addressType="FQDN",
                endpoints=[{"addresses": ["db.example.net"]}]),
        "", "", "host name 'db.example.net'",
    ),
    "a kind that a configuration describes": (
        {"apiVersion": "lb.example.net/v1", "kind": "Address", "metadata": {"name": "a"},
         "spec": {"ip": "192.0.2.7"},
         "status": {"ips": ["192.0.2.8", "10.2.0.0/24", "who", {"a": "b"}]}},
        ".spec.ip 192.0.2.7, .status.ips 10.2.0.0/24, .status.ips 192.0.2.8",
        "10.2.0.0/24 192.0.2.7 192.0.2.8", "host name 'who'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "addresses", "asked", "unusable"), ROWS.values(), ids=ROWS.keys()
)
def test_what_is_read_of_it(content: Manifest, addresses: str, asked: str, unusable: str) -> None:
    (found,) = dumped(content)
    assert ", ".join(f"{role} {address}" for role, address in found.addresses) == addresses
    assert " ".join(sorted(found.asked)) == asked
    assert unusable in "; ".join(found.unusable)
    assert bool(unusable) == bool(found.unusable)
    assert not found.doubt
    assert found.labels["kubernetes.io/metadata.name"] == "a"


def test_a_field_of_a_type_it_cannot_have_is_a_doubt_of_that_object_alone() -> None:
    odd = exposed("Service", "odd", spec={"externalIPs": "192.0.2.1"})
    good = exposed("Service", "good", spec={"clusterIPs": ["10.96.0.1"]})
    found = {each.name: each for each in dumped(odd, good)}
    assert "spec" not in found["good"].doubt
    assert "externalIPs must be a list" in found["odd"].doubt


def test_a_kind_of_one_name_in_another_group_is_not_the_kind() -> None:
    istio = exposed("Gateway", "a", status={"addresses": [{"value": "192.0.2.1"}]})
    assert (
        dumped({**istio, "apiVersion": "networking.istio.io/v1"}, exposed("Service", "b"))[0].name
        == "b"
    )


TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["192.0.2.1", "2001:db8::1", "10.0.0.0/8", "None", "a.example.net", "0", "::"]),
    st.ip_addresses().map(str),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["ip", "hostname", "loadBalancer", "ingress", "addresses", "value", "type",
             "conditions", "clusterIPs", "clusterIP", "externalIPs", "loadBalancerIP", "ips",
             "serving", "ready"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(kind=st.sampled_from([*KINDS, LB]), parts=st.tuples(VALUES, VALUES, VALUES, VALUES))
def test_whatever_stands_there_only_addresses_are_members(
    kind: Kind, parts: tuple[Any, Any, Any, Any]
) -> None:
    """And no value of another type keeps anybody from reading on."""
    keys = ("spec", "status", "endpoints", "addressType")
    content = {"metadata": {"name": "a"}, **dict(zip(keys, parts, strict=True))}
    _, found = outcome.of_json(kind, json.dumps(content), LabelPool())
    assert isinstance(found.found, Destination)
    for _, address in found.found.addresses:
        assert (
            str(ipaddress.ip_network(address)).removesuffix("/32").removesuffix("/128") == address
        )
        assert kind is LB or "/" not in address
    if kind in (LB, Kind.ENDPOINT_SLICES):
        assert found.found.asked == {address for _, address in found.found.addresses}


PATHS: dict[str, list[Any]] = {
    ".status.ips[*].ip": ["a", "b"],
    "{.status.ips[1].ip}": ["b"],
    "$.status['ips'][0]['ip']": ["a"],
    ".status.list": ["c", "d"],
    ".status.missing[*].ip": [],
    ".status[*][*].ip": ["a", "b"],
}


@pytest.mark.parametrize(("text", "values"), PATHS.items())
def test_a_path_names_fields(text: str, values: list[Any]) -> None:
    content = {"status": {"ips": [{"ip": "a"}, {"ip": "b"}], "list": ["c", "d"]}}
    assert list(jsonpath.found(jsonpath.parse(text), content)) == values


@pytest.mark.parametrize(
    "text", ["", ".", "status", "{.status", "..ip", ".a b", ".a[?(@.b)]", "[0]", "[*]", ".a['b c']"]
)
def test_what_is_no_such_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"braces|read|field"):
        jsonpath.parse(text)


def test_they_are_followed_and_a_kind_that_is_forbidden_or_absent_stays_unsynced(
    simulator: KubernetesSimulator, session: ApiSession, access: Access
) -> None:
    simulator.define("gateway.networking.k8s.io/v1beta1", "Gateway")
    simulator.define("lb.example.net/v1", "Address", namespaced=False)
    simulator.faults.forbid("ingresses", "list", "watch")
    simulator.add(namespace())
    service = exposed("Service", "web", spec={}, status=balanced({"ip": "192.0.2.4"}))
    simulator.add(service)
    status = {"addresses": [{"value": "192.0.2.9"}]}
    older = {"apiVersion": "gateway.networking.k8s.io/v1beta1"}
    simulator.add({**exposed("Gateway", "gw", status=status), **older})
    interest = Interest(None, None, frozenset({*KINDS, LB, Kind.NAMESPACES}))
    wanted = {*interest.kinds} - {Kind.INGRESSES}
    with followed(session, interest) as inventory:
        found = wait_until(inventory, lambda now: now.synced == wanted)
        assert [each.name for each in found.destinations] == ["web", "gw"]
        made = {"metadata": {"name": "a"}, "spec": {"ip": "192.0.2.7"}}
        simulator.add({"apiVersion": "lb.example.net/v1", "kind": "Address", **made})
        simulator.patch("Service", "web", {"status": balanced({"ip": "192.0.2.5"})})
        found = wait_until(
            inventory,
            lambda now: (
                [each.addresses for each in now.destinations]
                == [
                    (("loadBalancer", "192.0.2.5"),),
                    (("status", "192.0.2.9"),),
                    ((".spec.ip", "192.0.2.7"),),
                ]
            ),
        )
        assert any("ingresses" in each.where for each in found.problems)
        once = live.read_snapshot("east", access, interest.kinds)
        assert (once.destinations, once.synced) == (found.destinations, found.synced)
        assert 'apiGroups: ["networking.k8s.io"]' in str(once.problems)
    simulator.withdraw("lb.example.net")
    assert LB not in live.read_snapshot("east", access, interest.kinds).synced
    assert interest.narrowings[LB] == ALL

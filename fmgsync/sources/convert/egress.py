"""Objects that give pods other addresses on their way out: what each selects, and which addresses.

Only what a status says is in use counts as such. Public sources: OVN-Kubernetes,
`go-controller/pkg/crd/egressip/v1/types.go`; antrea-io/antrea, `docs/egress.md` and
`pkg/apis/crd/v1beta1/types.go`; cilium/cilium, `pkg/k8s/apis/cilium.io/v2/cegp_types.go` and the
documentation, "Egress Gateway"; kubeovn/kube-ovn, `pkg/apis/kubeovn/v1/vpc-egress-gateway.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from fmgsync.model.address import Address
from fmgsync.model.platform import EVERY_POD, Egress, Selects
from fmgsync.sources.convert import digging
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import NO_FLAWS, Flaws, Malformed, PlatformRaw, given_name

Fields = Mapping[str, Any]
_SOME: Final = (Address("0.0.0.0"), Address("::"))  # noqa: S104  # stands for any that is given
_CILIUM_SPACE: Final = "io.kubernetes.pod.namespace"


def _converter(
    title: str, read: Callable[[Fields, Fields], dict[str, Any]]
) -> Callable[[PlatformRaw, LabelPool, Flaws], Egress]:
    def convert(raw: PlatformRaw, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Egress:
        """Of one that cannot be read nobody knows whom it selects: perhaps everybody."""
        del pool
        named = (title, raw.metadata.namespace, given_name(raw.metadata))
        try:
            found = Egress(*named, **read(raw.spec or {}, raw.status or {}))
        except Malformed as error:
            return Egress(*named, EVERY_POD, doubt=str(error))
        return found if not flaws.doubt else Egress(*named, EVERY_POD, doubt=flaws.doubt)

    return convert


def _pairs(entries: Iterator[dict[str, Any]], prefix: str = "") -> Selects:
    return tuple(
        (
            digging.selector(each.get("namespaceSelector"), prefix=prefix),
            digging.selector(each.get("podSelector"), prefix=prefix),
        )
        for each in entries
    )


def _ovn(spec: Fields, status: Fields) -> dict[str, Any]:
    items = digging.objects(status, "items")
    return {
        "selects": _pairs(iter([dict(spec)])),
        "addresses": digging.hosts((each.get("egressIP") for each in items), "status.items"),
        "requested": digging.hosts(digging.listed(spec, "egressIPs"), "spec.egressIPs"),
    }


def _antrea(spec: Fields, status: Fields) -> dict[str, Any]:
    """In v1alpha2 the status names the node only, and the address is that of the spec."""
    applied = digging.part(spec, "appliedTo")
    if applied.get("groups"):
        raise Malformed("spec.appliedTo.groups is not read")
    asked = [spec.get("egressIP"), *digging.listed(spec, "egressIPs")]
    used = [status.get("egressIP"), *digging.listed(status, "egressIPs")]
    if not any(used) and status.get("egressNode"):
        used = asked
    requested = digging.hosts(asked, "spec.egressIP")
    if not requested and spec.get("externalIPPool"):
        requested = _SOME
    return {
        "selects": _pairs(iter([applied])) if applied else (),
        "addresses": digging.hosts(used, "status.egressIP"),
        "requested": requested,
    }


def _cilium(spec: Fields, status: Fields) -> dict[str, Any]:
    """There is no status: nothing confirms that the addresses are in use."""
    del status
    single = spec.get("egressGateway")
    gateways = [*([single] if single else []), *digging.objects(spec, "egressGateways")]
    given = [each.get("egressIP") for each in gateways if isinstance(each, dict)]
    addresses = digging.hosts(given, "egressIP") if all(given) else ()
    destinations = digging.listed(spec, "destinationCIDRs")
    if not destinations:
        raise Malformed("spec.destinationCIDRs is empty")
    return {
        "selects": _cilium_selects(spec),
        "addresses": addresses,
        "requested": addresses or _SOME[:1],  # of the gateway node's interface
        "destinations": digging.ranges(destinations, "destinationCIDRs"),
        "excluded": digging.ranges(digging.listed(spec, "excludedCIDRs"), "excludedCIDRs"),
        "exclusive": False,
        "derived": True,
    }


def _cilium_selects(spec: Fields) -> Selects:
    """Cilium knows labels of its own; of these only the namespace is understood."""
    found = []
    for spaces, pods in _pairs(digging.objects(spec, "selectors"), prefix="k8s:"):
        pods = pods.replace(_CILIUM_SPACE + " ", "projectcalico.org/namespace ")
        if "io.cilium." in pods or "io.kubernetes." in pods:
            raise Malformed("a label of Cilium's own in spec.selectors is not understood")
        found.append((spaces, pods))
    return tuple(found)


def _kube_ovn(spec: Fields, status: Fields) -> dict[str, Any]:
    sources = []
    for policy in digging.objects(spec, "policies"):
        snat = digging.flag(policy, "snat")
        blocks = digging.ranges(digging.listed(policy, "ipBlocks"), "ipBlocks")
        names = [str(each) for each in digging.listed(policy, "subnets")]
        sources += [(str(each), snat) for each in (*blocks, *names)]
    in_use = digging.listed(status, "externalIPs") if digging.flag(status, "ready") else []
    asked = digging.hosts(digging.listed(spec, "externalIPs"), "spec.externalIPs")
    return {
        "selects": _pairs(digging.objects(spec, "selectors")),
        "sources": tuple(sources),
        "addresses": digging.hosts(in_use, "status.externalIPs"),
        "requested": asked or _SOME,
    }


egress_ip: Final = _converter("EgressIP", _ovn)
egress: Final = _converter("Egress", _antrea)
cilium_egress: Final = _converter("CiliumEgressGatewayPolicy", _cilium)
vpc_egress_gateway: Final = _converter("VpcEgressGateway", _kube_ovn)

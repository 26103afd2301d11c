"""Objects that say how traffic leaves a cluster: Calico's egress gateways, Kube-OVN's subnets, and
how the components that translate addresses are set.

Public sources: docs.tigera.io, "Egress gateway policy" and "Configure egress gateways"; the
operator's `api/v1/egressgateway_types.go` (the label that its pods have by default);
kubeovn/kube-ovn, `pkg/apis/kubeovn/v1/subnet.go`; kubernetes.io, "IP Masquerade Agent"; the README
of the Amazon VPC plug-in (environment of the DaemonSet `aws-node`); the Cilium
documentation, "Masquerading".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import yaml

from fmgsync import yamlplain
from fmgsync.model.platform import Gateway, GatewayPolicy, GatewayStep, Setting, Subnet
from fmgsync.sources.convert import digging
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import NO_FLAWS, Flaws, Malformed, PlatformRaw, given_name

_DEFAULT_VPC: Final = ("", "ovn-cluster")


def _doubtful(flaws: Flaws, error: Malformed | None = None) -> str:
    return "; ".join(filter(None, (flaws.doubt, str(error or ""))))


def gateway(raw: PlatformRaw, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Gateway:
    """The order for gateways, with the labels that the operator gives their pods."""
    del pool
    named = ("EgressGateway", raw.metadata.namespace, given_name(raw.metadata))
    try:
        given = digging.part(raw.spec, "template", "metadata", "labels")
        labels = {str(key): str(each) for key, each in given.items()}
        addresses = digging.listed(digging.part(raw.spec, "aws"), "elasticIPs")
    except Malformed as error:
        return Gateway(*named, doubt=_doubtful(flaws, error))
    found = labels or {"projectcalico.org/egw": raw.metadata.name}
    return Gateway(*named, tuple(sorted(found.items())), bool(addresses), _doubtful(flaws))


def gateway_policy(raw: PlatformRaw, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> GatewayPolicy:
    """Its rules, in the order written."""
    del pool
    named = ("EgressGatewayPolicy", "", given_name(raw.metadata))
    try:
        steps = tuple(_step(each) for each in digging.objects(raw.spec or {}, "rules"))
    except Malformed as error:
        return GatewayPolicy(*named, doubt=_doubtful(flaws, error))
    return GatewayPolicy(*named, steps, _doubtful(flaws))


def _step(rule: Mapping[str, Any]) -> GatewayStep:
    cidr = digging.text(digging.part(rule, "destination"), "cidr")
    (destination,) = digging.ranges([cidr], "destination.cidr") if cidr else ("",)
    if rule.get("gateway") is None:
        return GatewayStep(destination, None)
    chosen = digging.part(rule, "gateway")
    return GatewayStep(
        destination, (digging.text(chosen, "namespaceSelector"), digging.text(chosen, "selector"))
    )


def subnet(raw: PlatformRaw, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Subnet:
    """Its ranges, and by which nodes its traffic leaves."""
    del pool
    named, spec = ("Subnet", "", given_name(raw.metadata)), raw.spec or {}
    try:
        vpc = digging.text(spec, "vpc")
        return Subnet(
            *named,
            ranges=digging.ranges(
                [each.strip() for each in digging.text(spec, "cidrBlock").split(",") if each],
                "spec.cidrBlock",
            ),
            nat=digging.flag(spec, "natOutgoing"),
            centralized=digging.text(spec, "gatewayType") == "centralized",
            nodes=_nodes(digging.text(spec, "gatewayNode")),
            vpc="" if vpc in _DEFAULT_VPC else vpc,
            by_destination=bool(
                spec.get("natOutgoingPolicyRules") or spec.get("externalEgressGateway")
            ),
            doubt=_doubtful(flaws),
        )
    except Malformed as error:
        return Subnet(*named, doubt=_doubtful(flaws, error))


def _nodes(text: str) -> tuple[str, ...]:
    """`node1,node2:address`: the names alone."""
    return tuple(each.strip().partition(":")[0] for each in text.split(",") if each.strip())


def _setting(
    title: str, read: Callable[[PlatformRaw], Mapping[str, Any]]
) -> Callable[[PlatformRaw, LabelPool, Flaws], Setting]:
    def convert(raw: PlatformRaw, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Setting:
        """What is set, as text."""
        del pool
        named = (title, raw.metadata.namespace, given_name(raw.metadata))
        try:
            found = {key: _plain(each) for key, each in read(raw).items() if each is not None}
        except Malformed as error:
            return Setting(*named, doubt=_doubtful(flaws, error))
        return Setting(*named, tuple(sorted(found.items())), _doubtful(flaws))

    return convert


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_SPARED: Final = "nonMasqueradeCIDRs"
_FELIX: Final = ("egressIPSupport", "natOutgoingAddress")


def _felix(raw: PlatformRaw) -> Mapping[str, Any]:
    """natOutgoingExclusions may exempt the cluster's own nodes as well: no firewall is before
    them."""
    return {key: (raw.spec or {}).get(key) for key in _FELIX}


def _environment(raw: PlatformRaw) -> Mapping[str, Any]:
    pod = digging.part(raw.spec, "template", "spec")
    return {
        digging.text(each, "name"): each.get("value")
        for container in digging.objects(pod, "containers")
        for each in digging.objects(container, "env")
    }


def _data(raw: PlatformRaw) -> Mapping[str, Any]:
    return raw.data or {}


def _agent(raw: PlatformRaw) -> Mapping[str, Any]:
    """One file, in YAML or JSON; what stands in it for others is passed over."""
    found: list[Any] = []
    for text in (raw.data or {}).values():
        try:
            content = yamlplain.load(str(text))
        except yaml.YAMLError:
            raise Malformed("its data is no YAML") from None
        if isinstance(content, dict):
            found += digging.listed(content, _SPARED)
            if _SPARED not in content:
                return {}
    return {_SPARED: ",".join(digging.ranges(found, _SPARED))}


felix: Final = _setting("FelixConfiguration", _felix)
environment: Final = _setting("DaemonSet", _environment)
config_map: Final = _setting("ConfigMap", _data)
masq_agent: Final = _setting("ConfigMap", _agent)

"""Objects that say how traffic leaves a cluster: one type a kind, all read piece by piece."""

from __future__ import annotations

from typing import Any

import msgspec

from fmgsync.sources.convert.objects import CustomMetadata


class PlatformRaw(msgspec.Struct, frozen=True, gc=False):
    """An object that says how traffic leaves a cluster, to be looked at piece by piece."""

    metadata: CustomMetadata
    spec: dict[str, Any] | None = None
    status: dict[str, Any] | None = None
    data: dict[str, Any] | None = None


class FelixConfiguration(PlatformRaw, frozen=True, gc=False):
    """Of Calico: how its agent is set."""


class EgressGateway(PlatformRaw, frozen=True, gc=False):
    """Of Tigera's operator."""


class EgressGatewayPolicy(PlatformRaw, frozen=True, gc=False):
    """Of Calico."""


class EgressIP(PlatformRaw, frozen=True, gc=False):
    """Of OVN-Kubernetes."""


class Egress(PlatformRaw, frozen=True, gc=False):
    """Of Antrea."""


class CiliumEgressGatewayPolicy(PlatformRaw, frozen=True, gc=False):
    """Of Cilium."""


class Subnet(PlatformRaw, frozen=True, gc=False):
    """Of Kube-OVN."""


class VpcEgressGateway(PlatformRaw, frozen=True, gc=False):
    """Of Kube-OVN."""


class AwsNode(PlatformRaw, frozen=True, gc=False):
    """The DaemonSet of the Amazon VPC plug-in."""


class MasqAgent(PlatformRaw, frozen=True, gc=False):
    """The ConfigMap of ip-masq-agent."""


class AzureMasqAgent(PlatformRaw, frozen=True, gc=False):
    """The ConfigMap of Azure's ip-masq-agent."""


class CiliumConfig(PlatformRaw, frozen=True, gc=False):
    """The ConfigMap of Cilium."""

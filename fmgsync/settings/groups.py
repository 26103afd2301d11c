"""The keys of a group: which workloads are in it, and how their addresses are published."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from fmgsync.model.address import Family
from fmgsync.model.rule import MappingMode, Publish
from fmgsync.settings.amounts import Flag
from fmgsync.settings.endpoints import AddressRange
from fmgsync.settings.names import (
    AddressRole,
    ApiVersion,
    GroupName,
    JsonPath,
    KindName,
    KubernetesName,
    Name,
    NetworkName,
    SelectorText,
)
from fmgsync.settings.part import Part, one_of


class GroupSites(Part):
    """Limits a group to the sites of some clusters."""

    clusters: tuple[Name, ...] = Field(
        min_length=1, description="Only these clusters, and the devices in front of them."
    )


class DescribedObject(Part):
    """Objects of a kind that fmgsync does not know, and where their addresses stand.

    To read them, fmgsync needs `list` and `watch` on the resource: `fmgsync config rbac` prints
    the role.
    """

    api_version: ApiVersion = Field(description="As the objects say it: `ipam.example.net/v1`.")
    kind: KindName = Field(description="As the objects say it: `IPAddress`.")
    resource: KubernetesName | None = Field(
        default=None,
        description=(
            "The plural in urls and RBAC rules (`kubectl api-resources`); default: the kind in"
            " lower case with `s` or `es`."
        ),
    )
    addresses: tuple[JsonPath, ...] = Field(
        min_length=1,
        description=(
            "JSONPaths of addresses or prefixes: `.status.addresses[*].value`,"
            " `.metadata.annotations['example.net/ip']`. What stands there and is none is no member"
            " and is told."
        ),
    )


class Group(Part):
    """An address group: which workloads are in it and how their addresses are published."""

    model_config = ConfigDict(
        json_schema_extra=one_of("select", "selectNodes", "fromGlobalNetworkPolicies")
    )

    name: GroupName | None = Field(
        default=None,
        description=(
            "Name of the address group in FortiManager. Groups from policies have the policies'"
            " names."
        ),
    )
    select: SelectorText | None = Field(
        default=None, description="Selector over pod labels (Calico's selector language)."
    )
    namespaces: SelectorText = Field(
        default="all()", description="Selector over the labels of the pods' namespaces."
    )
    select_nodes: SelectorText | None = Field(
        default=None, description="Selector over node labels, instead of `select`."
    )
    from_global_network_policies: SelectorText | None = Field(
        default=None,
        description=(
            "One group for each Calico policy of the whole cluster whose labels this selector"
            " matches, named by the policy, with what the policy selects. `projectcalico.org/tier`"
            " is the policy's tier even where the label is missing."
        ),
    )
    staged: Flag = Field(
        default=False,
        description=(
            "Policies that Calico does not enforce yet (StagedGlobalNetworkPolicy) count as well."
        ),
    )
    opt_in: Flag = Field(
        default=False,
        description=(
            'Only policies with the label or annotation `fmgsync/publish: "true"`. With "false" a'
            " policy never gets a group."
        ),
    )
    renamed_tiers: dict[KubernetesName, KubernetesName] = Field(
        default_factory=dict,
        description=(
            "Tiers that had another name before, `new: old`: groups of their policies keep the"
            " names they have, which firewall policies use."
        ),
    )
    network_sets: Flag = Field(
        default=False,
        description=(
            "Calico network sets whose labels the selectors match belong to the group as well:"
            " GlobalNetworkSets, and inside `allowedRanges` NetworkSets."
        ),
    )
    publish: Publish = Field(
        default=Publish.POD,
        description=(
            "What stands for a selected pod: its own address, that of its node, (`ipPool`) the"
            " range of the Calico IPPool that its address is from, which stays when pods come and"
            " go, (`auto`) what a firewall sees of it, by what the cluster's objects say, or"
            " (`egressGateway`) only the egress addresses and gateways that it leaves by. With"
            " `service`, `endpointSlice`, `gateway`, `ingress` and `object` the selectors are about"
            " objects of that kind instead of pods (their labels, and `kubernetes.io/metadata.name`"
            " for the name), whose addresses are published; host names are not."
        ),
    )
    towards: tuple[AddressRange, ...] = Field(
        default=(),
        description=(
            "With `publish: auto` or `egressGateway`: what the pods reach through the firewall."
            " Where it depends on the destination which address is seen, nothing is published"
            " without it, or everything that may be seen (docs/seen.md)."
        ),
    )
    addresses: tuple[AddressRole, ...] = Field(
        default=(),
        description=(
            "Which addresses count. Of a node: `InternalIP` (default), `ExternalIP`,"
            " `annotation:NAME`. Of a Service: `clusterIP`, `externalIP`, `loadBalancer` (default:"
            " all). Several: all of them."
        ),
    )
    within: tuple[AddressRange, ...] | None = Field(
        default=None,
        min_length=1,
        description=(
            "Of the addresses of nodes, Services and the like only those in these ranges count."
            " Like `allowedRanges` it vouches for addresses that only somebody's wish or an"
            " annotation tells: externalIPs, endpoints, `object`."
        ),
    )
    object: DescribedObject | None = Field(
        default=None, description="With `publish: object`: which objects, and where to look."
    )
    network: NetworkName | None = Field(
        default=None,
        description=(
            "A further network of the pods (Multus), `namespace/name`, or `name` in the pod's own"
            " namespace, whose addresses stand for them; default: the cluster's default network."
            " Only annotations tell them, so they are published inside `allowedRanges` only."
        ),
    )
    families: tuple[Family, ...] = Field(
        default=(Family.IPV4,), min_length=1, description="Address families of the group."
    )
    sites: GroupSites | None = Field(
        default=None, description="Where the group exists; default: everywhere."
    )
    mapping: MappingMode = Field(
        default=MappingMode.PER_DEVICE,
        description=(
            "`per-device`: each FortiGate gets the members behind it. `shared`: all get all."
        ),
    )
    allow_empty: Flag = Field(
        default=False, description="Whether the group may become empty without an approval."
    )

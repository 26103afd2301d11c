"""The configuration: every key, its type, its default and what it means.

Only what can be said about one value stands here; how values must fit together is in `checks`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, PrivateAttr

from fmgsync.kube.kubeconfig import Access
from fmgsync.model.address import Family
from fmgsync.model.rule import MappingMode, Publish
from fmgsync.settings.amounts import Flag, Number, Whole
from fmgsync.settings.endpoints import (
    AddressRange,
    ConfigPath,
    HostPort,
    KubeconfigPath,
    ManifestsPath,
    ProxyUrl,
)
from fmgsync.settings.installing import Install
from fmgsync.settings.names import (
    AddressRole,
    ApiVersion,
    DeviceRef,
    FortiGateRef,
    FortiManagerName,
    GroupName,
    JsonPath,
    KindName,
    KubernetesName,
    Line,
    Name,
    NetworkName,
    Owner,
    SelectorText,
    SerialNumber,
)
from fmgsync.settings.origin import Origin
from fmgsync.settings.part import Part, written
from fmgsync.settings.secret import SecretRef
from fmgsync.settings.times import Duration, PositiveDuration


def _one_of(*keys: str) -> dict[str, Any]:
    """JSON Schema: exactly one of these keys."""
    return {"oneOf": [{"required": [key]} for key in keys]}


class Kubeconfig(Part):
    """A live cluster, reached as kubectl does."""

    file: KubeconfigPath = Field(
        default=written("~/.kube/config"),
        description=(
            "The kubeconfig file, or several (`a:b`), merged as kubectl does. Left out, the "
            "variable KUBECONFIG counts before the default."
        ),
    )
    context: Line | None = Field(default=None, description="Its context; default: the current one.")

    @property
    def access(self) -> Access:
        """How the cluster is reached; the variable KUBECONFIG is read now."""
        listed = os.environ.get("KUBECONFIG", "") if "file" not in self.model_fields_set else ""
        first, *more = (Path(one) for one in (listed or str(self.file)).split(os.pathsep) if one)
        return Access(first, self.context, tuple(more))


class Cluster(Part):
    """Where pods, nodes and namespaces are read. With neither key: the cluster fmgsync runs in."""

    name: Name = Field(description="Name used in `sites` and `groups`.")
    kubeconfig: Kubeconfig | None = Field(default=None, description="A live cluster by kubeconfig.")
    manifests: ManifestsPath | None = Field(
        default=None,
        description=(
            "A file, a folder, or `-` for standard input, with what `kubectl get "
            "pods,nodes,namespaces -A -o yaml` (or `json`) prints."
        ),
    )
    allowed_ranges: tuple[AddressRange, ...] | None = Field(
        default=None,
        min_length=1,
        description="The cluster can publish only addresses in these ranges; default: any.",
    )

    @property
    def in_cluster(self) -> bool:
        """Whether this is the cluster that fmgsync itself runs in."""
        return self.kubeconfig is None and self.manifests is None

    @property
    def reads_stdin(self) -> bool:
        """Whether the manifests come from standard input."""
        return self.manifests == "-"


class Credentials(Part):
    """How to log in: user and password, or an API key."""

    model_config = ConfigDict(json_schema_extra=_one_of("password", "apiKey"))

    username: Line | None = Field(default=None, description="Administrator with JSON API access.")
    password: SecretRef | None = Field(default=None, description="The administrator's password.")
    api_key: SecretRef | None = Field(
        default=None, description="Key of an API administrator, instead of user and password."
    )


class Tls(Part):
    """How the unit proves who it is."""

    ca_file: ConfigPath | None = Field(
        default=None, description="Certificates (PEM) to trust; default: the public ones."
    )
    verify: Flag = Field(
        default=True,
        description="`false` trusts any certificate: anyone on the way can read password or key.",
    )


class FortiManager(Part):
    """A FortiManager and how to reach it."""

    name: Name = Field(description="Name used in `sites` and windows.")
    host: HostPort = Field(
        description="DNS name or address, with a port if it is not 443; IPv6 in brackets."
    )
    credentials: Credentials = Field(description="The account to log in with.")
    tls: Tls = Field(default_factory=Tls, description="Verification of its certificate.")
    proxy: ProxyUrl | None = Field(
        default=None,
        description=(
            "Url of an HTTP proxy without user and password. The environment's proxy variables "
            "are ignored."
        ),
    )


class ClientCert(Part):
    """What an administrator with `peer-auth` has to show besides the key."""

    cert_file: ConfigPath = Field(description="The certificate (PEM).")
    key_file: ConfigPath = Field(description="Its private key (PEM), without a passphrase.")


class FortiGateTls(Tls):
    """How FortiGate and fmgsync prove who they are."""

    client_cert: ClientCert | None = Field(
        default=None, description="A client certificate, where the administrator needs one."
    )


class FortiGate(Part):
    """A FortiGate that no FortiManager manages, written over its own REST API."""

    name: Name = Field(description="Name used in `sites`, windows and `rollout`.")
    host: HostPort = Field(
        description="DNS name or address of its administrative access, with a port if it is not"
        " 443. Of a cluster: the address that moves with the primary unit."
    )
    api_key: SecretRef = Field(
        description="Key of a REST API administrator; it is sent in a header only."
    )
    tls: FortiGateTls = Field(
        default_factory=FortiGateTls, description="Verification of certificates."
    )
    serials: tuple[SerialNumber, ...] = Field(
        default=(),
        description=(
            "The serial numbers that may answer there: the unit's, or those of all units of its "
            "cluster. Another one is another unit, and nothing is written to it. Without them, "
            "whether another number is a failover is asked of the unit, if the key may see that."
        ),
    )
    managed: Literal["ask", "no"] = Field(
        default="ask",
        description=(
            "`ask`: refused if a FortiManager manages it, or if the key may not see whether one "
            "does. `no`: you vouch that none does; `doctor` asks each time nevertheless."
        ),
    )
    connections: Whole = Field(
        default=2, ge=1, le=4, description="Most requests that are under way at the unit at once."
    )
    transactions: Literal["auto", "off"] = Field(
        default="auto",
        description=(
            "`auto`: members of several groups change together where the unit can do that; `off`: "
            "always one after the other, which locks nothing."
        ),
    )


class Site(Part):
    """Which FortiGates stand in front of which clusters: devices of a FortiManager, or FortiGates
    without one."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["fortimanager", "adom", "devices"]},
                {"required": ["fortigates"]},
            ]
        }
    )

    clusters: tuple[Name, ...] = Field(
        min_length=1, description="Clusters whose traffic passes these devices."
    )
    fortimanager: Name | None = Field(
        default=None, description="The FortiManager that manages the devices."
    )
    adom: FortiManagerName | None = Field(default=None, description="Its administrative domain.")
    devices: tuple[DeviceRef, ...] = Field(
        default=(),
        description=(
            "`device`, `device/vdom` (required if the device has several VDOMs), or `group:NAME` "
            "for a device group of the ADOM."
        ),
    )
    fortigates: tuple[FortiGateRef, ...] = Field(
        default=(),
        description=(
            "Instead of `fortimanager`, `adom` and `devices`: FortiGates of `fortigates`, by name "
            "or pattern, each with `/vdom` if it is not `root`. A pattern does not mean units "
            "that the same list names."
        ),
    )
    fleet: Name | None = Field(
        default=None,
        description=(
            "Canary, waves and failure budget count per fleet. Default: one for each site with "
            "`fortigates`, one for each ADOM otherwise."
        ),
    )
    allow_overlap: Flag = Field(
        default=False,
        description=(
            "Publish an address although two clusters behind one of these devices have it."
        ),
    )


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
        json_schema_extra=_one_of("select", "selectNodes", "fromGlobalNetworkPolicies")
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


class Policy(Part):
    """What fmgsync may change."""

    mode: Literal["observe", "upsert", "sync"] = Field(
        default="sync",
        description="`observe` never writes, `upsert` never removes, `sync` does both.",
    )
    require_reason: Flag = Field(
        default=False,
        description="Whether `apply --install now` and `--override-deny`, `approve` and"
        " `rollout resume` need a `--reason`.",
    )


class Guard(Part):
    """Which changes wait for a human. Counted net, per group and device, over `period`."""

    max_removed_share: Number = Field(
        default=0.2,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Largest share of members that may go.",
    )
    max_added_share: Number = Field(
        default=2.0,
        ge=0,
        allow_inf_nan=False,
        description="Most new members, as a multiple of the old.",
    )
    unless_fewer_than: Whole = Field(
        default=10,
        ge=0,
        description="Changes of fewer members than this never wait for their share.",
    )
    max_members: Whole = Field(
        default=5000, ge=1, description="Most members of a group on a device."
    )
    period: PositiveDuration = Field(
        default=written("1h"), description="Time over which changes are added up."
    )


class Reconcile(Part):
    """When changes are written to the ADOMs."""

    settle: Duration = Field(
        default=written("5s"), description="Quiet time after a change before it is written."
    )
    max_delay: Duration = Field(
        default=written("60s"), description="Longest time a change waits while others keep coming."
    )
    min_interval: Duration | None = Field(
        default=None,
        description=(
            "Shortest time between two writes to an ADOM. Left out: 30s in ADOMs with workspaces, "
            "so that administrators get the lock, and 0s in others."
        ),
    )
    resync: PositiveDuration = Field(
        default=written("10m"), description="A full comparison is made this often."
    )
    units_at_once: Whole = Field(
        default=16,
        ge=1,
        le=256,
        description=(
            "FortiGates without a FortiManager that one command works on at the same time; a "
            "controller gives each a thread of its own."
        ),
    )
    write: Literal["continuous", "before-install"] = Field(
        default="continuous",
        description=(
            "`before-install` writes the ADOM only inside an install's window and lock, so that "
            "nobody else's install carries the change."
        ),
    )


class Lease(Part):
    """Which replica works on which ADOM, kept in Kubernetes."""

    namespace: KubernetesName = Field(
        default="fmgsync", description="Namespace of the Lease objects."
    )
    cluster: Name | None = Field(
        default=None,
        description=(
            "The running cluster that keeps Leases, state and Events. Default: the cluster fmgsync "
            "runs in, else the first kubeconfig's."
        ),
    )


class CalicoCompat(Part):
    """The Calico firewall controller's own ConfigMaps and Secrets, read as they are."""

    cluster: Name = Field(description="The running cluster that they are in.")
    namespace: KubernetesName = Field(
        default="tigera-firewall-controller", description="Their namespace."
    )


class Config(Part):
    """Everything fmgsync is told. One YAML document."""

    model_config = ConfigDict(title="fmgsync configuration")

    owner: Owner = Field(
        description=(
            "Name of this installation: part of the mark on every object it writes and of every "
            "address name. Objects with another mark, or none, are never touched."
        )
    )
    clusters: tuple[Cluster, ...] = Field(min_length=1, description="Where workloads run.")
    fortimanagers: tuple[FortiManager, ...] = Field(
        default=(), description="The FortiManagers to write."
    )
    fortigates: tuple[FortiGate, ...] = Field(
        default=(), description="FortiGates without a FortiManager."
    )
    sites: tuple[Site, ...] = Field(
        default=(), description="Which FortiGates stand in front of which clusters."
    )
    groups: tuple[Group, ...] = Field(default=(), description="The address groups to keep.")
    policy: Policy = Field(default_factory=Policy, description="What may be changed.")
    guard: Guard = Field(default_factory=Guard, description="What waits for a human.")
    reconcile: Reconcile = Field(
        default_factory=Reconcile, description="When the ADOMs are written."
    )
    install: Install = Field(
        default_factory=Install, description="When and how the FortiGates get it."
    )
    member_limit: Whole = Field(
        default=600,
        ge=2,
        le=100_000,
        description=(
            "Most members of one address group; larger ones are split into nested groups. Left "
            "out: the limit that FortiManager states, or 600. Where both say one, the smaller."
        ),
    )
    lease: Lease | None = Field(
        default=None, description="High availability: replicas in Kubernetes share the ADOMs."
    )

    calico_compat: CalicoCompat | None = Field(
        default=None,
        description=(
            "Units, sites and groups as the Calico firewall controller was told, followed while"
            " the controller runs. What this file says under the same name counts instead."
        ),
    )

    _origin: Origin = PrivateAttr(default_factory=Origin)

    @property
    def origin(self) -> Origin:
        """The file this was read from, and where each value stood."""
        return self._origin

    def bind(self, origin: Origin) -> None:
        """Remember where this came from; for `load` only."""
        self._origin = origin
        for index, unit in enumerate(self.fortimanagers):
            for key, secret in (
                ("password", unit.credentials.password),
                ("apiKey", unit.credentials.api_key),
            ):
                if secret is not None:
                    path = ("fortimanagers", index, "credentials", key)
                    secret.bind(origin, path)
        for index, fortigate in enumerate(self.fortigates):
            fortigate.api_key.bind(origin, ("fortigates", index, "apiKey"))

"""The configuration: every key, its type, its default and what it means.

The keys of units, groups and installs have modules of their own. Only what can be said about one
value stands there and here; how values must fit together is in `checks`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, PrivateAttr

from fmgsync.kube.kubeconfig import Access
from fmgsync.settings.amounts import Flag, Number, Whole
from fmgsync.settings.endpoints import AddressRange, KubeconfigPath, ManifestsPath
from fmgsync.settings.groups import Group
from fmgsync.settings.installing import Install
from fmgsync.settings.names import (
    DeviceRef,
    FortiGateRef,
    FortiManagerName,
    KubernetesName,
    Line,
    Name,
    Owner,
)
from fmgsync.settings.origin import Origin
from fmgsync.settings.part import Part, written
from fmgsync.settings.times import Duration, PositiveDuration
from fmgsync.settings.units import FortiGate, FortiManager


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

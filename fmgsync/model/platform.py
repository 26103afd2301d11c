"""What a cluster's objects say about the address under which its pods leave it.

Each was somebody's object once: of a network plug-in, of an egress feature, of a cloud. All are
written by whoever administers the cluster, none by whoever may write a pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from fmgsync.model.address import Address

Selects: TypeAlias = "tuple[tuple[str, str], ...]"
"""Selectors over the labels of a namespace and of a pod in it; any of the pairs is enough."""

EVERY_POD: Final[Selects] = (("all()", "all()"),)

PlatformKey: TypeAlias = "tuple[str, str, str]"
"""What an object calls itself, its namespace and its name."""


@dataclass(frozen=True, slots=True)
class _Named:
    title: str
    namespace: str
    name: str

    @property
    def key(self) -> PlatformKey:
        """What no other of these objects has."""
        return self.title, self.namespace, self.name

    @property
    def place(self) -> str:
        """For messages."""
        space = f"{self.namespace}/" if self.namespace else ""
        return f"{self.title} {space}{self.name}"


@dataclass(frozen=True, slots=True)
class Egress(_Named):
    """Gives the pods it selects other addresses on their way out.

    `addresses` are those in use, `requested` those asked for; a family that is asked for and not in
    use is not known. `sources` selects by a pod's own address instead: a range or the name of a
    subnet, and whether traffic from there gets another address at all. Without `destinations` it is
    about everywhere, less what is `excluded`. `exclusive`: of several that select a pod one counts,
    and nothing tells which. `derived`: nothing in the cluster confirms the addresses.
    """

    selects: Selects = ()
    addresses: tuple[Address, ...] = ()
    requested: tuple[Address, ...] = ()
    sources: tuple[tuple[str, bool], ...] = ()
    destinations: tuple[Address, ...] = ()
    excluded: tuple[Address, ...] = ()
    exclusive: bool = True
    derived: bool = False
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Gateway(_Named):
    """Calico's order for egress gateways: pods of its namespace that have all these labels.

    `elastic`: a cloud gives them further addresses.
    """

    labels: tuple[tuple[str, str], ...] = ()
    elastic: bool = False
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class GatewayStep:
    """For one destination (empty: everywhere) these gateways: selectors over their namespaces and
    themselves. None: as without gateways."""

    destination: str
    gateways: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class GatewayPolicy(_Named):
    """Which egress gateways of Calico traffic takes, by destination: the longest prefix counts."""

    steps: tuple[GatewayStep, ...] = ()
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Subnet(_Named):
    """A range that Kube-OVN gives pods their addresses from.

    `nodes` are those that its traffic leaves by; empty: each pod's own. `vpc` is empty for the one
    that every cluster has.
    """

    ranges: tuple[Address, ...] = ()
    nat: bool = False
    centralized: bool = False
    nodes: tuple[str, ...] = ()
    vpc: str = ""
    by_destination: bool = False
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Setting(_Named):
    """How a network component is set: a ConfigMap's data, a DaemonSet's environment, a spec."""

    pairs: tuple[tuple[str, str], ...] = ()
    doubt: str = ""

    @property
    def values(self) -> Mapping[str, str]:
        """By name."""
        return dict(self.pairs)


PlatformObject: TypeAlias = Egress | Gateway | GatewayPolicy | Subnet | Setting

"""What others connect to: a Service, an EndpointSlice, a Gateway, an Ingress, or an object of a
kind that a configuration describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fmgsync.model.address import Address
from fmgsync.model.labels import Labels

CLUSTER_IP: Final = "clusterIP"
EXTERNAL_IP: Final = "externalIP"
LOAD_BALANCER: Final = "loadBalancer"


@dataclass(frozen=True, slots=True)
class Destination:
    """One object, with its addresses by what tells them: `(externalIP, 192.0.2.7)`.

    `of` is its kind as a cluster is read for it (`model.endpoint.Kind`), `kind` what the objects
    of that kind call themselves. `asked` are addresses that whoever may
    write the object chose, so nothing bears them out. `unusable` says of its other texts, host
    names mostly, why they are no members. `doubt` says why its addresses are not all known.
    """

    of: str
    kind: str
    namespace: str
    name: str
    labels: Labels
    addresses: tuple[tuple[str, Address], ...] = ()
    asked: frozenset[Address] = frozenset()
    unusable: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What no other object of the cluster has: its kind, and where it is."""
        return self.of, f"{self.namespace}/{self.name}"

    @property
    def place(self) -> str:
        """For messages."""
        space = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {space}{self.name}"

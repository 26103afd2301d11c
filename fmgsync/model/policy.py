"""A Calico policy, as far as it says whom a firewall group of its name should hold."""

from __future__ import annotations

from dataclasses import dataclass

from fmgsync.model.labels import Labels

PUBLISH_KEY = "fmgsync/publish"
"""Label or annotation of a policy: `"true"` asks for its group, `"false"` for none."""
TIER_KEY = "projectcalico.org/tier"
DEFAULT_TIER = "default"


@dataclass(frozen=True, slots=True)
class Policy:
    """A GlobalNetworkPolicy, or (`staged`) one that is not enforced yet.

    Selectors are as written, None where there is none. `labels` hold the tier even where the
    object does not. `wants_group` is what `fmgsync/publish` says, None if nothing. `hosts_only`
    says why it selects no pods, `denies` that all its rules only refuse. `doubt` says why it
    cannot be relied on what it selects.
    """

    name: str
    labels: Labels
    tier: str
    selector: str | None = None
    namespaces: str | None = None
    accounts: str | None = None
    staged: bool = False
    deletes: bool = False
    wants_group: bool | None = None
    hosts_only: str = ""
    denies: bool = False
    doubt: str = ""

    @property
    def key(self) -> tuple[bool, str]:
        """An enforced policy and a staged one of the same name are two."""
        return self.staged, self.name

    @property
    def kind(self) -> str:
        """What Calico calls it."""
        return "StagedGlobalNetworkPolicy" if self.staged else "GlobalNetworkPolicy"

    @property
    def twin(self) -> str:
        """Its name with the prefix of its tier, or without: releases of Calico differ in that."""
        prefix = f"{self.tier}."
        bare = self.name.removeprefix(prefix)
        return bare if bare != self.name else prefix + self.name

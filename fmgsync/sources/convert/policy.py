"""A Calico policy of the whole cluster, as far as it says whom its group should hold.

Public source: projectcalico/calico, `api/pkg/apis/projectcalico/v3/globalnetworkpolicy.go`. The
label that names the tier is put there by Calico's API server only, so it is made up from
`spec.tier` where it is missing; what the object says against its own `spec.tier` does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fmgsync.model.policy import DEFAULT_TIER, PUBLISH_KEY, TIER_KEY, Policy
from fmgsync.sources.convert.labels import LabelPool
from fmgsync.sources.convert.objects import (
    NO_FLAWS,
    Flaws,
    GlobalNetworkPolicy,
    PolicySpec,
    given_name,
    quoted,
)

_WORDS: Final = {"true": True, "false": False}


def policy(raw: GlobalNetworkPolicy, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Policy:
    """An enforced policy. Raises `Malformed` if it cannot be named."""
    return _policy(raw, pool, flaws, staged=False)


def staged(raw: GlobalNetworkPolicy, pool: LabelPool, flaws: Flaws = NO_FLAWS) -> Policy:
    """One that is not enforced."""
    return _policy(raw, pool, flaws, staged=True)


def _policy(
    raw: GlobalNetworkPolicy,
    pool: LabelPool,
    flaws: Flaws,
    *,
    staged: bool,
) -> Policy:
    spec, doubts = raw.spec, [flaws.doubt]
    tier = spec.tier or DEFAULT_TIER
    pairs = {**(raw.metadata.labels or {}), TIER_KEY: tier}
    wants = _wants(raw, doubts)
    steps = [(step.action or "").lower() for step in (*(spec.ingress or ()), *(spec.egress or ()))]
    return Policy(
        name=given_name(raw.metadata),
        labels=pool.labels(pairs, flaws.labels - {TIER_KEY}),
        tier=tier,
        selector=spec.selector,
        namespaces=spec.namespace_selector,
        accounts=spec.account_selector,
        staged=staged,
        deletes=staged and (spec.staged_action or "").lower() == "delete",
        wants_group=wants,
        hosts_only=" and ".join(_hosts_only(spec)),
        denies=bool(steps) and all(step == "deny" for step in steps),
        doubt="; ".join(filter(None, doubts)),
    )


def _hosts_only(spec: PolicySpec) -> Iterator[str]:
    """Such policies are for host endpoints (Calico reference, "Global network policy")."""
    if spec.pre_dnat:
        yield "it applies before DNAT (preDNAT)"
    if spec.do_not_track:
        yield "it applies without connection tracking (doNotTrack)"


def _wants(raw: GlobalNetworkPolicy, doubts: list[str]) -> bool | None:
    """What label and annotation say: "false" in either counts; another word is a doubt."""
    found: set[bool] = set()
    for pairs in (raw.metadata.labels, raw.metadata.annotations):
        text = (pairs or {}).get(PUBLISH_KEY)
        if text is None:
            continue
        if text.lower() in _WORDS:
            found.add(_WORDS[text.lower()])
        else:
            doubts.append(f'{PUBLISH_KEY} is {quoted(text)}: write "true" or "false"')
    return None if not found else found == {True}

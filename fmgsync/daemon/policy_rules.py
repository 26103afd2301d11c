"""Rules that Calico's policies ask for, followed in every cluster that has such rules.

A policy that goes from a cluster whose policies are followed takes its rule along. As long as they
were not read its rule stays, or is said to be unread: its group is not taken away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from fmgsync.daemon.cluster_feeds import Feed
from fmgsync.grouping import policies
from fmgsync.model.endpoint import ClusterDifference, ClusterSnapshot
from fmgsync.model.policy import Policy
from fmgsync.model.rule import RuleSet


class PolicyRules:
    """Those of a configuration and of the policies that the feeds tell."""

    def __init__(self, rules: RuleSet, feeds: Sequence[Feed]) -> None:
        self._rules = rules
        self._feeds = tuple(feeds)
        self._lock = threading.Lock()
        self._policies: dict[str, dict[tuple[bool, str], Policy]] = {}
        self._views = {feed.cluster: policies.view(None, feed.cluster) for feed in feeds}
        self._known = policies.derived(rules, self._views)

    def read(self) -> RuleSet:
        """The rules of this moment."""
        with self._lock:
            views = {feed.cluster: self._view(feed.take_difference()) for feed in self._feeds}
            if views != self._views:
                self._views = views
                self._known = policies.derived(self._rules, views)
            return self._known

    def _view(self, found: ClusterDifference) -> policies.PolicyView:
        """A cluster that was read once is known from then on, and said to be unread when a kind is
        not complete any more."""
        known = self._policies.setdefault(found.cluster, {})
        for before, after in found.policies:
            if before is not None:
                known.pop(before.key, None)
            if after is not None:
                known[after.key] = after
        ordered = tuple(each for _, each in sorted(known.items()))
        snapshot = ClusterSnapshot(
            found.cluster, found.synced, problems=found.problems, policies=ordered
        )
        return policies.view(snapshot, found.cluster)

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to follow."""
        for feed in self._feeds:
            feed.start(on_change)

    def stop(self) -> None:
        """Follow no more."""
        for feed in self._feeds:
            feed.stop()

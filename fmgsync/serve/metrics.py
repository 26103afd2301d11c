"""Prometheus metrics. State is read when it is scraped; only durations are counted as they pass.

Names, units and help follow Prometheus' naming practices (prometheus.io/docs/practices/naming).
Series of an ADOM have the labels `fortimanager` and `adom`; those of a FortiGate without a
FortiManager have `fortigate` and `vdom` instead: a label that is not there is empty to Prometheus.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from fmgsync import redaction, untrusted
from fmgsync.model.health import LATENCY_S, AdomHealth, ServiceHealth
from fmgsync.model.rollout import Outcome
from fmgsync.scheduling.rollout import HoldKind

ReadHealth = Callable[[], ServiceHealth]
Labels = dict[str, str]

_ADOM = ("fortimanager", "adom")
_LABEL_MOST = 256
"""Characters of a label: Kubernetes and FortiManager name nothing longer."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The registry of one process, and the counters the rest of the code feeds."""

    def __init__(self, read: ReadHealth) -> None:
        self._registry = CollectorRegistry()
        self._rpc = Histogram(
            "fmgsync_rpc_duration_seconds",
            "Time one JSON-RPC request to FortiManager took.",
            ("fortimanager", "method"),
            registry=self._registry,
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180),
        )
        self._rest = Histogram(
            "fmgsync_rest_duration_seconds",
            "Time one REST request to a FortiGate without a FortiManager took.",
            ("fortigate", "method"),
            registry=self._registry,
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
        )
        self._lock_waits = Counter(
            "fmgsync_lock_wait_seconds_total",
            "Time spent waiting for other administrators' workspace locks.",
            _ADOM,
            registry=self._registry,
        )
        self._locks: dict[tuple[str, str], bool] = {}
        self._read = read
        self._registry.register(_State(read, self._locks))

    def rpc(self, fortimanager: str, method: str, seconds: float) -> None:
        """One request was answered, or was not."""
        self._rpc.labels(fortimanager, method).observe(seconds)

    def rest(self, fortigate: str, method: str, seconds: float) -> None:
        """The same of a FortiGate without a FortiManager."""
        self._rest.labels(fortigate, method).observe(seconds)

    def lock_wait(self, fortimanager: str, adom: str, seconds: float) -> None:
        """A foreign lock was waited for."""
        self._lock_waits.labels(fortimanager, adom).inc(seconds)

    def lock_held(self, fortimanager: str, adom: str, held: bool) -> None:
        """A workspace lock was taken, or given back."""
        self._locks[fortimanager, adom] = held

    def text(self) -> bytes:
        """The exposition, in Prometheus' text format."""
        for adom in self._read().adoms:
            # From the start: a rate sees no step in a series that begins with its first one.
            if not adom.ref.is_direct:
                self._lock_waits.labels(adom.ref.unit, adom.ref.domain)
        return generate_latest(self._registry)


class _State:
    """A collector that asks for the state when it is scraped."""

    def __init__(self, read: ReadHealth, locks: Mapping[tuple[str, str], bool]) -> None:
        self._read = read
        self._locks = locks

    def collect(self) -> Iterator[Metric]:
        """Every metric of state, in a stable order."""
        health = self._read()
        yield _gauge("build_info", "The running version.", [({"version": health.version}, 1)])
        yield from _adoms(health.adoms)
        places = [adom.ref for adom in health.adoms if not adom.ref.is_direct]
        yield _gauge(
            "lock_held",
            "1 while this replica holds the ADOM's workspace lock.",
            [(at.named, float(self._locks.get((at.unit, at.domain), False))) for at in places],
        )
        yield _gauge(
            "source_synced",
            "1 while a kind of a cluster, of those that some rule needs, is read completely and"
            " was heard lately.",
            [
                (
                    {"cluster": c.cluster, "kind": str(kind)},
                    float(kind in c.synced and kind not in silent),
                )
                for c in health.clusters
                for silent in [{kind for kind, _ in c.silent}]
                for kind in sorted(c.needed)
            ],
        )
        yield _gauge(
            "source_last_heard_timestamp_seconds",
            "When a kind of a cluster, of those that some rule needs, was last heard.",
            [
                (
                    {"cluster": c.cluster, "kind": str(kind)},
                    None if heard.ago_s is None else health.asked_at - heard.ago_s,
                )
                for c in health.clusters
                for kind, heard in sorted(c.hearing.items())
                if kind in c.needed
            ],
        )
        yield _gauge(
            "source_problems",
            "Objects and conditions of a cluster that cannot be used.",
            [({"cluster": c.cluster}, len(c.problems)) for c in health.clusters],
        )
        yield _gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration in force was loaded.",
            [({}, health.config_loaded_at or 0)],
        )
        reloads = CounterMetricFamily(
            "fmgsync_config_reload_failures", "Versions of the configuration that were refused."
        )
        reloads.add_metric((), health.config_failures)
        yield reloads


def _adoms(adoms: Iterable[AdomHealth]) -> Iterator[Metric]:
    rows: list[tuple[Labels, AdomHealth]] = [(adom.ref.named, adom) for adom in adoms]

    def gauge(name: str, text: str, value: Callable[[AdomHealth], float | None]) -> Metric:
        found = [(labels, value(adom)) for labels, adom in rows]
        return _gauge(name, text, [(at, v) for at, v in found if v is not None])

    yield gauge(
        "adom_last_success_timestamp_seconds",
        "When a pass over the ADOM last ended without an error.",
        lambda adom: adom.last_success_at,
    )
    yield gauge(
        "pending_devices",
        "Device VDOMs that wait for an install.",
        lambda adom: adom.pending_devices,
    )
    yield gauge(
        "stale_grants",
        "Addresses devices still hold though no selected workload has them any more.",
        lambda adom: adom.stale_grants,
    )
    yield gauge(
        "oldest_stale_grant_timestamp_seconds",
        "Since when the oldest stale grant is known; 0 if nobody knows, which counts as overdue.",
        lambda adom: adom.oldest_stale_grant_at,
    )
    yield gauge(
        "guard_holds", "Changes the guard keeps until a human approves.", lambda a: a.guard_holds
    )
    yield gauge(
        "stopped",
        "1 while 'fmgsync stop' keeps the ADOM from being written and installed.",
        lambda adom: float(adom.stopped),
    )
    yield gauge("leader", "1 while this replica works on the ADOM.", lambda a: float(a.leader))
    yield gauge(
        "window_open",
        "1 while an install may start on at least one device of the ADOM.",
        lambda adom: None if adom.window_open is None else float(adom.window_open),
    )
    yield _gauge(
        "rollout_held",
        "1 while nothing of the ADOM is installed until a person has looked, by reason.",
        [
            # Of the replica that works on it alone: what the others know is of yesterday.
            (
                {**labels, "reason": kind.value},
                float(adom.leader and adom.rollout.held == kind.value),
            )
            for labels, adom in rows
            for kind in HoldKind
        ],
    )
    yield gauge(
        "failed_devices",
        "Devices on which an install failed, or was not proven; at risk until somebody resumes.",
        lambda adom: adom.rollout.failed,
    )
    yield gauge(
        "blocked_devices",
        "Devices held back by other people's pending edits, or never installed before.",
        lambda adom: adom.rollout.blocked,
    )
    yield gauge(
        "open_installs",
        "Devices on which an install was started, and how it ended is not known yet.",
        lambda adom: adom.rollout.open,
    )
    yield gauge(
        "oldest_open_install_timestamp_seconds",
        "When the oldest of these was started.",
        lambda adom: adom.rollout.oldest_open_at,
    )
    yield gauge(
        "missed_windows",
        "Windows that have opened and closed over a device that still waits for its install.",
        lambda adom: adom.rollout.missed_windows,
    )
    yield gauge(
        "drifted_devices",
        "Devices that hold other members than FortiManager believes, when last asked.",
        lambda adom: adom.devices.drifted,
    )
    yield gauge(
        "unreachable_devices",
        "Devices that did not answer when last asked.",
        lambda adom: adom.devices.unreachable,
    )
    yield gauge(
        "approvals_waiting",
        "Digests that 'fmgsync approve' would let through.",
        lambda adom: adom.devices.approvals,
    )
    yield _gauge(
        "group_members",
        "Members that the rules ask for; the largest 2000 of an ADOM.",
        [
            ({**labels, "device": device, "group": group}, float(size))
            for labels, adom in rows
            for (device, group), size in sorted(adom.devices.sizes.items())
        ],
    )
    yield _gauge(
        "device_last_verified_timestamp_seconds",
        "When a device last proved that it holds what it should.",
        [
            ({**labels, "device": device}, at)
            for labels, adom in rows
            for device, at in sorted(adom.devices.verified_at.items())
        ],
    )
    yield _latencies(rows)
    passes = CounterMetricFamily("fmgsync_adom_passes", "Passes over the ADOM by result.")
    installs = CounterMetricFamily(
        "fmgsync_installs", "Installs per device by outcome, as the device itself proved it."
    )
    for labels, adom in rows:
        ends = (("success", adom.passes - adom.failures), ("failure", adom.failures))
        for result, count in ends:
            passes.add_sample(f"{passes.name}_total", {**labels, "result": result}, count)
        # All, from the start: a rate sees no step in a series that begins with its first one.
        for outcome in Outcome:
            at, count = {**labels, "outcome": outcome.value}, adom.installs.get(outcome, 0)
            installs.add_sample(f"{installs.name}_total", at, count)
    yield passes
    yield installs


def _latencies(rows: Iterable[tuple[Labels, AdomHealth]]) -> Metric:
    name = "fmgsync_event_to_device_seconds"
    text = "From a change being noticed to its proof on a device VDOM."
    family = HistogramMetricFamily(name, text)
    bounds = [*map(str, LATENCY_S), "+Inf"]
    for labels, adom in rows:
        found = adom.devices.latency
        buckets = list(zip(bounds, itertools.accumulate(found.counts), strict=True))
        one = HistogramMetricFamily(name, text, labels=tuple(labels))
        one.add_metric(tuple(labels.values()), buckets, found.sum_s)
        family.samples += one.samples
    return family


def _gauge(
    name: str, text: str, values: Iterable[tuple[Labels, float | None]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"fmgsync_{name}", text)
    for labels, value in values:
        if value is not None:
            family.add_sample(family.name, _shown(labels), value)
    return family


def _shown(labels: Labels) -> Labels:
    """Others name devices, and whoever reads metrics may do so in a terminal."""
    return {
        name: untrusted.safe_text(untrusted.shortened(redaction.hide(text), _LABEL_MOST))
        for name, text in labels.items()
    }

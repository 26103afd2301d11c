"""A running controller's records as health and as a status result."""

from __future__ import annotations

from collections.abc import Iterable

import fmgsync
from fmgsync.daemon import figures
from fmgsync.daemon.adom_record import AdomRecord
from fmgsync.daemon.loop import Controller
from fmgsync.daemon.workload_tracker import ClusterRecord
from fmgsync.model.health import AdomHealth, ClusterHealth, ServiceHealth
from fmgsync.model.view import StaleGrant
from fmgsync.passes.result import Result

UNKNOWN = 0.0
"""Since when a grant is stale whose memory was lost: so long that every bound has passed."""


def health(controller: Controller) -> ServiceHealth:
    """How the controller is doing now."""
    return ServiceHealth(
        fmgsync.__version__,
        controller.beat_ago_s,
        tuple(_adom(controller, record) for record in controller.adoms),
        tuple(_cluster(controller, record) for record in controller.clusters),
        config_loaded_at=controller.loaded_at,
        config_failures=controller.refused_configs,
        asked_at=controller.now,
    )


def result(controller: Controller) -> Result:
    """What the latest pass over each ADOM saw, as `status` shows it."""
    found = [record.result for record in controller.adoms if record.result is not None]
    zone = controller.world.terms.calendar.zone
    return Result(controller.workloads, found, controller.stops, zone)


def _adom(controller: Controller, record: AdomRecord) -> AdomHealth:
    latest = record.result
    survey = latest.survey if latest else None
    grants = [grant for view in latest.views for grant in view.stale_grants] if latest else []
    return AdomHealth(
        record.ref,
        answered=record.last_success_at is not None,
        last_success_at=record.last_success_at,
        passes=record.passes,
        failures=record.failures,
        pending_devices=len(survey.pending) if survey else 0,
        stale_grants=len(grants),
        oldest_stale_grant_at=oldest(grants),
        guard_holds=len(latest.seen.plan.held) if latest and latest.seen else 0,
        installs=record.installs,
        leader=controller.leads(record.ref),
        elsewhere=controller.elsewhere(record.ref),
        window_open=controller.window_open(record),
        error=record.error,
        rollout=controller.rollout_health(record),
        devices=figures.devices_health(record),
        stopped=any(stop.covers(record.ref) for stop in controller.stops),
    )


def oldest(grants: Iterable[StaleGrant]) -> float | None:
    """Since when the oldest is known; None without any."""
    return min((UNKNOWN if g.since is None else g.since for g in grants), default=None)


def _cluster(controller: Controller, record: ClusterRecord) -> ClusterHealth:
    found = record.difference
    return ClusterHealth(
        record.cluster,
        record.needs,
        found.synced if found else frozenset(),
        record.was_synced,
        tuple(f"{p.where}: {p.message}" for p in found.problems) if found else (),
        controller.hearing(record.cluster),
    )

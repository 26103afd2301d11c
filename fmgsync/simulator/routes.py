"""Everything the simulator answers, in one table."""

from __future__ import annotations

from fmgsync.simulator import (
    devicedb,
    devicegroups,
    diff,
    dvmcmd,
    dvmdb,
    globaldb,
    history,
    install,
    objects,
    partial,
    policies,
    preview,
    proxy,
    resources,
    revisions,
    schedule,
    settings,
    status,
    system,
    taskapi,
    whereused,
    workflow,
    workspace,
)
from fmgsync.simulator.route import Router


def make_router() -> Router:
    """A router over all routes."""
    parts = (
        devicedb,
        devicegroups,
        diff,
        dvmcmd,
        dvmdb,
        globaldb,
        history,
        install,
        objects,
        partial,
        policies,
        preview,
        proxy,
        resources,
        revisions,
        schedule,
        settings,
        status,
        system,
        taskapi,
        whereused,
        workflow,
        workspace,
    )
    return Router(route for part in parts for route in part.ROUTES)

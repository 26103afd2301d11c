"""Everything the simulator answers, in one table."""

from __future__ import annotations

from fmgsync.simulator import (
    devicedb,
    dvmdb,
    install,
    objects,
    packages,
    policies,
    proxy,
    status,
    system,
    taskapi,
    workflow,
    workspace,
)
from fmgsync.simulator.route import Router


def make_router() -> Router:
    """A router over all routes."""
    parts = (
        system,
        dvmdb,
        workspace,
        workflow,
        objects,
        packages,
        policies,
        status,
        install,
        taskapi,
        devicedb,
        proxy,
    )
    return Router(route for part in parts for route in part.ROUTES)

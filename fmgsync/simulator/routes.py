"""Everything the simulator answers, in one table."""

from __future__ import annotations

from typing import Final

from fmgsync.simulator import (
    assigning,
    devicecmd,
    devicedb,
    devicegroups,
    diff,
    dvmcmd,
    dvmdb,
    globaldb,
    ha,
    history,
    hitcounts,
    install,
    objects,
    partial,
    pblocks,
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

_PARTS: Final = (
    assigning,
    devicecmd,
    devicedb,
    devicegroups,
    diff,
    dvmcmd,
    dvmdb,
    globaldb,
    ha,
    history,
    hitcounts,
    install,
    objects,
    partial,
    pblocks,
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
ROUTER: Final = Router(route for part in _PARTS for route in part.ROUTES)

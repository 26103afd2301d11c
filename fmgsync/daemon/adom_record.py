"""What a controller knows of one ADOM's passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fmgsync.model.health import Latency
from fmgsync.model.rollout import Outcome
from fmgsync.model.target import DeviceVdom, TargetRef
from fmgsync.passes.result import Pass


@dataclass(frozen=True, slots=True)
class AdomRecord:
    """What is known of one ADOM's passes; instants in UTC epoch seconds. `unreached` counts the
    latest passes that did not get through to FortiManager, None before the first since the ADOM
    became ours."""

    ref: TargetRef
    result: Pass | None = None
    last_pass_at: float | None = None
    last_success_at: float | None = None
    passes: int = 0
    failures: int = 0
    error: str | None = None
    installs: Mapping[Outcome, int] = field(default_factory=dict)
    pending_since: Mapping[DeviceVdom, float] = field(default_factory=dict)
    unreached: int | None = None
    verified_at: Mapping[DeviceVdom, float] = field(default_factory=dict)
    latency: Latency = field(default_factory=Latency)

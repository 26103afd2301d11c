"""`fmgsync cassette record` against a FortiGate without a FortiManager."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fmgsync.cli import cassette_taking, common
from fmgsync.errors import UsageError

if TYPE_CHECKING:
    from fmgsync.cli.cassette_taking import Wanted
    from fmgsync.recording.taking import Wishes


def is_meant(path: Path, wanted: Wanted) -> bool:
    """Whether one is to be asked: it is named, or the configuration has no FortiManager."""
    from fmgsync.settings.load import load_config

    if wanted.fortigate and wanted.fortimanager:
        raise UsageError("one recording is of one unit", next_step="name one of the two")
    config = load_config(path)
    only = bool(config.fortigates) and not config.fortimanagers and not wanted.fortimanager
    return bool(wanted.fortigate) or only


def record(options: common.Options, to: Path | None, wishes: Wishes, wanted: Wanted) -> int:
    """Run the scenarios there."""
    from fmgsync.clock import SystemClock
    from fmgsync.recording import suite
    from fmgsync.recording.adapter import Recording
    from fmgsync.wiring import lab_units

    if wanted.adom or wanted.devices or wanted.allow_install:
        raise UsageError(
            "--adom, --device and --allow-install are of a FortiManager",
            next_step="a FortiGate without one has --vdom",
        )
    recording = Recording()
    unit, vdom = lab_units.chosen(options.config, wanted.fortigate, wanted.vdom)
    scenarios = suite.chosen(wanted.scenarios, may_install=False, of=suite.DIRECT)
    more = ["what is written there is live at once; nothing uses it"]
    cassette_taking.confirm(
        options, wanted, f"VDOM {vdom} on {unit.name} ({unit.host})", scenarios, more
    )
    opened = lab_units.opened(
        unit,
        vdom,
        wanted.prefix,
        clock=SystemClock(),
        transport=recording.adapter,
        step=recording.step,
    )
    return cassette_taking.run(options, wanted, opened, scenarios, recording, to, wishes)

"""Lines on standard error beside the log: progress, and what went wrong; in the log's format."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from fmgsync import redaction
from fmgsync.untrusted import safe_text, shortened


def say(text: str, *, as_json: bool, level: str = "info") -> None:
    """One line; as JSON it looks like every other line of the log."""
    shown = "\n".join(map(shortened, redaction.hide(text).split("\n")))
    if as_json:
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        shown = json.dumps({"event": shown, "level": level, "timestamp": at})
    click.echo(shown if as_json else safe_text(shown, lines=True), err=True)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether the log is asked for as JSON, before anybody has read the options."""
    return any(
        here == "--log-format=json" or (here == "--log-format" and after == "json")
        for here, after in itertools.pairwise([*arguments, ""])
    )

"""Logging through structlog: fixed messages, fields as key=value, on standard error."""

from __future__ import annotations

import logging
import sys
import uuid
from typing import Literal

import structlog


def start_logging(verbose: int, log_format: Literal["text", "json"]) -> None:
    """Say what happens: warnings, INFO with -v, DEBUG with -vv. Every line carries the run's id.

    Only our own loggers speak: the log of pyFMG and urllib3 would show passwords and bodies.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    run = uuid.uuid4().hex[:12]

    def with_run(
        logger: object, method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        # Not by what is bound to the context alone: a thread begins with an empty one.
        return {"run": run, **event}

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            with_run,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.UnicodeDecoder(),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
        ),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    # For the audit, whose lines carry the same run.
    structlog.contextvars.bind_contextvars(run=run)


def only_errors() -> None:
    """Warnings are no news to whoever called."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

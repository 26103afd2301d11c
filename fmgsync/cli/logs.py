"""Logging through structlog: fixed messages, fields as key=value, on standard error.

Every line, tracebacks included, passes through the redaction of secrets; a traceback never shows
local variables, for they hold what no message does.
"""

from __future__ import annotations

import logging
import sys
import threading
import uuid
from typing import Final, Literal

import structlog

from fmgsync import redaction, untrusted

_MOST: Final = 64 * 1024
"""Characters of a line."""


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
            # Before any renderer sees an exception: by themselves they show local variables.
            structlog.processors.ExceptionRenderer(_without_locals),
            _without_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
        ),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    threading.excepthook = _thread_failed
    # For the audit, whose lines carry the same run.
    structlog.contextvars.bind_contextvars(run=run)


def only_errors() -> None:
    """Warnings are no news to whoever called."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def _without_locals(exc_info: structlog.typing.ExcInfo) -> str:
    return redaction.traceback_text(exc_info[1])


def _without_secrets(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return untrusted.within(redaction.hide_in(event), _MOST)


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is None or isinstance(failed.exc_value, SystemExit):
        return
    name = failed.thread.name if failed.thread is not None else "?"
    structlog.get_logger(__name__).error("thread failed", thread=name, exc_info=failed.exc_value)

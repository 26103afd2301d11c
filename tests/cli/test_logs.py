"""Log lines: one JSON object each, every one with the run it belongs to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
import structlog

from fmgsync.cli import logs


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    """Logging is configured for the whole process."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()


def test_a_line_of_any_thread_carries_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Threads do not inherit what is bound to the one that starts them."""
    logs.start_logging(1, "json")
    log = structlog.get_logger()
    log.info("here")
    other = threading.Thread(target=lambda: log.info("elsewhere", adom="prod"))
    other.start()
    other.join()
    here, elsewhere = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert elsewhere["run"] == here["run"]
    assert (elsewhere["event"], elsewhere["adom"]) == ("elsewhere", "prod")

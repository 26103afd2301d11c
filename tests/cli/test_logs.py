"""Log lines: one JSON object each, every one with the run it belongs to."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import structlog

import fmgsync
from fmgsync import errors, redaction
from fmgsync.cli import logs, main


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    """Logging is configured for the whole process."""
    before, hook = structlog.get_config(), threading.excepthook
    yield
    threading.excepthook = hook
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


SECRET = "tok-5ecret-of-logs"


def _fail(token: str) -> None:
    local = f"Bearer {token}"
    raise ValueError(f"Invalid header value {local.encode()!r}")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_unexpected_exception_shows_neither_variables_nor_secrets(
    capsys: pytest.CaptureFixture[str], log_format: Literal["text", "json"]
) -> None:
    """The console renderer by itself prints every local variable of every frame."""
    logs.start_logging(0, log_format)
    unknown = "only-in-a-variable"
    redaction.know(SECRET)
    log = structlog.get_logger()
    try:
        _fail(f"{SECRET}\n")
    except ValueError as error:
        log.exception("watch failed", cluster="east")
        log.warning("again", exc_info=error, more={"why": [str(error)]}, raw=error)
    said = capsys.readouterr().err
    assert SECRET not in said
    assert unknown not in said
    assert "Invalid header value" in said
    assert "in _fail" in said
    assert redaction.SHOWN_INSTEAD in said


def test_an_exception_that_ends_a_thread_goes_through_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.start_logging(0, "json")
    redaction.know(SECRET)
    thread = threading.Thread(target=_fail, args=(SECRET,), name="doomed")
    thread.start()
    thread.join()
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["thread"]) == ("thread failed", "doomed")
    assert "in _fail" in line["exception"]
    assert SECRET not in line["exception"]


@pytest.mark.parametrize("text", ["admin", "token", "abc", ""])
def test_what_every_message_says_is_not_hidden(text: str) -> None:
    redaction.know(text)
    assert redaction.hide("the token of admin, abc") == "the token of admin, abc"


def test_tokens_that_are_renewed_for_years_do_not_pile_up() -> None:
    redaction.know("password-of-years")
    for number in range(3000):
        redaction.know_for_now(f"token-of-hour-{number}")
    assert redaction.hide("token-of-hour-2999") == redaction.SHOWN_INSTEAD
    assert redaction.hide("password-of-years") == redaction.SHOWN_INSTEAD
    assert redaction.hide("token-of-hour-0") == "token-of-hour-0"


def test_a_secret_is_hidden_in_every_form_a_library_shows() -> None:
    redaction.know('wörd "with\nall/of it', "-----BEGIN KEY-----\nMIIEabcd\n-----END KEY-----")
    redaction.know_login("ann", "pass-of-ann")
    for shown in (
        'wörd "with\nall/of it',
        repr('wörd "with\nall/of it'),
        repr('wörd "with\nall/of it'.encode()),
        "w%C3%B6rd%20%22with%0Aall%2Fof%20it",
        "MIIEabcd",
        "YW5uOnBhc3Mtb2YtYW5u",
    ):
        assert redaction.SHOWN_INSTEAD in redaction.hide(f"<{shown}>")


def test_no_logger_is_given_an_exception_itself() -> None:
    """Where logging was not started, as in somebody's tests, the renderer shows variables."""
    found = [
        f"{path}:{number}"
        for path in sorted(Path(fmgsync.__file__).parent.rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"_log\.exception\(|exc_info=(?!failed\.)", line)
    ]
    assert found == []


@pytest.mark.parametrize("output", ["text", "json"])
def test_an_error_that_is_told_holds_no_secret(
    capsys: pytest.CaptureFixture[str], output: str
) -> None:
    redaction.know("wörd-of-ann")
    error = errors.UsageError("cannot use wörd-of-ann", where="wörd-of-ann", next_step="no")
    main._tell(error, as_json=output == "json")
    said = "".join(capsys.readouterr())
    assert "of-ann" not in said
    assert said.count(redaction.SHOWN_INSTEAD) == 2

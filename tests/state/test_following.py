"""What is known of the state's ConfigMap after what a watch and answers told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pytest
from structlog.testing import capture_logs

from fmgsync import errors
from fmgsync.kube.changes import Began, Heard, Interrupted, Listed, Removed, Synced, Upserted
from fmgsync.kube.client import ApiSession
from fmgsync.kube.listing import Garbled
from fmgsync.state import following as module
from fmgsync.state.following import Content, Following, Known, Metadata

PATIENCE_S = 90.0


def content(version: str) -> Content:
    return Content(Metadata(version))


def told(*changes: object) -> Callable[[Following], None]:
    def tell(following: Following) -> None:
        for change in changes:
            following._apply(change)

    return tell


def noted(version: str | None) -> Callable[[Following], None]:
    return lambda following: following.note(None if version is None else content(version))


LISTED = told(Began(), Listed((content("5"),)), Synced())
GARBLED = Garbled("fmgsync", "fmgsync-state", "no text")
UNKNOWN = "?"
ROWS: dict[str, tuple[list[Callable[[Following], None]], str | None]] = {
    "nothing was told": ([], UNKNOWN),
    "a listing that goes on": ([told(Began(), Listed((content("5"),)))], UNKNOWN),
    "there is none": ([told(Began(), Synced())], None),
    "there is one": ([LISTED], "5"),
    "in several parts": ([told(Began(), Listed((content("5"),)), Listed(()), Synced())], "5"),
    "a listing that began anew": (
        [told(Began(), Listed((content("5"),)), Began(), Synced())],
        None,
    ),
    "the old one counts while it is listed": ([LISTED, told(Began(), Listed(()))], "5"),
    "an older one after a restore": (
        [LISTED, told(Began(), Listed((content("4"),)), Synced())],
        "4",
    ),
    "news": ([LISTED, told(Heard(), Upserted(content("10")))], "10"),
    "news that are none": ([LISTED, told(Upserted(content("4")))], "5"),
    "it is gone": ([LISTED, told(Removed(content("6")))], None),
    "it is gone, and comes back": ([LISTED, told(Removed(content("6"))), noted("4")], "4"),
    "the watch broke": ([LISTED, told(Interrupted(errors.SourceUnavailable("cut")))], UNKNOWN),
    "and began anew": ([told(Interrupted(errors.SourceUnavailable("cut"))), LISTED], "5"),
    "it cannot be read": ([LISTED, told(GARBLED)], UNKNOWN),
    "it cannot be read in a listing": (
        [LISTED, told(Began(), Listed((), (GARBLED,)), Synced())],
        UNKNOWN,
    ),
    # Else whoever asks would be told that there is none: no stop, no approval, no rollout.
    "nor when the listing has ended": ([told(Began(), Listed((), (GARBLED,)), Synced())], UNKNOWN),
    "nor when more was listed": (
        [told(Began(), Listed((), (GARBLED,)), Listed(()), Synced())],
        UNKNOWN,
    ),
    "nor where a listing comes one by one": ([told(Began(), GARBLED, Synced())], UNKNOWN),
    "it can be read again": ([told(Began(), GARBLED, Synced()), LISTED], "5"),
    "a write of ours": ([LISTED, noted("6")], "6"),
    "a write of ours as it is": ([LISTED, told(Upserted(content("6"))), noted("6")], "6"),
    "an answer that came late": ([LISTED, told(Upserted(content("10"))), noted("9")], "10"),
    "an answer that there is none": ([LISTED, noted(None)], None),
    "a version that is no number": ([LISTED, noted("x"), noted("3")], "3"),
    "an answer alone is not followed": ([noted("6")], UNKNOWN),
    "it was stopped": ([LISTED, Following.stop], UNKNOWN),
    "it was stopped while it was listed": ([Following.stop, LISTED], UNKNOWN),
}


@pytest.mark.parametrize("why", ROWS)
def test_what_is_known(why: str) -> None:
    steps, version = ROWS[why]
    following = Following(cast(ApiSession, None), "fmgsync", "fmgsync-state")
    for step in steps:
        step(following)
    if version == UNKNOWN:
        assert following.known() is None
    else:
        assert following.known() == Known(None if version is None else content(version))


def test_the_same_version_told_again_counts() -> None:
    """What a write was answered and what the watch tells of it are the same."""
    following = Following(cast(ApiSession, None), "fmgsync", "fmgsync-state")
    LISTED(following)
    again = Content(Metadata("5"), {"a": "b"})
    following.note(again)
    assert following.known() == Known(again)


def test_why_it_is_not_followed_is_told_once_and_a_defect_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever asks then asks the API server; the process does not wait for the thread."""
    asked, goes_on = threading.Event(), threading.Event()
    closed: list[bool] = []

    def changes() -> Iterator[object]:
        for why in ("cut", "cut", "away", "cut"):
            yield Interrupted(errors.SourceUnavailable(why))
        yield from (Began(), Listed((content("5"),)), Synced())
        asked.set()
        assert goes_on.wait(PATIENCE_S)
        raise KeyError("odd")

    watch = SimpleNamespace(changes=changes)
    monkeypatch.setattr(module, "Watch", lambda *_, **__: watch)
    session = cast(ApiSession, SimpleNamespace(close=lambda: closed.append(True)))
    following = Following(session, "fmgsync", "fmgsync-state")
    with capture_logs() as log:
        following.start()
        (thread,) = (one for one in threading.enumerate() if one.name == "state")
        assert thread.daemon
        assert asked.wait(PATIENCE_S)
        assert (following.known(), closed) == (Known(content("5")), [])
        goes_on.set()
        thread.join(PATIENCE_S)
    assert [line["why"] for line in log if "why" in line] == ["cut", "away", "cut"]
    assert log[-1]["event"] == "following the state failed"
    assert "KeyError: 'odd'" in log[-1]["exception"]
    assert (following.known(), closed) == (None, [True])

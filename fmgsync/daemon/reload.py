"""Keeps a controller running across changes of its configuration.

When the configuration, a secret, a CA file or a kubeconfig changes, a new controller is built and
takes over at once, with all that is still true of what the old one knew. An ADOM with a running
pass follows when that has ended. A version that cannot be built is refused and reported; the old
one stays in force.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import structlog

from fmgsync import errors, redaction
from fmgsync.daemon.loop import Controller

RELOAD_POLL_S = 5.0

_WRITTEN_S = 1.0
"""What has not changed for so long is written to its end: the first half of a configuration may be
a whole one, with fewer rules and without its limits."""

_log = structlog.get_logger(__name__)

Build = Callable[[Controller | None], Controller]
"""Reads the configuration and everything it refers to; raises what is wrong with it. Is given the
controller that the new one is to succeed."""


class Supervisor:
    """Runs one controller after the other. `files` are what a controller was built from;
    `elsewhere` stands for what else it was, None where that cannot be told now."""

    def __init__(
        self,
        build: Build,
        files: Callable[[], Iterable[Path]],
        elsewhere: Callable[[], object] = lambda: None,
    ) -> None:
        self._build = build
        self._files = files
        self._stamps = _stamps(files())
        self._elsewhere = elsewhere
        self._seen = elsewhere()
        self.controller = build(None)
        self._next: Controller | None = None
        self._stopping = threading.Event()

    def run(self) -> bool:
        """Until `stop`. False if a pass was still running when the time was up."""
        # A new controller's audit carries the same run, which is bound to this thread's context.
        watch = partial(contextvars.copy_context().run, self._watch)
        threading.Thread(target=watch, name="reload", daemon=True).start()
        while True:
            self.controller.follow()
            following, self._next = self._next, None
            if self._stopping.is_set() or following is None:
                return self.controller.end()
            following.succeed(self.controller)
            self.controller = following

    def stop(self) -> None:
        """End the running controller, and the one that may be about to succeed it."""
        self._stopping.set()
        self.controller.stop()

    def _watch(self) -> None:
        """What cannot be looked at now is looked at again: whoever ends here would let every later
        change pass unseen, while the controller works on."""
        told = ""
        while not self._stopping.wait(RELOAD_POLL_S):
            try:
                self._look()
                told = ""
            except errors.FmgsyncError as error:
                if str(error) != told:
                    _log.warning("configuration cannot be read now", why=str(error))
                told = str(error)
            except Exception as error:
                text = redaction.traceback_text(error)
                _log.error("configuration not looked at", exception=text)

    def _look(self) -> None:
        seen = self._elsewhere() or self._seen
        if seen != self._seen:
            self._seen = seen
            self._reload()
        elif (now := _stamps(self._stamps)) != self._stamps:
            self._stopping.wait(min(_WRITTEN_S, RELOAD_POLL_S))
            if _stamps(self._stamps) != now:
                return
            # From before the files are read: what changes meanwhile is seen the next time.
            self._stamps = _stamps(self._files())
            self._reload()

    def _reload(self) -> None:
        try:
            new = self._build(self.controller)
        except errors.FmgsyncError as error:
            self.controller.refused_configs += 1
            _log.error("configuration refused, the old one stays in force", why=str(error))
            return
        new.refused_configs = self.controller.refused_configs
        self._next = new
        _log.info("configuration changed")
        self.controller.finish()


def _stamps(files: Iterable[Path]) -> Mapping[Path, object]:
    """What changes when a file does; Kubernetes swaps a mounted one by a symbolic link."""
    found: dict[Path, object] = {}
    for path in files:
        try:
            status = path.stat()
            found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError as error:
            found[path] = error.errno
    return found

"""When reference cycles are looked for: at moments of our own choosing.

Pods, addresses and what is known of an ADOM are hundreds of thousands of objects that stay. Python
walks all of them whenever their number has grown by a quarter, which several passes a minute make
it do, and every thread waits meanwhile, the renewal of Leases included. Young objects are looked at
as always.
"""

from __future__ import annotations

import gc

EVERY_S = 600.0
_NEVER = 1_000_000
_USUAL = gc.get_threshold()
"""As this process began: read later, it may be what another controller has set for its time."""


class Heap:
    """The garbage collector while a controller runs; for one thread."""

    def __init__(self) -> None:
        self._tidied_at: float | None = None

    @property
    def settled(self) -> bool:
        """Whether what stays has been set apart."""
        return self._tidied_at is not None

    def keep(self, now: float, *, ready: bool, tidy: bool) -> None:
        """Settle once what stays is `ready`; later look through the rest, once in a while."""
        if self.settled:
            self.tidy(now)
        elif ready:
            self.settle(now, tidy=tidy)

    def settle(self, now: float, *, tidy: bool) -> None:
        """What is there now stays and is not walked again; with `tidy` only what is in use.

        `now` in any seconds.
        """
        if tidy:
            gc.collect()
        gc.freeze()
        gc.set_threshold(*_USUAL[:2], _NEVER)
        self._tidied_at = now

    def tidy(self, now: float) -> None:
        """Look through what has come since, once in a while."""
        if self._tidied_at is not None and now - self._tidied_at >= EVERY_S:
            gc.collect()
            self._tidied_at = now

    def release(self) -> None:
        """Leave everything to Python again, if it was not."""
        if self.settled:
            gc.unfreeze()
            gc.set_threshold(*_USUAL)
            self._tidied_at = None

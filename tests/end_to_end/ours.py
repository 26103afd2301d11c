"""How fmgsync runs in the machine that does everything: as `apply`, or as a controller whose passes
are made one by one. Each is held against everything the witness knows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from fmgsync import errors
from fmgsync.daemon import service_health
from fmgsync.daemon.worker import AdomWorker
from fmgsync.passes import once
from fmgsync.passes.result import Result
from fmgsync.serve.metrics import Metrics
from fmgsync.wiring import wiring
from tests.end_to_end.killing import Killed
from tests.end_to_end.middlebox import Deadly
from tests.end_to_end.mixed import Mixed
from tests.end_to_end.piloting import Pilot
from tests.end_to_end.witness import Witness


class Ours:
    """Whatever there is of fmgsync; `counts` is what it went through."""

    def __init__(
        self,
        estate: Mixed,
        box: Deadly,
        witness: Witness,
        dice: random.Random,
        counts: Counter[str],
    ) -> None:
        self._estate, self._box, self._witness, self._counts = estate, box, witness, counts
        self.pilot = Pilot(estate, box, self._pass, dice)

    def run(self, install: str, *, quiet: bool) -> Result | None:
        """What `apply` does; where a controller works, it does by itself what is due."""
        self._box.quiet, self._box.was_troubled = quiet, False
        if self._estate.choice.follows and install == "window":
            return self._turn()
        self._counts["runs"] += 1
        self._witness.begins(now=install == "now", may_install=install != "never")
        result, error, killed = None, "", False
        try:
            result = self._apply(install)
        except errors.FmgsyncError as found:
            error = str(found)
        except Killed:
            self._counts["kills"] += 1
            killed = True
        self._box.close()  # the system closes a dead process's connections
        self._witness.ends(result, error, killed=killed, troubled=self._box.was_troubled)
        return result

    def _apply(self, install: str) -> Result:
        world = wiring.make_world(
            self._estate.path,
            command=f"apply --install {install}",
            clock=self._estate.host,
            state_dir=self._estate.folder / "state",
            transport=lambda access: self._box,
        )
        return once.apply(world, install=install != "never")

    def _turn(self) -> Result | None:
        before = self.pilot.reloads
        try:
            self.pilot.turn()
        except errors.FmgsyncError:
            return None  # it does not start with this configuration
        except Killed:
            self._counts["kills"] += 1
            self.pilot.die()
        finally:
            self._box.close()
        self._counts["reloads"] += self.pilot.reloads - before
        controller = self.pilot.controller
        return service_health.result(controller) if controller is not None else None

    def _pass(self, worker: AdomWorker, make: Callable[[], None]) -> None:
        self._counts["passes"] += 1
        controller = self.pilot.controller
        assert controller is not None
        self._box.was_troubled = False
        self._witness.begins(now=False, may_install=True, is_deposed=lambda: self.pilot.is_deposed)
        try:
            make()
        except Killed:
            self._witness.ends(None, "", killed=True, troubled=self._box.was_troubled)
            raise
        record = worker.record
        assert "internal error" not in (record.error or ""), self._witness.log.getvalue()
        seen = [record.result] if record.result is not None else []
        shown = Metrics(lambda: service_health.health(controller)).text().decode()
        self._witness.ends(
            Result(controller.workloads, seen),
            record.error or "",
            killed=False,
            troubled=self._box.was_troubled or self.pilot.is_deposed,
            shown=shown,
        )

"""Somebody may set the clock that tells the time. So it is read where a moment counts that others
know as well; how long something takes or lasts is measured by the steady one."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.rooms import PACKAGE, files

ROOMS = ("cli", "daemon", "doctor", "kube", "leases", "passes", "serve", "sources", "state")
MOMENTS = {
    "cli/approve.py": "when a person has approved",
    "cli/cassette_compare.py": "the simulator's own clock",
    "cli/demo.py": "the demo's own clock, which nobody sets",
    "cli/lab_story.py": "the demo's own clock, which nobody sets",
    "cli/plan.py": "when a plan was saved",
    "cli/rollout_story.py": "the demo's own clock, which nobody sets",
    "cli/story.py": "the demo's own clock, which nobody sets",
    "cli/windows.py": "which windows are open",
    "daemon/approval_watch.py": "which approvals count still",
    "daemon/loop.py": "when the configuration was loaded; what time it is, for whoever asks",
    "daemon/worker.py": "when windows open; a clock set back makes a pass due at once",
    "doctor/doctor.py": "the year, and whether units are of the same time",
    "passes/guard_memory.py": "what the guard remembers",
    "passes/install_context.py": "since when devices are held back",
    "passes/judgement.py": "since when something is stale",
    "passes/look_ahead.py": "which approvals count still",
    "passes/once.py": "when a rollout follows",
    "passes/perform.py": "when a pass goes on, which may be when a window opens",
    "passes/recipe.py": "when something was shown",
    "passes/resume.py": "when a pass goes on",
    "passes/rollout_book.py": "from when times count that lay ahead",
    "passes/run.py": "what is written down, and which windows are open",
    "passes/turns.py": "when a turn goes on, which may be when a window opens",
    "passes/world.py": "which windows are open",
    "passes/wrong_clock.py": "which times lie ahead",
    "serve/http.py": "for whoever reads it",
    "state/rollouts.py": "which times lie ahead",
    "targets/fortigate/diagnose.py": "whether the unit is of the same time",
    "targets/fortimanager/diagnose.py": "whether the unit is of the same time",
    "targets/fortimanager/install.py": "when a task was started; how long ago the unit says it was",
    "targets/fortimanager/target.py": "how old a submission is",
    "wiring/memories.py": "when somebody said stop",
}
"""Where the time of day is asked for, and for which moment."""


def readers(*rooms: str) -> Iterator[str]:
    """Modules that ask a clock what time it is."""
    for path in files(*rooms):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == "now" and _is_clock(node.value):
                yield str(path.relative_to(PACKAGE))


def _is_clock(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return str(name).endswith("clock")


def test_the_time_of_day_is_read_for_moments_only() -> None:
    """Whoever adds one says which moment it is; a wait, a limit or an age is none."""
    assert set(readers(*ROOMS, "targets", "wiring", "recording")) == set(MOMENTS)


@pytest.mark.parametrize("room", ["targets", "sources", "passes", "kube", "leases"])
def test_nobody_asks_the_system_behind_the_clock(room: str) -> None:
    """`time.time()` is for what is written into objects of others, and is handed in there."""
    for path in files(room):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("time.time", "datetime.now"), path

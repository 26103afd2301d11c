"""`python -m tests.mutants fmgsync.state.stops [tests/state]`: what no test notices.

The functions of the module are changed one place at a time; each change runs in a fork of this
process, in which the tests are collected, with only the tests that go through its function.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import pytest

from tests.mutants.judging import Judge

ROOT = Path(__file__).parents[2]


def main() -> int:
    """1 if a change was noticed by no test."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("module")
    parser.add_argument("tests", nargs="*", help="else those of the module's room")
    parser.add_argument("--every", type=int, default=1, help="each how manieth change")
    parser.add_argument("--only", default="", help="functions whose name holds this")
    parser.add_argument("--seconds", type=float, default=1.0, help="of slower tests none is asked")
    parser.add_argument("--random", action="store_true", help="ask tests of any input as well")
    wanted = parser.parse_args()
    # Not imported here: that is for the tests to do.
    path = ROOT / f"{wanted.module.replace('.', '/')}.py"
    if not path.exists():
        parser.error(f"there is no module {wanted.module}")
    room = ROOT / "tests" / path.relative_to(ROOT / "fmgsync").parent
    judge = Judge(path, wanted.every, wanted.only, wanted.seconds, random=wanted.random)
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.exists() else None) as folder:
        told = pytest.main(
            [
                *("-q", "--no-header", "--no-summary", "-s"),
                *("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:faulthandler"),
                *("--basetemp", f"{folder}/tests"),
                *(wanted.tests or [str(room)]),
            ],
            plugins=[judge],
        )
    if not judge.judged:
        return int(told) or 2
    return 1 if judge.left else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.fuzz [--seconds 60] [TARGET...]`: for so long each, and how many inputs it were.

Where atheris is installed (`pip install atheris`) it looks for inputs that reach new code; without
it, whole texts are broken at random.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import tally
from tests.fuzz import corpus

LONGEST_S = 10.0


def main() -> int:
    """1 if anything but our errors came of an input."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*")
    wanted = parser.parse_args()
    if wanted.one:
        one(wanted.names[0], wanted.seconds)
        return 0
    failed = 0
    for name in wanted.names or corpus.WHOLE:
        words = [sys.executable, "-m", "tests.fuzz", "--one", "--seconds", str(wanted.seconds)]
        failed |= subprocess.run([*words, name], check=False).returncode
    return 1 if failed else 0


def one(name: str, seconds: float) -> None:
    """One target; this process ends with the time, or with the first finding."""
    ends_at, count = time.monotonic() + seconds, 0
    atheris = _instrumented()
    from tests.fuzz import targets

    def strike(raw: bytes) -> None:
        nonlocal count
        began = time.process_time()
        if time.monotonic() > ends_at:
            sys.stdout.write(f"{name}: {count:,} inputs{' (atheris)' if atheris else ''}\n")
            sys.stdout.flush()
            tally.note("hostile", inputs=count)
            os._exit(0)
        try:
            targets.strike(name, raw)
            assert time.process_time() - began < LONGEST_S, "it takes too long"
        except BaseException:
            sys.stdout.write(f"{name}: finding with {raw[:2000]!r}\n{traceback.format_exc()}\n")
            sys.stdout.flush()
            os._exit(1)
        count += 1

    if atheris is None:
        dice = random.Random(time.time())
        while True:
            strike(corpus.broken(name, dice))
    _guided(atheris, name, strike)


def _instrumented() -> Any:
    """atheris, with the product imported under its eyes."""
    try:
        import atheris
    except ImportError:
        return None
    with atheris.instrument_imports(include=["fmgsync"]):
        from tests.fuzz import targets

        assert targets
    return atheris


def _guided(atheris: Any, name: str, strike: Callable[[bytes], None]) -> None:
    folder = tempfile.mkdtemp(prefix="fmgsync-corpus-")
    dice = random.Random(1)
    for number, text in enumerate(corpus.WHOLE[name]):
        Path(folder, f"whole-{number}").write_bytes(text)
    for number in range(50):
        Path(folder, f"broken-{number}").write_bytes(corpus.broken(name, dice))
    words = [sys.argv[0], folder, "-verbosity=0", "-print_final_stats=0", "-max_len=100000"]
    atheris.Setup(words, strike)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())

"""What tests went through, counted: the figures of docs/reliability.md are made of this.

A test says `tally.note("kills", runs=1, requests=20)`. The counts of one part are added up, over
tests and over the processes that run them; without FMGSYNC_TALLY nothing is kept.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

FILE = "FMGSYNC_TALLY"
"""Environment: the file that counts are appended to, one JSON line each."""


def note(part: str, **counts: int) -> None:
    """Add to a part's counts; an underscore in a name stands for a space."""
    path = os.environ.get(FILE)
    if path:
        found = {name.replace("_", " "): count for name, count in counts.items()}
        # One short write to a file that is only appended to: other processes do not cut in.
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"part": part, "counts": found}) + "\n")


def read(path: Path) -> dict[str, Counter[str]]:
    """The sums by part."""
    found: dict[str, Counter[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        told = json.loads(line)
        found.setdefault(told["part"], Counter()).update(told["counts"])
    return found

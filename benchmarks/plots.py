"""SVG plots that render alike everywhere and show in a diff what has changed. Needs matplotlib:
`pip install -e '.[plots]'`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot, rcsetup

COLORS = ("#1b6ca8", "#d1495b", "#3a7d44", "#7a5195")


@contextmanager
def plot(path: Path, rows: int = 1, *, height: float = 4.2) -> Iterator[Any]:
    """Axes to draw on, one below the other with `rows`; written to `path` at the end."""
    mpl.rcParams.update(
        {
            "svg.hashsalt": path.name,
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#dddddd",
            "axes.axisbelow": True,
            "axes.prop_cycle": rcsetup.cycler("color", COLORS),
        }
    )
    figure, axes = pyplot.subplots(rows, 1, figsize=(7.5, height), sharex=rows > 1)
    try:
        yield axes
        figure.tight_layout()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
    finally:
        pyplot.close(figure)

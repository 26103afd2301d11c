"""What the deployment consists of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.deployment import places
from tests.deployment.places import CHART, Manifest

EVERYTHING = Path(__file__).parent / "everything"
IMAGE = places.ROOT / "Containerfile"


def rendered(
    values: dict[str, Any], *, name: str = "fmgsync", namespace: str = "fmgsync"
) -> tuple[Manifest, ...]:
    """What the chart makes of these values, by Helm's own library."""
    import helm_python

    with helm_python.Chart.load(CHART) as chart:
        files = chart.render(values, name=name, namespace=namespace)
    return tuple(
        each
        for path, text in files.items()
        if path.endswith(".yaml")
        for each in places.parse(text)
    )


def instructions(name: str) -> list[str]:
    joined = IMAGE.read_text().replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in joined.splitlines() if line.startswith(name)]

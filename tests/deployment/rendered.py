"""What the deployment consists of."""

from __future__ import annotations

from pathlib import Path

from tests.deployment import places

EVERYTHING = Path(__file__).parent / "everything"
IMAGE = places.ROOT / "Containerfile"


def instructions(name: str) -> list[str]:
    joined = IMAGE.read_text().replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in joined.splitlines() if line.startswith(name)]

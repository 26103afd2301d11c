"""Where the product's modules lie."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fmgsync"


def files(*rooms: str) -> list[Path]:
    """All modules of these rooms."""
    found = [path for room in rooms for path in sorted((PACKAGE / room).rglob("*.py"))]
    assert found, f"no files in {rooms}: the rule would hold for nothing"
    return found

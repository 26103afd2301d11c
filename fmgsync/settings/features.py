"""The commands by name, as far as it matters which one works with a configuration."""

from __future__ import annotations

from typing import Final

APPLY_NEVER: Final = "apply --install never"
APPLY_NOW: Final = "apply --install now"
APPLY_WINDOW: Final = "apply --install window"
STATUS: Final = "status"
RUN: Final = "run"
ADOPT: Final = "adopt"
CLEANUP: Final = "cleanup"
ROLLOUT: Final = "rollout"

OWNERSHIP: Final = frozenset({ADOPT, CLEANUP})
"""They change whose objects are, or that there are any."""
APPLIES: Final = frozenset({APPLY_NEVER, APPLY_NOW, APPLY_WINDOW}) | OWNERSHIP

"""How a validator refuses a value: one sentence, what to write instead, never a secret."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pydantic_core import PydanticCustomError


def refuse(message: str, next_step: str | None = None) -> PydanticCustomError:
    """What a validator raises; `problems` turns it into a ConfigProblem."""
    return PydanticCustomError(
        "fmgsync", "{message}", {"message": message, "next_step": next_step or ""}
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing when nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def shown(value: object) -> str:
    """A value in a message, cut when long; text in quotes."""
    text = value if isinstance(value, str) else str(value)
    cut = text if len(text) <= 60 else f"{text[:60]}..."
    return repr(cut) if isinstance(value, str) else cut

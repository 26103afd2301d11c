"""Plans held against the published schema."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from fmgsync.cli import plan_schema


def unknown(part: object, where: str = "plan") -> list[str]:
    """Keys of a document that the schema does not name."""
    if isinstance(part, list):
        return [name for each in part for name in unknown(each, where)]
    if isinstance(part, dict):
        return [name for each in part.values() for name in unknown(each, where)]
    if not isinstance(part, BaseModel):
        return []
    found = [f"{where}.{name}" for name in part.model_extra or ()]
    for name in type(part).model_fields:
        found += unknown(getattr(part, name), f"{where}.{name}")
    return found


def checked(document: dict[str, Any]) -> list[str]:
    """Raises for what the schema forbids; names what it does not know."""
    return unknown(plan_schema.Plan.model_validate(document, strict=True))

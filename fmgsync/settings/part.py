"""What every part of the configuration has in common, and how a part becomes a mapping of keys."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """Frozen; unknown keys are errors; keys are camelCase in YAML and snake_case in Python.

    Defaults are validated, so that they are written here as people would write them. Errors never
    hold the input: it may be a password in the wrong place.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_default=True,
        hide_input_in_errors=True,
    )


def written(value: str | list[str]) -> Any:
    """A default as it would stand in the file; validation gives it the field's type."""
    return value


def one_of(*keys: str) -> dict[str, Any]:
    """JSON Schema: exactly one of these keys."""
    return {"oneOf": [{"required": [key]} for key in keys]}

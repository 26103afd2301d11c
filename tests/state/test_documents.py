"""What is remembered is looked at with editors and `kubectl get`: nothing in it acts there."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from fmgsync.state import records, rollouts, stale, stops
from fmgsync.state.documents import encoded

ROOM = Path(__file__).parents[2] / "fmgsync" / "state"


@pytest.mark.parametrize(
    "text",
    ["plain", "\x1b[31m", "\x9b2J", "\x7f", "\u202eevil\u2066", "\u2028\r\n\t", "\U0001f600", "\0"],
)
def test_any_text_is_kept_and_none_acts(text: str) -> None:
    made = encoded({"a": [text], text: 1})
    assert json.loads(made) == {"a": [text], text: 1}
    assert all(each == "\n" or " " <= each <= "~" for each in made)


def test_every_document_is_written_so() -> None:
    """Save the request to the API server, which carries texts that are."""
    for path in ROOM.glob("*.py"):
        if path.name not in ("documents.py", "configmap.py"):
            assert "json.encode(" not in path.read_text(), path


def test_every_number_with_a_fraction_in_a_state_is_bounded() -> None:
    """They are instants, which are told as dates; `past_s` are durations."""
    rows = [
        (kind, field)
        for module in (records, rollouts, stale, stops)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__struct_fields__
        for field in msgspec.structs.fields(kind)
    ]
    assert len(rows) > 50
    for kind, field in rows:
        if field.name != "past_s" and "float" in str(field.type):
            assert "le=253402214400" in str(field.type), f"{kind.__name__}.{field.name}"

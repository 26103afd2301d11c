"""What is remembered is looked at with editors and `kubectl get`: nothing in it acts there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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

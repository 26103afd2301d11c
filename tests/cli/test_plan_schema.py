"""The published schema of the plan says everything that a plan holds."""

from __future__ import annotations

import json
from pathlib import Path

from fmgsync.cli import plan_schema

PAGE = Path(__file__).parents[2] / "docs" / "plan.schema.json"


def test_the_schema_in_docs_is_the_one_that_is_printed() -> None:
    shown = json.loads(PAGE.read_text(encoding="utf-8"))
    assert shown == plan_schema.schema(), "fmgsync plan schema > docs/plan.schema.json"

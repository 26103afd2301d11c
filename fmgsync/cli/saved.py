"""A plan in a file: saved to be read, checked and then applied, or refused if it went stale."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from fmgsync import errors

_MOST = 256 * 1024 * 1024
VERSION = 1


def save(path: Path, document: dict[str, Any], *, now: float) -> None:
    """Write the plan's document with what `apply` needs to recognise it."""
    saved_at = datetime.fromtimestamp(now, UTC).isoformat()
    body = {"fmgsyncPlan": VERSION, "savedAt": saved_at, **document}
    try:
        path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise errors.UsageError(
            f"the plan cannot be saved: {error.strerror}", where=str(path)
        ) from error


def read(path: Path) -> dict[str, Any]:
    """A saved plan's document. Raises UsageError for a file that is none."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
        if len(content) > _MOST:
            raise no_plan(path, "it is too long")
        document = json.loads(content.decode())
    except OSError as error:
        raise errors.UsageError(
            f"the plan cannot be read: {error.strerror}", where=str(path)
        ) from error
    except (ValueError, RecursionError) as error:
        raise no_plan(path, "it is not JSON") from error
    version = document.get("fmgsyncPlan") if isinstance(document, dict) else None
    if not isinstance(version, int):
        raise no_plan(path, "it was not saved by 'fmgsync plan --save'")
    if version > VERSION:
        raise no_plan(path, "it was saved by a newer fmgsync")
    return cast("dict[str, Any]", document)


def read_digest(path: Path) -> str:
    """The digest of a saved plan. Raises UsageError for a file that is none."""
    digest = read(path).get("digest")
    if not isinstance(digest, str) or not digest:
        raise no_plan(path, "it has no digest")
    return digest


def no_plan(path: Path, why: str) -> errors.UsageError:
    """The error for a file that is no saved plan."""
    return errors.UsageError(
        f"this is no plan that can be applied: {why}",
        where=str(path),
        next_step="save one with 'fmgsync plan --save FILE'",
    )

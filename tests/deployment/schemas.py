"""Kubernetes' own schemas, strict: an unknown field is an error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tests.deployment.coherence import OWN_SCHEMA
from tests.deployment.places import Manifest

VERSIONS: Final = ("1.27", "1.31", "1.34", "1.37")
"""The oldest that is supported, and some after it."""


def validate(objects: Iterable[Manifest]) -> int:
    """Raise for the first object that a version refuses; how many objects were looked at."""
    import kubernetes_validate

    known = [each for each in objects if each["kind"] not in OWN_SCHEMA]
    for version in VERSIONS:
        for each in known:
            kubernetes_validate.validate(each, version, strict=True)
    return len(known)

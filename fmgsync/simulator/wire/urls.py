"""FortiManager urls: slashes separate, `\\/` is a slash inside a name, the ends do not matter."""

from __future__ import annotations

from typing import Final

MAX_LENGTH: Final = 8192
"""Longer urls are answered like unknown ones; no object name comes near."""


def split(url: str) -> tuple[str, ...]:
    """The segments of a url, with `\\/` resolved; empty segments inside are kept as they are."""
    text = url.strip("/") if not url.endswith("\\/") else url.lstrip("/")
    if "\\/" not in text:
        return tuple(text.split("/")) if text else ()
    return tuple(part.replace("\0", "/") for part in text.replace("\\/", "\0").split("/"))


def join(*segments: str) -> str:
    """A url with a leading slash; slashes inside names are escaped."""
    return "/" + "/".join(segment.replace("/", "\\/") for segment in segments)

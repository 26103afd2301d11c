"""FortiManager urls taken apart, the other way round from writing them."""

from __future__ import annotations

import itertools
import re
from typing import Final

_BETWEEN: Final = re.compile(r"(?<!\\)/")

OBJECT_TABLES: Final = ("address", "addrgrp", "address6", "addrgrp6")


def parts(url: str) -> list[str]:
    """The segments of a url; `\\/` inside a name is a slash."""
    return [part.replace("\\/", "/") for part in _BETWEEN.split(url.strip("/")) if part]


def firewall_object(url: str) -> tuple[str, str, list[str]] | None:
    """ADOM, table and what follows (name, sub-table, ...) of a firewall address or group url."""
    match parts(url):
        case ["pm", "config", "adom", adom, "obj", "firewall", table, *rest]:
            return (adom, table, rest) if table in OBJECT_TABLES else None
    return None


def is_adom(url: str) -> bool:
    """Whether a url is that of ADOMs themselves: all of them or one."""
    found = parts(url)
    return found[:2] == ["dvmdb", "adom"] and len(found) <= 3


def adom_of(url: str) -> str | None:
    """The ADOM a url is about, None for the global one and for none."""
    found = parts(url)
    for here, after in itertools.pairwise(found):
        if here == "adom":
            return after
    return None

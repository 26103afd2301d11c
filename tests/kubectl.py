"""How kubectl prints objects as YAML: sorted keys, and quotes only where Go's YAML would otherwise
read something else than text.

Public source: sigs.k8s.io/yaml, which kubectl prints through, and in it goyaml.v2 `resolve.go` and
`encode.go` (`stringv`): a string is plain if the resolver makes a string of it, and it is neither a
sexagesimal number nor one of YAML 1.1's booleans. A float that is out of range is no float there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_OLD_BOOLS = {
    spelled
    for word in ("y", "yes", "on", "n", "no", "off")
    for spelled in (word, word.upper(), word.capitalize())
}
_WORDS = {"~", "<<"} | {
    spelled
    for word in ("null", "true", "false", ".nan", ".inf", "+.inf", "-.inf")
    for spelled in (word, word.upper(), word.title())
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")
_SAFE = re.compile(r"[A-Za-z0-9./_~+][-A-Za-z0-9./_+]*")


def as_yaml(content: Any) -> str:
    """The document."""
    return "\n".join(_lines(content, "")) + "\n"


def _lines(content: Any, indent: str) -> Iterator[str]:
    if isinstance(content, dict) and content:
        for key, value in sorted(content.items()):
            yield from _entry(f"{indent}{_scalar(key)}:", value, indent, nested=f"{indent}  ")
    elif isinstance(content, list) and content:
        for value in content:
            first, *rest = _lines(value, f"{indent}  ")
            yield f"{indent}- {first.strip() if isinstance(value, dict | list) else first}"
            yield from rest
    else:
        yield _scalar(content)


def _entry(head: str, value: Any, indent: str, *, nested: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield head
        yield from _lines(value, nested)
    elif isinstance(value, list) and value:
        yield head
        yield from _lines(value, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if _stays_text(value) and _SAFE.fullmatch(value) else _quoted(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    shown = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{"".join(shown)}"'


def _stays_text(text: str) -> bool:
    if text in _OLD_BOOLS or text in _WORDS or _DATE.fullmatch(text):
        return False
    return not (_SEXAGESIMAL.fullmatch(text) or _is_number(text.replace("_", "")))


def _is_number(text: str) -> bool:
    sign = text.lstrip("+-")
    for prefix, base in (("0x", 16), ("0b", 2), ("0o", 8), ("0X", 16), ("0", 8), ("", 10)):
        if sign.startswith(prefix):
            try:
                int(sign[len(prefix) :] or "0", base)
            except ValueError:
                continue
            return True
    if not _FLOAT.fullmatch(text):
        return False
    return float(text) not in (float("inf"), float("-inf"))

"""What stands in the Calico controller's configuration and never worked: how it is spelled rightly.

Nothing is guessed: whoever wrote it is told what would be read, and writes it.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from fmgsync.errors import SelectorError
from fmgsync.grouping import selectors

_PLACEHOLDER: Final = re.compile(r"<[^<>]*>|\$\{[^{}]*\}|\{\{.*\}\}|^\$[A-Za-z_]\w*$")
_SECRET: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_SECRET_KEY: Final = re.compile(r"(?!\.\.)[-._A-Za-z0-9]{1,253}")
_BARE: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_ONE_EQUALS: Final = re.compile(r"(?<![=!])=(?!=)")
_UNQUOTED: Final = re.compile(r"([!=]=|\b(?:contains|with))\s*([A-Za-z0-9][-A-Za-z0-9_.]*)")
_SET: Final = re.compile(r"\{([-A-Za-z0-9_., ]+)\}")


def is_placeholder(text: str) -> bool:
    """Whether it stands for something that was never filled in."""
    return _PLACEHOLDER.search(text) is not None


def refusal(what: str, told: object) -> str:
    """Why this is no text that somebody filled in; empty if it is one."""
    if told is None or told == "":
        return f"it has no {what}"
    if not isinstance(told, str):
        return f"its {what} is no text: write it in quotes"
    if is_placeholder(told):
        return f"its {what} {told!r} is a placeholder that was never filled in"
    return ""


def is_secret(name: str, key: str) -> bool:
    """Whether the API server takes these names. They become part of a path."""
    return bool(_SECRET.fullmatch(name) and _SECRET_KEY.fullmatch(key))


def of_selector(text: str) -> str:
    """What may have been meant by an expression that does not parse."""
    text = text.strip()
    if _BARE.fullmatch(text):
        return f": write projectcalico.org/tier == '{text}' if it is the name of a tier"
    inner = text[1:-1] if text[:1] == text[-1:] and text[:1] in ("'", '"') else text
    for each in (_quoted(text), _quoted(inner)):
        try:
            selectors.parse(each)
        except SelectorError:
            continue
        return f": write {each} if that is meant"
    return ": values stand in quotes, and are compared with == or !="


def _quoted(text: str) -> str:
    if "'" not in text and '"' not in text:
        text = _SET.sub(lambda found: f"{{{', '.join(_words(found[1]))}}}", text)
    return _UNQUOTED.sub(r"\1 '\2'", _ONE_EQUALS.sub("==", text))


def _words(listed: str) -> list[str]:
    return [f"'{each.strip()}'" for each in listed.split(",")]


def of_host(text: str) -> str:
    """An IPv6 address stands in brackets, as elsewhere in the configuration."""
    try:
        return f"[{ipaddress.IPv6Address(text)}]"
    except ValueError:
        return text

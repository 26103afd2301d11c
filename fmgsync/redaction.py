"""What must never be shown, and hiding it: in logs, tracebacks and words that others wrote.

Whoever reads a secret makes it `known`; whoever shows text that is not wholly ours passes it
through `hide`. One set for the process, for a secret must not depend on who shows it.
"""

from __future__ import annotations

import base64
import re
import threading
import traceback
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from fmgsync.untrusted import DEEPER, DEEPEST, shortened

SHOWN_INSTEAD: Final = "[secret]"
_SHORTEST: Final = 4
"""Shorter ones would hide half of every sentence, and protect nothing."""

_WORDS: Final = frozenset(
    {
        "admin",
        "administrator",
        "default",
        "false",
        "none",
        "null",
        "password",
        "secret",
        "token",
        "true",
    }
)
"""What a trial's password may be, and every second message says."""

_TOKEN: Final = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
"""A JSON web token (RFC 7519), whoever's: what others write may hold one that nobody has read."""

_RENEWED_MOST: Final = 1000
"""Forms of secrets that are soon replaced by others: the oldest are long worthless."""

_variables: Final[set[str]] = set()
_lock: Final = threading.Lock()
_known: Final[set[str]] = set()
_renewed: Final[dict[str, None]] = {}
_longest_first: tuple[str, ...] = ()


def know(*secrets: str | None) -> None:
    """Remember secrets, in every form in which a library may show them."""
    forms = {form for secret in secrets if secret for form in _forms(secret)}
    with _lock:
        if not forms <= _known:
            _known.update(forms)
            _sort()


def know_for_now(*secrets: str | None) -> None:
    """The same for tokens that are renewed again and again."""
    forms = {form for secret in secrets if secret for form in _forms(secret)}
    with _lock:
        if not forms <= _renewed.keys() | _known:
            _renewed.update(dict.fromkeys(forms))
            for oldest in list(_renewed)[:-_RENEWED_MOST]:
                del _renewed[oldest]
            _sort()


def _sort() -> None:
    """The longest first, so that no part of one is hidden before the whole."""
    global _longest_first
    _longest_first = tuple(sorted(_known | _renewed.keys(), key=len, reverse=True))


def know_variable(name: str) -> None:
    """An environment variable holds a secret."""
    with _lock:
        _variables.add(name)


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for programs of others: without the variables that hold secrets of ours."""
    with _lock:
        return {name: value for name, value in environment.items() if name not in _variables}


def know_login(user: str, password: str) -> None:
    """The same for a password that HTTP's basic authentication sends with a user's name."""
    know(password, base64.b64encode(f"{user}:{password}".encode()).decode())


def hide(text: str) -> str:
    """The text without any secret that is known, or shows by itself that it is one."""
    for secret in _longest_first:
        if secret in text:
            text = text.replace(secret, SHOWN_INSTEAD)
    return _TOKEN.sub(SHOWN_INSTEAD, text) if "eyJ" in text else text


def hide_in(value: Any, depth: int = 0) -> Any:
    """The same in a value of any shape, whose texts are not endless either; what is neither text
    nor a number is judged by its repr."""
    match value:
        case None | bool() | int() | float():
            return value
        case dict() | list() | tuple() | set() | frozenset() if depth >= DEEPEST:
            return DEEPER
        case dict():
            return {hide_in(str(key)): hide_in(each, depth + 1) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [hide_in(each, depth + 1) for each in value]
        case str():
            return shortened(hide(str(value)))
        case _:
            text = repr(value)
            hidden = shortened(hide(text))
            return value if hidden == text else hidden


def traceback_text(error: BaseException) -> str:
    """Where an exception came from and what it says, without variables and without secrets.

    Who logs an exception logs this: a renderer that is given the exception itself may show every
    local variable of every frame.
    """
    lines = traceback.TracebackException.from_exception(error, capture_locals=False).format()
    return shortened(hide("".join(lines)))


def _forms(secret: str) -> set[str]:
    """As it is, line by line, escaped as Python shows text, and as urls carry it."""
    lines = [secret, *secret.splitlines()]
    forms = {form for line in lines for form in (line, line.strip(), repr(line)[1:-1])}
    forms |= {
        repr(secret.encode("utf-8", "replace"))[2:-1],
        quote(secret, safe=""),
        unquote(secret),
    }
    return {form for form in forms if _is_telling(form)}


def _is_telling(form: str) -> bool:
    """Not so short or common that hiding it would spoil other text; nor the frame of a PEM."""
    return len(form) >= _SHORTEST and form not in _WORDS and not form.startswith("-----")

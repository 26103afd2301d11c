"""What must never be shown, and hiding it: in logs, tracebacks and words that others wrote.

Whoever reads a secret makes it `known`; whoever shows text that is not wholly ours passes it
through `hide`. One set for the process, for a secret must not depend on who shows it.
"""

from __future__ import annotations

import base64
import re
import threading
import traceback
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html.entities import codepoint2name
from itertools import groupby
from typing import Any, Final
from urllib.parse import unquote

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

_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]+")
"""What everybody writes as it is (RFC 3986, "unreserved", less the tilde)."""

_NAMES: Final = {**codepoint2name, ord("'"): "apos"}
_LETTERS: Final = dict(zip("\0\a\b\t\n\v\f\r\x1b", "0abtnvfre", strict=True))

_RENEWED_MOST: Final = 1000
"""Forms of secrets that are soon replaced by others: the oldest are long worthless."""

_variables: Final[set[str]] = set()
_lock: Final = threading.Lock()
_known: Final[set[str]] = set()
_renewed: Final[dict[str, None]] = {}
_longest_first: tuple[tuple[str, str], ...] = ()
"""Each with its longest part that every form has, where it is short to look."""


def know(*secrets: str | None) -> None:
    """Remember secrets."""
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
    forms = sorted(_known | _renewed.keys(), key=len, reverse=True)
    _longest_first = tuple((form, _as_it_is(form)) for form in forms)


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
    raw = {f"{user}:{password}".encode(charset, "replace") for charset in ("utf-8", "latin-1")}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        know(password, *(encode(each).decode().rstrip("=") for each in raw))


def hide(text: str) -> str:
    """The text without any secret that is known, or shows by itself that it is one, however it is
    written there: as Python, JSON, YAML, HTML, XML, CSV or a url escape it, or several in turn."""
    for secret, part in _longest_first:
        if part in text:
            if part == secret:
                text = text.replace(secret, SHOWN_INSTEAD)
            else:
                text = _any_form(secret).sub(SHOWN_INSTEAD, text)
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
    """As it is, line by line, and as the url says it that it was found in."""
    lines = [secret, *secret.splitlines(), unquote(secret)]
    return {form for line in lines for form in (line, line.strip()) if _is_telling(form)}


def _is_telling(form: str) -> bool:
    """Not so short or common that hiding it would spoil other text; nor the frame of a PEM."""
    return len(form) >= _SHORTEST and form not in _WORDS and not form.startswith("-----")


@lru_cache(maxsize=4096)
def _as_it_is(secret: str) -> str:
    return max(_PLAIN.findall(secret), key=len, default="")


@lru_cache(maxsize=4096)
def _any_form(secret: str) -> re.Pattern[str]:
    """A pattern whose search takes no longer than the text is long: rows of backslashes are looked
    at whole, from their beginning, and nothing else repeats without an end that is seen at once."""
    runs = (_run(char, len(list(same))) for char, same in groupby(secret))
    return re.compile(r"(?<!\\)" * (not _PLAIN.match(secret)) + "".join(runs))


def _run(char: str, count: int) -> str:
    """One character, so many times: quotes may be doubled, backslashes again and again."""
    if _PLAIN.match(char):
        return re.escape(char) * count
    written = "|".join(_written(char))
    if char == "\\":
        return rf"(?:\\{{{count},}}+|(?:\\*+(?:{written})){{{count}}})"
    most = count * (1 + (char in "'\""))
    return rf"(?:\\*+(?:{written}|{re.escape(char)})){{{count},{most}}}"


def _written(char: str) -> Iterator[str]:
    """How one character may be written other than as it is, behind any backslashes."""
    code = ord(char)
    raw = char.encode("utf-8", "surrogatepass")
    yield rf"(?i:&(?:amp;)*(?:{_NAMES.get(code, 'amp')}|#0*{code}|#x0*{code:x});)"
    yield "(?i:" + "".join(f"%(?:25)*{byte:02x}" for byte in raw) + ")"
    pairs = char.encode("utf-16-be", "surrogatepass").hex()
    escapes = [
        "".join(rf"\\+x{byte:02x}" for byte in raw).removeprefix(r"\\+"),
        r"\\+".join(f"u{pairs[at : at + 4]}" for at in range(0, len(pairs), 4)),
        f"U{code:08x}",
    ]
    if code < 0x100:
        escapes.append(f"x{code:02x}")
        yield f"(?i:%(?:25)*{code:02x})"
    yield rf"(?<=\\)(?i:{'|'.join(escapes)})"
    if char in _LETTERS:
        yield rf"(?<=\\){_LETTERS[char]}"
    if char == " ":
        yield r"\+"
    if code >= 0x80:
        yield re.escape(raw.decode("latin-1"))

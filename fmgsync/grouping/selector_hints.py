"""What to tell people whose selector does not parse: the fault, and what they probably meant.

Every function looks at what stands at `at` where something else was expected, and answers the
problem and, where the mistake is a known one, the next step. Text from the selector is shown
through `repr`, cut short, so that nothing in it can reach a terminal raw.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

Advice: TypeAlias = tuple[str, str | None]
Hint: TypeAlias = Callable[[str, int], Advice]

_WORD = re.compile(r"[A-Za-z0-9_./-]{1,40}")
_FUNCTIONS: Final = frozenset({"has", "all", "global"})
_QUOTES = "'\"“”‘’«»`"  # noqa: RUF001 (typographic quotes are the point)
_QUOTED_KEY = "label keys are written without quotes"
_OPERATORS = "use ==, !=, in, not in, contains, starts with, ends with"

_ODD_CHARACTERS: Final = {
    "\n": "join the lines; in YAML, fold them with '>-'",
    "\r": "join the lines; in YAML, fold them with '>-'",
    "\u00a0": "replace the no-break space by a plain one",
    **dict.fromkeys("“”‘’«»`", "use straight quotes: ' or \""),  # noqa: RUF001 (as above)
}


def instead_of_test(text: str, at: int) -> Advice:
    """Something else where a term should begin."""
    if at >= len(text):
        return "the selector ends where a term is expected", "write a test such as app == 'web'"
    if text[at] in _QUOTES[:2]:
        return "a term begins with a label key, not with a quoted value", _QUOTED_KEY
    return f"a term cannot begin with {_shown(text, at)}", _odd(text, at)


def instead_of_key(text: str, at: int) -> Advice:
    """Something else between the parentheses of has()."""
    quoted = text[at : at + 1] in {"'", '"'}
    return f"has( needs a label key, not {_shown(text, at)}", _QUOTED_KEY if quoted else None


def instead_of_closing(word: str, text: str, at: int) -> Advice:
    """Something else where the parenthesis of a function should close."""
    example = "write has(a) && has(b)" if word == "has" else f"write {word}()"
    return f"{word}( is not closed, found {_shown(text, at)}", example


def instead_of_comparison(key: str, text: str, at: int) -> Advice:
    """No operator after a label key."""
    problem = f"expected an operator after {_cut(key)}, found {_shown(text, at)}"
    rest = text[at:]
    word = _word(text, at)
    if not rest or rest[0] in "&|)":
        return problem, f"to ask whether the label is there, write has({_cut(key)[1:-1]})"
    if rest[0] == "(":
        return problem, _about_function(key)
    if rest[0] == "=":
        wanted = "there are no regular expressions" if rest[1:2] == "~" else "write =="
        return problem, wanted
    if key.lower() == "not":
        return problem, "negation is written !"
    if word.lower() in {"matches", "like"} or rest[0] == "~":
        return problem, f"there are no regular expressions; {_OPERATORS}"
    if word and word != word.lower():
        return problem, f"operators are lower case; {_OPERATORS}"
    return problem, _odd(text, at) or _OPERATORS


def instead_of_value(text: str, at: int) -> Advice:
    """No quoted value after an operator."""
    problem = f"expected a quoted value, found {_shown(text, at)}"
    if text[at : at + 1] == "=":
        return problem, "write =="
    if text[at : at + 1] == "{":
        return problem, "a set follows in or not in only"
    return problem, _quote_it(text, at)


def instead_of_set(text: str, at: int) -> Advice:
    """No set after `in`."""
    return f"expected a set, found {_shown(text, at)}", "a set is written {'x', 'y'}"


def instead_of_member(text: str, at: int) -> Advice:
    """No quoted value inside a set."""
    if at >= len(text):
        return "the set is never closed", "a set is written {'x', 'y'}"
    return f"expected a quoted value in the set, found {_shown(text, at)}", _quote_it(text, at)


def instead_of_comma(text: str, at: int) -> Advice:
    """Two values of a set without a comma, or a set that never ends."""
    if at >= len(text):
        return "the set is never closed", "a set is written {'x', 'y'}"
    return f"expected , or }} in the set, found {_shown(text, at)}", "a set is written {'x', 'y'}"


def unclosed_quote(text: str, at: int) -> Advice:
    """A value that never ends."""
    return f"the quote {text[at]} is never closed", _no_escapes(text[at])


def instead_of_operator(text: str, at: int) -> Advice:
    """Something else between two terms."""
    problem = f"expected &&, || or the end, found {_shown(text, at)}"
    if text[at] == ")":
        return "this parenthesis was never opened", None
    if text[at] == "&" or _word(text, at).lower() == "and" or text[at] == ",":
        return problem, "write && between terms that must both hold"
    if text[at] == "|" or _word(text, at).lower() == "or":
        return problem, "write || between alternatives"
    if text[at - 1] in "'\"" and not text[at].isspace():
        return problem, _no_escapes(text[at - 1])
    return problem, _odd(text, at) or "join terms with && or ||"


def _no_escapes(quote: str) -> str:
    other = '"' if quote == "'" else "'"
    return f"there are no escapes; put a value that contains {quote} between {other}"


def _about_function(key: str) -> str:
    if key in _FUNCTIONS:
        return f"the parenthesis must touch the word: {key}("
    return "the functions are has(key), all() and global()"


def _quote_it(text: str, at: int) -> str | None:
    word = _word(text, at)
    return f"values are quoted: '{word}'" if word else _odd(text, at)


def _odd(text: str, at: int) -> str | None:
    """What to do about a character that belongs nowhere in a selector."""
    if at >= len(text):
        return None
    if (advice := _ODD_CHARACTERS.get(text[at])) is not None:
        return advice
    if text[at].isspace():
        return "only spaces and tabs may stand between words"
    if not text[at].isascii():
        return "label keys are made of ASCII letters, digits and _ . / -"
    return None


def _word(text: str, at: int) -> str:
    found = _WORD.match(text, at)
    return found[0] if found else ""


def _shown(text: str, at: int) -> str:
    if at >= len(text):
        return "the end"
    return repr(_word(text, at) or text[at])


def _cut(key: str) -> str:
    return repr(key if len(key) <= 40 else key[:39] + "…")

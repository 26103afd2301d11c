"""A secret is hidden however a library, a document or a url writes it."""

from __future__ import annotations

import base64
import html
import json
import re
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode
from xml.sax import saxutils

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fmgsync import redaction

TRICKY = 'p"a\\b <c>&d é+ %'


def _yaml(style: str) -> Callable[[str], str]:
    return lambda text: yaml.dump(text, default_style=style, width=10**6, allow_unicode=False)


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON, not ASCII": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON with slashes escaped": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON in the repr of bytes": lambda text: repr(json.dumps(text).encode()),
    "HTML": html.escape,
    "HTML, quotes as they are": lambda text: html.escape(text, quote=False),
    "HTML of HTML": lambda text: html.escape(html.escape(text)),
    "HTML with numbers": lambda text: "".join(
        f"&#{ord(char)};" if not char.isalnum() else char for char in text
    ),
    "HTML with hexadecimals": lambda text: "".join(
        f"&#x{ord(char):X};" if not char.isalnum() else char for char in text
    ),
    "HTML of JSON": lambda text: html.escape(json.dumps(text)),
    "XML": saxutils.escape,
    "an attribute of XML": lambda text: saxutils.quoteattr(f"{text}'\""),
    "XML in ASCII": lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "a url": lambda text: quote(text, safe=""),
    "a path": quote,
    "a url that keeps what it may": lambda text: quote(text, safe="!$&'()*+,;=:@/?"),
    "a url in small letters": lambda text: re.sub(
        "%..", lambda found: found[0].lower(), quote(text, safe="")
    ),
    "a form": quote_plus,
    "a query": lambda text: urlencode({"password": text}),
    "a url in a url": lambda text: quote(quote(text, safe=""), safe=""),
    "repr": repr,
    "repr beside an apostrophe": lambda text: repr(f"it's \"{text}"),
    "ascii": ascii,
    "bytes": lambda text: repr(text.encode()),
    "repr of repr": lambda text: repr(repr(text)),
    "backslashes": lambda text: text.encode("ascii", "backslashreplace").decode(),
    "YAML": _yaml('"'),
    "YAML with apostrophes": _yaml("'"),
    "CSV": lambda text: '"' + text.replace('"', '""') + '"',
    "as HTTP's headers are read": lambda text: text.encode().decode("latin-1"),
}


def _shown(form: str, secret: str) -> str:
    return redaction.hide(f"password: {FORMS[form](secret)}, or so")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "secret",
    [
        TRICKY,
        "it's $0 '\"'\"' quoted",
        "\\\\server\\share\\",
        "/a/b+c==",
        "'''\"\"\"\\\\\\",
        "50%25 &amp; 25%",
        "пароль 密码",
        "🔥 & 🧊",
    ],
)
def test_a_secret_is_hidden_in_each_form(form: str, secret: str) -> None:
    """Wholly: nothing of it is left but what frames the form."""
    redaction.know(secret)
    shown = _shown(form, secret)
    assert redaction.SHOWN_INSTEAD in shown
    assert len(shown) < len("password: '\"\\\\\\'\"', or so password=") + len(
        redaction.SHOWN_INSTEAD
    )


@given(
    form=st.sampled_from(sorted(FORMS)),
    secret=st.text(
        st.characters(exclude_categories=["C", "Z"]) | st.sampled_from("\\\"'&<>%+ /=;#"),
        min_size=4,
        max_size=24,
    ).filter(str.strip),
)
def test_any_printable_secret_is_hidden_in_each_form(form: str, secret: str) -> None:
    redaction.know(secret)
    if redaction._is_telling(secret):
        assert redaction.SHOWN_INSTEAD in _shown(form, secret)


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_login_is_hidden_as_http_sends_it(charset: str, encode: Callable[[bytes], bytes]) -> None:
    """`requests` encodes texts as latin-1, others as UTF-8."""
    redaction.know_login("änn", "ÿ?>þ" + TRICKY)
    sent = encode(f"änn:ÿ?>þ{TRICKY}".encode(charset)).decode()
    for shown in (sent, sent.rstrip("="), quote(sent, safe="")):
        assert shown not in redaction.hide(f"Authorization: Basic {shown}")


def test_other_text_stays_as_it_is() -> None:
    redaction.know(TRICKY, "\\\\\\\\", "a b c d", "50%25")
    for text in ("p", 'p"a\\b <c>&d', "a\\b\\c", "&amp;&quot;", "abcd", "100%", "\\\\"):
        assert redaction.hide(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "\\" * 100_000,
        "&amp;" * 20_000,
        "%25" * 30_000,
        "p" * 100_000,
        '"' * 100_000,
        "p\\\\\\" * 25_000,
        "'" * 100_000,
        "lorem ipsum " * 9_000,
    ],
)
def test_no_text_makes_hiding_slow(text: str) -> None:
    redaction.know(TRICKY, "\\\\\\\\x", '""""', "''''''''''x", "&&&&&&", "%%%%x%%")
    began = time.process_time()
    redaction.hide(text)
    assert time.process_time() - began < 2

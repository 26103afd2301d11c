"""Untrusted text on its way to a terminal: labels, names, what FortiManager answered."""

from __future__ import annotations


def safe_text(text: str, *, lines: bool = False) -> str:
    """Replace what could steer a terminal or fake a line (control, bidi, surrogates) by `\\u..`.

    `lines=True` keeps line breaks, for text that is ours and has several lines.
    """
    keep = "\n" if lines else ""
    return "".join(c if c.isprintable() or c in keep else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

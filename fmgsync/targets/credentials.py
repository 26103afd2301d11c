"""What can be said of a key or a CA file before anybody is asked."""

from __future__ import annotations

import ssl
from pathlib import Path


def is_token(text: str) -> bool:
    """Whether a key could be one: any other character would surface, key and all, in the HTTP
    library's complaint."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def ca_problem(ca_file: Path) -> str | None:
    """Why a file cannot be used to verify certificates."""
    try:
        ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError:
        return "holds no certificate"
    except OSError as error:
        return error.strerror or "cannot be read"
    return None

"""The credentials in a kubeconfig, made known to the redaction before anything else is read.

Whatever else is wrong with the file, and whoever's they are: so no type is taken for granted here.
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from fmgsync import redaction

_SECRET_WORD: Final = re.compile(
    r"token|secret|pass(?!ive)|pwd|key|credential|auth\b|authoriz|bearer|jwt|cookie|\bpat\b|_pat\b",
    re.IGNORECASE,
)
_CONTENT: Final = re.compile(
    r"-----|\n|LS0t|[^/\\]{32,}\Z|[a-z0-9]{6}\.[a-z0-9]{16}\Z|(?=\D*\d)[^/\\.]{12,}\Z"
)
"""What is written in place of a file's name by mistake: PEM, the same in base64, or a token. A name
with a digit in it, and neither folder nor suffix, may be one: its file is not named then."""


def know_credentials(raw: Mapping[str, Any]) -> None:
    """Whatever is wrong with the file otherwise, its credentials are never shown."""
    for entry in _dicts(raw.get("users")):
        user = entry.get("user")
        if isinstance(user, dict):
            _know_user(user)
    for entry in _dicts(raw.get("clusters")):
        cluster = entry.get("cluster")
        for key in ("proxy-url", "server"):
            url = cluster.get(key) if isinstance(cluster, dict) else None
            if isinstance(url, str):
                know_password(url)


def _know_user(user: Mapping[str, Any]) -> None:
    name, password = user.get("username"), user.get("password")
    key = user.get("client-key-data")
    texts = [user.get("token"), password, key]
    if isinstance(key, str):
        with contextlib.suppress(ValueError):  # it is refused later
            texts.append(base64.b64decode(key).decode("ascii", "replace"))
    names = (str(user.get(each)) for each in ("tokenFile", "client-key", "client-certificate"))
    texts += [name for name in names if _CONTENT.match(name)]
    plugin = user.get("exec")
    if isinstance(plugin, dict):
        env = _dicts(plugin.get("env"))
        texts += [e.get("value") for e in env if _SECRET_WORD.search(str(e.get("name")))]
        texts += _secret_arguments(plugin.get("args"))
        texts += _secret_arguments(str(plugin.get("command")).split())
    provider = user.get("auth-provider")
    config = provider.get("config") if isinstance(provider, dict) else None
    if isinstance(config, dict):
        texts += [config.get(each) for each in ("id-token", "refresh-token", "access-token")]
        texts.append(config.get("client-secret"))
    redaction.know(*(str(text) for text in texts if text is not None))
    if name is not None and password is not None:
        redaction.know_login(str(name), str(password))


def _secret_arguments(arguments: object) -> Iterator[str]:
    """`--client-secret X` and `--client-secret=X`."""
    words = [str(word) for word in arguments] if isinstance(arguments, list) else []
    for word, after in zip(words, (*words[1:], "")[: len(words)], strict=True):
        option, equals, value = word.partition("=")
        if option.startswith("-") and _SECRET_WORD.search(option):
            yield value if equals else after


def know_password(url: str) -> None:
    """That of a proxy, if its url has one."""
    try:
        parts = urlsplit(url)
        user, password = parts.username, parts.password
    except ValueError:
        return
    if password:
        redaction.know(password)
        redaction.know_login(unquote(user or ""), unquote(password))


def _dicts(entries: object) -> list[dict[str, Any]]:
    listed = entries if isinstance(entries, list) else []
    return [entry for entry in listed if isinstance(entry, dict)]

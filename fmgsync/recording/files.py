"""Cassettes as files: written in one piece, read with suspicion.

Whatever is wrong with a file is told before anything of it is played: a test that plays half a
cassette and passes would be worse than none.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from fmgsync import yamlplain
from fmgsync.errors import CassetteError
from fmgsync.recording import cassette as cassettes
from fmgsync.recording.cassette import About, Cassette, Exchange, Headers

MAX_BYTES: Final = 256 * 1024 * 1024
VCR_FORMAT: Final = 1
SECTION: Final = "fmgsync"

_RECORD_AGAIN = "record it again with 'fmgsync cassette record'"


def save(path: Path, cassette: Cassette) -> None:
    """Write a cassette, sealed with its digest; the old file stays until the new one is whole."""
    text = to_text(cassette)
    try:
        _write(path, text)
    except OSError as error:
        raise CassetteError(
            f"the cassette cannot be written: {error.strerror or type(error).__name__}",
            where=str(path),
        ) from error


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def to_text(cassette: Cassette) -> str:
    """The YAML of a cassette: always the same text for the same content."""
    document: dict[str, Any] = {"version": VCR_FORMAT}
    if cassette.about is not None:
        document["metadata"] = {SECTION: _header(cassette, cassette.about)}
    document["interactions"] = [
        cassettes.plain_interaction(exchange) for exchange in cassette.exchanges
    ]
    text: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=100_000
    )
    return text


_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_BaseDumper):  # type: ignore[misc]
    """Safe YAML without aliases, which only confuse readers."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _header(cassette: Cassette, about: About) -> dict[str, Any]:
    header: dict[str, Any] = {"format": cassettes.FORMAT}
    for item in dataclasses.fields(about):
        value = getattr(about, item.name)
        if value or item.name in ("names", "addresses"):
            header[item.name] = list(value) if isinstance(value, tuple) else value
    header["exchanges"] = len(cassette.exchanges)
    header["digest"] = cassettes.digest(cassette.exchanges)
    return header


def load(path: Path) -> Cassette:
    """Read a cassette that may be played. Raises CassetteError for one that may not."""
    cassette = from_text(read_text(path), str(path))
    if cassette.edited:
        raise CassetteError(
            "the cassette was changed after it was recorded",
            where=str(path),
            next_step=f"{_RECORD_AGAIN}, or, if the change is meant, accept it with "
            "'fmgsync cassette check --seal FILE'",
        )
    if not cassette.exchanges:
        raise CassetteError("the cassette is empty", where=str(path), next_step=_RECORD_AGAIN)
    return cassette


def read_text(path: Path) -> str:
    """The text of a file; one clear error for every way this can fail."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise _broken(str(path), "is too long for a cassette", None)
        return content.decode("utf-8")
    except FileNotFoundError as error:
        raise CassetteError(
            "there is no such cassette", where=str(path), next_step=_RECORD_AGAIN
        ) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CassetteError(f"the cassette cannot be read: {reason}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise _broken(str(path), "is not UTF-8 text", None) from error


def from_text(text: str, name: str) -> Cassette:
    """Parse a cassette; an edited one is marked, every other fault raises CassetteError."""
    document = _parse(text, name)
    if not isinstance(document, dict):
        raise _broken(name, "is not a cassette: it has no interactions", None)
    header = _our_header(document, name)
    # Our own number first: a newer fmgsync may also have changed what follows.
    if header is not None:
        _check_number(header.get("format"), cassettes.FORMAT, name, "fmgsync")
    if "version" not in document:
        raise _broken(name, "has no 'version': its end is missing", None)
    _check_number(document["version"], VCR_FORMAT, name, "vcrpy")
    interactions = document.get("interactions")
    if not isinstance(interactions, list):
        raise _broken(name, "has no list of interactions", None)
    exchanges = tuple(
        _exchange(item, f"{name}: interaction {number}")
        for number, item in enumerate(interactions, start=1)
    )
    if header is None:
        return Cassette(exchanges)
    count = header.get("exchanges")
    if isinstance(count, int) and count > len(exchanges):
        raise _broken(name, f"is cut short: {len(exchanges)} of {count} exchanges are there", None)
    edited = header.get("digest") != cassettes.digest(exchanges)
    return Cassette(exchanges, _about(header, name), edited)


def _parse(text: str, name: str) -> Any:
    try:
        return yamlplain.load(text, _Loader, most=len(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise _broken(name, f"is cut short or broken: {error.problem}", line) from error
    except yaml.YAMLError as error:
        raise _broken(name, "is not YAML", None) from error


class _Loader(yaml.CSafeLoader):
    """The safe loader that also refuses a key given twice, where YAML would take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        seen: set[Hashable] = set()
        for position, key in enumerate(keys):
            if not isinstance(key, Hashable):
                continue  # refused below
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", node.value[position][0].start_mark
                )
            seen.add(key)
        plain: dict[Any, Any] = super().construct_mapping(node, deep)
        return plain


def _our_header(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    metadata = document.get("metadata")
    header = metadata.get(SECTION) if isinstance(metadata, dict) else None
    if header is not None and not isinstance(header, dict):
        raise _broken(name, f"has a broken header (metadata.{SECTION})", None)
    return header


def _check_number(found: Any, known: int, name: str, whose: str) -> None:
    if isinstance(found, int) and not isinstance(found, bool) and found > known:
        raise CassetteError(
            f"the cassette is from a newer version: {whose} format {found}, known is {known}",
            where=name,
            next_step="update fmgsync",
        )
    if found != known:
        raise _broken(name, f"has a broken {whose} format number", None)


def _about(header: Mapping[str, Any], name: str) -> About:
    values: dict[str, Any] = {}
    for item in dataclasses.fields(About):
        value = header.get(item.name, item.default)
        if item.name == "scenarios":
            value = tuple(value) if isinstance(value, list) else ()
        wanted = int if item.name == "unanswered" else tuple if item.name == "scenarios" else str
        if not isinstance(value, wanted):
            raise _broken(name, f"has a broken header (metadata.{SECTION}.{item.name})", None)
        values[item.name] = value
    return About(**values)


def _exchange(item: Any, where: str) -> Exchange:
    request = _member(item, "request", dict, where)
    response = _member(item, "response", dict, where)
    status = _member(response, "status", dict, where)
    body = response.get("body")
    if isinstance(body, dict):
        body = body.get("string")
    order, step, after = item.get("order", 0), item.get("step", ""), item.get("after")
    if not (isinstance(order, int) and isinstance(step, str) and isinstance(after, int | None)):
        raise _broken(where, "has a broken 'order', 'step' or 'after'", None)
    return Exchange(
        uri=_member(request, "uri", str, where),
        method=_member(request, "method", str, where),
        request_body=_bytes(request.get("body"), where),
        request_headers=_headers(request.get("headers"), where),
        status=_member(status, "code", int, where),
        reason=str(status.get("message") or ""),
        response_body=_bytes(body, where),
        response_headers=_headers(response.get("headers"), where),
        order=order,
        step=step,
        after=after,
    )


def _member(parent: Any, key: str, kind: type, where: str) -> Any:
    value = parent.get(key) if isinstance(parent, dict) else None
    if not isinstance(value, kind):
        raise _broken(where, f"has no usable '{key}'", None)
    return value


def _bytes(body: Any, where: str) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    if isinstance(body, bytes):
        return body
    raise _broken(where, "has a body that is no text", None)


def _headers(headers: Any, where: str) -> Headers:
    """vcrpy writes a list of values per name, other recorders a bare value."""
    if headers is None:
        return ()
    if not isinstance(headers, dict):
        raise _broken(where, "has broken headers", None)
    pairs = [
        (name, value)
        for name, values in headers.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    if not all(isinstance(part, str | int | float) for pair in pairs for part in pair):
        raise _broken(where, "has broken headers", None)
    return tuple((str(name), str(value)) for name, value in pairs)


def _broken(where: str, what: str, line: int | None) -> CassetteError:
    place = f"{where}:{line}" if line is not None else where
    return CassetteError(f"the cassette {what}", where=place, next_step=_RECORD_AGAIN)

"""The streams that a dump is read from: a file, the files of a folder, or standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Literal

from fmgsync.errors import ManifestError
from fmgsync.sources.convert.objects import quoted

_SUFFIXES: Final = (".yaml", ".yml", ".json")
DUMP: Final = "kubectl get pods,nodes,namespaces -A -o json"
"""What makes a dump, for messages."""


def listed(
    manifests: Path | Literal["-"], stdin: BinaryIO | None
) -> Iterator[tuple[str, BinaryIO]]:
    """Each with the name that messages give it. Raises `ManifestError` if there is none, or one
    cannot be opened."""
    if manifests == "-":
        yield "standard input", _standard_input(stdin)
        return
    for path in _files(manifests):
        with _explained(path), path.open("rb") as stream:
            yield str(path), stream


def _standard_input(stdin: BinaryIO | None) -> BinaryIO:
    stream = stdin if stdin is not None else sys.stdin.buffer
    if stream.isatty():
        raise ManifestError(
            "nothing is piped in", where="standard input", next_step=f"pipe in: {DUMP}"
        )
    return stream


def _files(manifests: Path) -> list[Path]:
    with _explained(manifests):
        if not manifests.is_dir():
            return [manifests]
        files = [path for path in sorted(manifests.iterdir()) if not path.is_dir()]
        found = [path for path in files if _is_manifest(path) and not path.name.startswith(".")]
    for path in files:
        if path.stem.lower() == "kustomization":
            raise ManifestError(
                "the folder is a kustomization: it says what is wanted, not what runs",
                where=str(path),
                next_step=f"write into a folder of its own: {DUMP}",
            )
    if not found:
        raise ManifestError(
            f"the folder holds no *.yaml, *.yml or *.json{_instead(files)}",
            where=str(manifests),
            next_step=f"write into it: {DUMP}",
        )
    return found


def _instead(files: list[Path]) -> str:
    shown = ", ".join(quoted(path.name) for path in files[:2])
    return f", only {shown}{' and more' if files[2:] else ''}" if shown else ""


def _is_manifest(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(_SUFFIXES)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ManifestError(
            f"cannot be read: {error.strerror or error}",
            where=str(path),
            next_step="check `manifests` of this cluster in the configuration",
        ) from error

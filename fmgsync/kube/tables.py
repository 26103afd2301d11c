"""Lists as rows of cells, the way `kubectl get -o wide` asks for them: a fraction of the objects.

Public source: the Kubernetes API concepts, "Receiving resources as Tables".
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import msgspec

from fmgsync.errors import SourceRefused
from fmgsync.kube import failures
from fmgsync.kube.client import ApiSession
from fmgsync.kube.listing import Scope
from fmgsync.kube.requests import Request, Resource

_ACCEPT: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"


class NoTable(Exception):  # not an error
    """The server has no rows of these columns."""


class _Column(msgspec.Struct, frozen=True):
    name: str


class _Row(msgspec.Struct, frozen=True):
    cells: msgspec.Raw  # decoded one by one: there may be a million


class _Table(msgspec.Struct, frozen=True):
    columns: list[_Column] = msgspec.field(name="columnDefinitions")
    rows: list[_Row] | None


_cells_decoder: Final = msgspec.json.Decoder(list[Any])


def cached(
    session: ApiSession, resource: Resource, scope: Scope, columns: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """These cells of everything that the server's watch cache has, perhaps a little old.

    Raises `SourceError`, and `NoTable` before the first row.
    """
    query = {**scope.query(), "resourceVersion": "0", "includeObject": "None"}
    request = Request("list", resource, scope.namespace, query=query, accept=_ACCEPT)
    try:
        table = msgspec.json.decode(session.send(request), type=_Table)
        names = [column.name for column in table.columns]
        places = [names.index(name) for name in columns]
    except SourceRefused as error:
        if error.code != HTTPStatus.NOT_ACCEPTABLE:
            raise
        raise NoTable from error
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise NoTable from error
    for row in table.rows or ():
        try:
            cells = _cells_decoder.decode(row.cells)
        except (msgspec.DecodeError, RecursionError) as error:
            raise failures.garbage(session.where, request, str(error)) from error
        yield tuple(str(cells[place]) if place < len(cells) else "" for place in places)

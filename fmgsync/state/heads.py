"""Where the audit's chains stand, kept apart from their lines: so that a cut shows."""

from __future__ import annotations

from typing import Literal

import msgspec

from fmgsync.audit import Head
from fmgsync.state.documents import Documents, encoded, sound, update_soon

_NAME = "audit"
_CHAINS_MOST = 200


class _Head(msgspec.Struct, forbid_unknown_fields=True):
    count: int
    digest: str


class _Heads(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[1] = 1
    chains: dict[str, _Head] = {}


class AuditHeads:
    """Reads and writes the heads of one installation's chains."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def read(self, chain: str) -> Head | None:
        """Where a chain stood last; None if it is not known."""
        found = self._decode(self._documents.read(_NAME)).chains.get(chain)
        return Head(found.count, found.digest) if found is not None else None

    def read_all(self) -> dict[str, Head]:
        """Where each chain stood last."""
        found = self._decode(self._documents.read(_NAME)).chains
        return {chain: Head(head.count, head.digest) for chain, head in found.items()}

    def write(self, chain: str, head: Head) -> None:
        """Remember where it stands now."""

        def changed(text: str | None) -> str:
            heads = self._decode(text)
            before = heads.chains.pop(chain, None)
            # Somebody else may have gone on with the chain meanwhile: it never goes back.
            further = before is not None and before.count > head.count
            heads.chains[chain] = (further and before) or _Head(head.count, head.digest)
            # Every pod has a chain of its own: the oldest ones are let go.
            heads.chains = dict(list(heads.chains.items())[-_CHAINS_MOST:])
            return encoded(heads)

        update_soon(self._documents, _NAME, changed)

    def _decode(self, text: str | None) -> _Heads:
        losing = (
            "move it away: the audit's lines still prove themselves, but no longer"
            " that none is missing at the end"
        )
        with sound(self._documents.where(_NAME), losing):
            return _Heads() if text is None else msgspec.json.decode(text, type=_Heads)

"""ADOMs in workflow mode: what is written waits for somebody's approval, never for an install."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fmgsync.model.adom import AdomTopology, Workspace
from fmgsync.model.change import Finding


def refused(at_once: Mapping[str, str], topology: AdomTopology) -> Iterator[Finding]:
    """Settings that such an ADOM cannot have: `at_once` are those that need it written right when
    it is installed -> what to set instead."""
    for setting, instead in at_once.items() if topology.workspace is Workspace.WORKFLOW else ():
        why = (
            f"'{setting}' cannot be had in an ADOM in workflow mode, where what is written waits"
            f" for somebody's approval; set '{instead}', in a configuration of its own if other"
            " ADOMs keep the setting"
        )
        yield Finding("workflow-mode", setting, why, is_error=True)

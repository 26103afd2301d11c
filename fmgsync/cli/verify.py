"""`fmgsync verify`: ask every FortiGate and compare values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from fmgsync.cli import common


@click.command("verify", cls=common.Command)
@common.state_option
@common.command_options()
def command(options: common.Options, state_dir: Path) -> int:
    """Ask every FortiGate what its groups hold, and compare with what FortiManager would install.

    Values are compared, not names: nested groups are flattened, both address families count. A
    device that does not answer is unreachable, never verified.

    \b
    fmgsync verify

    \b
    Exit codes: 0 every device verified, 3 drift or an outstanding install,
    1 a device could not be asked, or what it should hold is not known.
    """
    from fmgsync.assessing import four
    from fmgsync.cli import documents, status_text
    from fmgsync.passes import once

    world = common.make_world(options, "verify", state_dir)
    result = once.status(world)
    for number, each in enumerate(result.adoms):
        if each.views:
            shown = replace(each.view, views=four.for_proof(each.views))
            result.adoms[number] = replace(each, view=shown)
    document = documents.verify_document(result)
    if options.is_json:
        options.print_document(document)
    else:
        status_text.print_verify(options.console(), document)
    return common.status_code(result)

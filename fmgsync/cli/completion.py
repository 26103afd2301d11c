"""`fmgsync completion`: what a shell needs to complete commands and options with Tab."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_FMGSYNC_COMPLETE"
"""By which the printed script asks fmgsync for what fits; click's own name for it."""


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> int:
    """Print what SHELL has to be given to complete fmgsync's commands and options with Tab.

    \b
    bash, in ~/.bashrc:                    source <(fmgsync completion bash)
    zsh, in ~/.zshrc after compinit:       source <(fmgsync completion zsh)
    fish, once:  fmgsync completion fish > ~/.config/fish/completions/fmgsync.fish

    bash must be 4.4 or later.
    """
    from fmgsync.cli.main import root

    made = get_completion_class(shell)
    if made is None:  # pragma: no cover - all three are click's own
        raise click.UsageError(f"nothing is known of {shell}")
    click.echo(made(root, {}, "fmgsync", VARIABLE).source())
    return 0

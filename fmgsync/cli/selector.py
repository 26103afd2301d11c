"""`fmgsync selector EXPR`: try a selector on what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fmgsync.cli import common
from fmgsync.errors import UsageError

if TYPE_CHECKING:
    from fmgsync.model.rule import GroupRule
    from fmgsync.wiring.selector_trial import Tried

_NAME = "selector"


@click.command("selector", cls=common.Command)
@click.argument("expression", required=False)
@click.option("--nodes", is_flag=True, help="Match nodes instead of pods.")
@click.option(
    "--namespaces", metavar="EXPR", help="Only in namespaces with such labels; default: all()."
)
@click.option("--group", metavar="NAME", help="Try what a group selects.")
@common.command_options()
def command(
    options: common.Options,
    expression: str | None,
    nodes: bool,
    namespaces: str | None,
    group: str | None,
) -> int:
    """Parse EXPRESSION in Calico's selector language and list what it selects.

    \b
    Examples:
      fmgsync selector "app == 'web' && tier in {'dmz', 'edge'}"
      fmgsync selector "has(app)" --namespaces "environment == 'prod'"
      fmgsync selector --nodes "has(node-role.kubernetes.io/ingress)"
      fmgsync selector --group k8s-frontend

    \b
    Exit codes: 0 this is all that is selected, 1 something could not be read, so that it may not
    be all.
    """
    from fmgsync.cli import tables
    from fmgsync.wiring import selector_trial

    if group is not None:
        if expression is not None or namespaces is not None or nodes:
            raise UsageError("--group says itself what is selected: leave out the rest")
        title, tried = selector_trial.tried_group(options.config, group, tell=options.progress)
    else:
        rule = _rule(expression, nodes=nodes, namespaces=namespaces)
        tried = selector_trial.tried(options.config, rule, tell=options.progress)
        title = selector_trial.canonical(rule)
    if options.is_json:
        options.print_document(_document(title, tried))
    else:
        tables.print_selected(options.console(), title, tried)
    return common.FAILED if tried.gaps else common.IN_SYNC


def _rule(expression: str | None, *, nodes: bool, namespaces: str | None) -> GroupRule:
    from fmgsync.model.rule import GroupRule
    from fmgsync.wiring import selector_trial

    if expression is None:
        raise UsageError(
            "there is nothing to try", next_step="give a selector, or a group with --group NAME"
        )
    if nodes:
        if namespaces is not None:
            raise UsageError("nodes are in no namespace: leave out --namespaces or --nodes")
        return GroupRule(_NAME, select_nodes=expression, families=selector_trial.BOTH)
    return GroupRule(
        _NAME, select=expression, namespaces=namespaces or "all()", families=selector_trial.BOTH
    )


def _document(title: str, tried: Tried) -> dict[str, object]:
    return {
        "selector": title,
        "complete": not tried.gaps,
        "selected": [
            {
                "cluster": row.cluster,
                "name": row.name,
                "addresses": list(row.addresses),
                **({"because": row.because} if row.because else {}),
            }
            for row in tried.rows
        ],
        "problems": list(tried.gaps),
        "notes": list(tried.notes),
    }

"""`fmgsync selector EXPR`: try a selector on what runs."""

from __future__ import annotations

import click

from fmgsync.cli import common


@click.command("selector")
@click.argument("expression")
@click.option("--nodes", is_flag=True, help="Match nodes instead of pods.")
@common.command_options()
def command(options: common.Options, expression: str, nodes: bool) -> int:
    """Parse EXPRESSION in Calico's selector language and list what it selects.

    \b
    Examples:
      fmgsync selector "app == 'web' && tier in {'dmz', 'edge'}"
      fmgsync selector --nodes "has(node-role.kubernetes.io/ingress)"
    """
    from fmgsync.cli import tables
    from fmgsync.controller import wiring
    from fmgsync.grouping import rulebook, selectors
    from fmgsync.model.rule import GroupRule

    canonical = str(selectors.parse(expression))
    sources = wiring.make_sources(options.config, command="selector")
    rows: list[dict[str, object]] = []
    for name, read in sources.items():
        snapshot = read()
        if nodes:
            selector = selectors.parse(expression)
            rows += [
                {"cluster": name, "name": node.name, "addresses": list(node.addresses)}
                for node in snapshot.nodes
                if selector.matches(node.labels)
            ]
            continue
        book = rulebook.RuleBook([GroupRule("selector", select=expression)])
        rows += [
            {"cluster": name, "name": f"{p.namespace}/{p.name}", "addresses": list(p.addresses)}
            for p in snapshot.pods
            if book.for_pod(p.labels, snapshot.namespaces.get(p.namespace))
        ]
    if options.is_json:
        options.print_document({"selector": canonical, "selected": rows})
    else:
        tables.print_selected(options.console(), canonical, rows)
    return common.IN_SYNC

"""`fmgsync config`: check the configuration, print its schema, print one to begin with, import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmgsync import errors
from fmgsync.cli import common
from fmgsync.untrusted import safe_text

if TYPE_CHECKING:
    from fmgsync.errors import ConfigProblem
    from fmgsync.settings.schema import Config

NAMESPACE = "tigera-firewall-controller"


@click.group("config", cls=common.Group)
def command() -> None:
    """Check the configuration, print its JSON Schema, print one to begin with.

    \b
    fmgsync config example > fmgsync.yaml
    fmgsync config check
    """


@command.command("check")
@common.command_options()
def check(options: common.Options) -> int:
    """Say everything that is wrong with the configuration, with path and line.

    Reads the file and the kubeconfigs it names, and nothing else: no cluster, no FortiManager and
    no secret of a FortiManager is asked. Selectors,
    windows, names and their references are checked. What is allowed but probably not meant is
    shown as a notice. Exit code 0: no errors; 2: errors.

    \b
    fmgsync config check -c fmgsync.yaml
    """
    from fmgsync.settings.lint import alone, notices
    from fmgsync.settings.load import read_config

    config = read_config(options.config)
    found = (*alone(config), *notices(config))
    if options.is_json:
        options.print_document(_as_json(str(options.config), config, found))
        return common.IN_SYNC
    for notice in found:
        place = f"{options.config}:{notice.line}" if notice.line else str(options.config)
        step = f" ({notice.next_step})" if notice.next_step else ""
        text = f"{place}: {notice.path}: notice: {notice.message}{step}"
        click.echo(safe_text(text, lines=True))
    click.echo(safe_text(f"{options.config}: no errors. {_summary(config)}"))
    return common.IN_SYNC


@command.command("schema")
@common.command_options(configured=False)
def schema(options: common.Options) -> None:
    """Print the JSON Schema of the configuration.

    Editors complete and check with it. For VS Code and others with the YAML language server, save
    it as fmgsync.schema.json and begin fmgsync.yaml with

    \b
    # yaml-language-server: $schema=./fmgsync.schema.json

    \b
    fmgsync config schema > fmgsync.schema.json
    """
    del options  # a schema is JSON in every case
    from fmgsync.settings.reference import json_schema

    common.print_json(json_schema())


@command.command("example")
@common.command_options(configured=False)
def example(options: common.Options) -> None:
    """Print a small commented configuration to begin with; with --output json, only its data.

    \b
    fmgsync config example > fmgsync.yaml
    """
    from fmgsync import yamllines
    from fmgsync.settings import reference

    text = reference.example()
    if options.is_json:
        options.print_document(yamllines.load(text, "example.yaml").data)
    else:
        click.echo(text, nl=False)


@command.command("rbac")
@click.option("--cluster", help="Only the role for this cluster.")
@common.command_options()
def rbac(options: common.Options, cluster: str | None) -> int:
    """Print the ClusterRole that lets fmgsync read a cluster: what its rules need, and no more.

    One for each cluster that is not read from a dump, in the order of the configuration. Bind it
    to the account of the kubeconfig, or of the pod fmgsync runs in. With calicoCompat a Role in
    the old controller's namespace follows; bind it there. Nothing is asked of any cluster.

    \b
    fmgsync config rbac --cluster west | kubectl --context west apply -f -
    """
    from fmgsync.settings.load import read_config
    from fmgsync.wiring import roles

    config = read_config(options.config)
    live = [each.name for each in config.clusters if each.manifests is None]
    if cluster is not None and cluster not in live:
        raise errors.UsageError(
            f"no cluster {cluster!r} is read from an API server",
            next_step=f"name one of: {', '.join(live) or 'none is'}",
        )
    found = {name: roles.reader(config, name) for name in live if cluster in (None, name)}
    more = {name: role for name in found if (role := roles.compat(config, name)) is not None}
    if options.is_json:
        options.print_document({"roles": found, **({"calicoCompat": more} if more else {})})
        return common.IN_SYNC
    import yaml

    for name, role in [*found.items(), *more.items()]:
        text = yaml.safe_dump(role, sort_keys=False, allow_unicode=False)
        click.echo(safe_text(f"---\n# Cluster {name}\n{text}", lines=True), nl=False)
    return common.IN_SYNC


@command.command("import-calico")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--owner", default="k8s", show_default=True, help="`owner` of the new configuration.")
@click.option("--cluster", default="main", show_default=True, help="Name of the cluster in it.")
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path), help="Ask this cluster instead of files."
)
@click.option("--context", help="Its context; default: the current one.")
@click.option("--namespace", default=NAMESPACE, show_default=True, help="Where the controller is.")
@common.command_options()
def import_calico(
    options: common.Options,
    files: tuple[Path, ...],
    owner: str,
    cluster: str,
    kubeconfig: Path | None,
    context: str | None,
    namespace: str,
) -> int:
    """Print a configuration that does what the Calico firewall controller was told to do.

    FILES are what 'kubectl -n tigera-firewall-controller get configmap,secret,deployment -o yaml'
    prints (Secrets may be left out; of theirs only the names of keys are looked at). With
    --kubeconfig the cluster itself is asked. Notes on what is new and what cannot be carried over
    go to standard error, and stand in the output as comments.

    \b
    fmgsync config import-calico

    \b
    Exit codes: 0 printed, 2 something in it never worked: it is named with the right spelling, and
    nothing is printed.
    """
    from fmgsync.settings import calico_import, calico_objects, load

    place: dict[str, Any] = {"name": cluster}
    if kubeconfig is not None:
        place["kubeconfig"] = {"file": str(kubeconfig), **({"context": context} if context else {})}
        found = calico_objects.from_cluster(kubeconfig, context, namespace)
    elif files:
        found = calico_objects.from_files(files)
    else:
        raise errors.UsageError(
            "import from where?", next_step="name files, or a cluster with --kubeconfig"
        )
    made = calico_import.translate(found, owner=owner, cluster=place)
    calico_objects.refuse_errors(made)
    load.parse(calico_objects.text(made), name="what was imported", folder=Path.cwd())
    if options.is_json:
        options.print_document({"config": made.data, "notes": made.notes})
        return common.IN_SYNC
    for note in made.notes:
        options.progress(f"note: {note}")
    click.echo(safe_text(calico_objects.text(made), lines=True), nl=False)
    return common.IN_SYNC


def _summary(config: Config) -> str:
    counts = (
        (sum(group.name is not None for group in config.groups), "group"),
        (len(config.clusters), "cluster"),
        (len(config.sites), "site"),
        (len(config.fortimanagers), "FortiManager"),
    )
    words = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts]
    return f"Owner {config.owner}: {', '.join(words)}."


def _as_json(file: str, config: Config, found: tuple[ConfigProblem, ...]) -> dict[str, Any]:
    return {
        "file": file,
        "owner": config.owner,
        "clusters": [cluster.name for cluster in config.clusters],
        "fortimanagers": [unit.name for unit in config.fortimanagers],
        "sites": len(config.sites),
        "groups": [group.name for group in config.groups if group.name],
        "policies": [
            group.from_global_network_policies for group in config.groups if not group.name
        ],
        "notices": [
            {"path": n.path, "line": n.line, "message": n.message, "next": n.next_step}
            for n in found
        ],
    }

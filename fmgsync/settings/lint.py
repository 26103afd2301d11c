"""What is allowed but probably not meant: shown by `config check`, never a reason to stop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fmgsync.errors import ConfigProblem, SourceMisconfigured
from fmgsync.grouping import interest
from fmgsync.kube.kubeconfig import Access
from fmgsync.model.rule import GroupRule, Publish
from fmgsync.scheduling import cron
from fmgsync.settings import rules, secret, site_checks
from fmgsync.settings.groups import Group
from fmgsync.settings.schema import Config


def notices(config: Config) -> tuple[ConfigProblem, ...]:
    """Everything worth a second look, in the order of the file."""
    found = (
        *_clusters(config),
        *_groups(config),
        *_fortimanagers(config),
        *_sites(config),
        *exposed(config),
        *_windows(config),
    )
    return tuple(sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0)))


def alone(config: Config) -> Iterator[ConfigProblem]:
    """Nothing keeps two of us apart: right for one that is run by hand, and worth knowing."""
    if config.lease is None:
        yield config.origin.problem(
            ("owner",),
            "no lease is configured: nothing keeps a second fmgsync with this owner away",
            "see to it that one works at a time, or set lease: {namespace: fmgsync}",
        )


def _clusters(config: Config) -> Iterator[ConfigProblem]:
    behind = {name for site in config.sites for name in site.clusters}
    for index, cluster in enumerate(config.clusters):
        if cluster.name not in behind:
            yield config.origin.problem(
                ("clusters", index),
                f"no site stands in front of cluster {cluster.name!r}: it is read for nothing",
                "add a site",
            )
        elif cluster.allowed_ranges is None:
            yield from _open_to_tenants(config, index)
        if cluster.kubeconfig is not None:
            yield from _kubeconfig(config, index, cluster.kubeconfig.access)


def _open_to_tenants(config: Config, index: int) -> Iterator[ConfigProblem]:
    """A cluster without ranges, and groups that more people than their owner can get into."""
    name, path = config.clusters[index].name, ("clusters", index)
    groups = [
        group
        for group in config.groups
        if (group.select or group.from_global_network_policies)
        and (group.sites is None or name in group.sites.clusters)
    ]
    open_to_all = [
        group for group in groups if group.name is None or _lets_in(rules.group_rule(group))
    ]
    if open_to_all:
        yield config.origin.problem(
            path,
            f"{_named(open_to_all[0])} takes pods from any namespace whose labels fit, and"
            f" without allowedRanges cluster {name!r} can publish any address",
            "name the ranges of its pods and nodes in allowedRanges",
        )
    for group in groups:
        if group.within is None and group.publish in (Publish.ENDPOINT_SLICE, Publish.OBJECT):
            yield config.origin.problem(
                path,
                f"whoever may write the objects of {_named(group)} chooses their addresses:"
                " without allowedRanges none is published",
                "name their ranges in allowedRanges, or in within of the group",
            )
        if group.network is not None:
            yield config.origin.problem(
                path,
                f"only annotations tell the addresses of network {group.network!r}"
                f" ({_named(group)}): without allowedRanges none is published",
                "name the ranges of that network in allowedRanges",
            )


def _lets_in(rule: GroupRule) -> bool:
    """Of Services and the like others say what they are reached at."""
    return rule.over_pods and interest.lets_in(rule)


def _named(group: Group) -> str:
    """The group, or the policies it stands for."""
    if group.name is None:
        return f"the groups from policies {group.from_global_network_policies!r}"
    return f"group {group.name!r}"


def _kubeconfig(config: Config, index: int, access: Access) -> Iterator[ConfigProblem]:
    """One that is not on this computer may be where fmgsync will run."""
    from fmgsync.kube import connection

    path = ("clusters", index, "kubeconfig")
    if not any(file.exists() for file in access.files):
        return
    try:
        found = connection.check(access, access.where(config.clusters[index].name))
    except SourceMisconfigured as error:
        yield config.origin.problem(path, f"{error.where}: {error.message}", error.next_step)
        return
    if found is not None and not found.verified:
        yield config.origin.problem(
            path,
            "insecure-skip-tls-verify is on: anyone between here and the API server can read the"
            " token and invent pods",
            "remove it from the kubeconfig and name the certificate authority there",
        )


def _groups(config: Config) -> Iterator[ConfigProblem]:
    behind = {name for site in config.sites for name in site.clusters}
    for index, group in enumerate(config.groups):
        if group.object is not None:
            rule = rules.group_rule(group)
            yield config.origin.problem(
                ("groups", index, "object"),
                f"{_named(group)} needs the right to list and watch {rule.destinations}, which no"
                " role of fmgsync's grants by default",
                "grant what 'fmgsync config rbac' prints",
            )
        for at, prefix in enumerate(group.towards):
            if f"ipv{prefix.version}" not in group.families:
                yield config.origin.problem(
                    ("groups", index, "towards", at),
                    f"{_named(group)} publishes no IPv{prefix.version} addresses, so the way to"
                    f" {prefix} is never looked at",
                    f"remove it, or add ipv{prefix.version} to families",
                )
        wanted = behind if group.sites is None else behind & set(group.sites.clusters)
        if not wanted:
            yield config.origin.problem(
                ("groups", index), f"no site needs {_named(group)}", "add a site"
            )


def _fortimanagers(config: Config) -> Iterator[ConfigProblem]:
    for index, unit in enumerate(config.fortimanagers):
        path = ("fortimanagers", index)
        if not unit.tls.verify:
            yield config.origin.problem(
                (*path, "tls", "verify"),
                "anyone between here and FortiManager can read the password",
                "name the certificate of its CA in caFile",
            )


def _sites(config: Config) -> Iterator[ConfigProblem]:
    """Names in a site that no FortiGate of the configuration bears, beside some that one does."""
    known = [unit.name for unit in config.fortigates]
    for index, site in enumerate(config.sites):
        for at, word in site_checks.undefined_fortigates(list(site.fortigates), known).items():
            path = ("sites", index, "fortigates", at)
            yield config.origin.problem(path, *site_checks.no_fortigate(word, known))


def exposed(config: Config) -> Iterator[ConfigProblem]:
    """Files with a secret in them that every user of this computer can read."""
    for steps, file in _secret_files(config):
        if file is not None and secret.is_open_to_all(file):
            yield config.origin.problem(
                steps, f"every user of this computer can read {file}", f"chmod o-r {file}"
            )


def _secret_files(config: Config) -> Iterator[tuple[tuple[str | int, ...], Path | None]]:
    for index, unit in enumerate(config.fortimanagers):
        path = ("fortimanagers", index, "credentials")
        password, key = unit.credentials.password, unit.credentials.api_key
        yield (*path, "password"), password.file if password is not None else None
        yield (*path, "apiKey"), key.file if key is not None else None
    for index, fortigate in enumerate(config.fortigates):
        own, certificate = ("fortigates", index), fortigate.tls.client_cert
        yield (*own, "apiKey"), fortigate.api_key.file
        yield (*own, "tls", "clientCert"), certificate.key_file if certificate else None
    for index, cluster in enumerate(config.clusters):
        if cluster.kubeconfig is not None:
            for name in str(cluster.kubeconfig.file).split(os.pathsep):
                yield ("clusters", index, "kubeconfig"), Path(name).expanduser()


def _windows(config: Config) -> Iterator[ConfigProblem]:
    windows = config.install.windows
    if windows == "always" or config.install.mode == "none":
        return
    for index, window in enumerate(windows):
        if (doubt := cron.doubt(window.schedule)) is not None:
            yield config.origin.problem(("install", "windows", index, "schedule"), *doubt)
    if not any(window.kind == "allow" for window in windows):
        yield config.origin.problem(
            ("install", "windows"),
            "no window allows an install, so none ever starts by itself",
            "add a window of kind allow, or write windows: always",
        )

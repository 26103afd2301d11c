"""A Kubernetes API server on a loopback port, for tests and demonstrations.

It serves pods, nodes, namespaces, leases, events, configmaps, secrets and service accounts as a
real one does where a client can notice: resource versions, conflicts, paged lists, watches with
bookmarks and 410, terminating pods, status as a sub-resource. There is no scheduler and no
kubelet: whoever uses it plays both, with `add`, `patch` and `delete`, which write spec and status
at once.
"""

from __future__ import annotations

import json
import secrets
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from fmgsync.simulator.kubernetes import admission, deleting, patches
from fmgsync.simulator.kubernetes.connections import Listener
from fmgsync.simulator.kubernetes.faults import Faults
from fmgsync.simulator.kubernetes.http import Received, World
from fmgsync.simulator.kubernetes.resources import (
    EGRESS,
    NAMESPACES,
    Resource,
    Target,
    calico,
    defined,
)
from fmgsync.simulator.kubernetes.store import Backup
from fmgsync.simulator.wire import certificates

Manifest = dict[str, Any]


class KubernetesSimulator:
    """A context manager; several may run side by side.

    `url`, `ca_file` and `token` are what a client needs, or the file that `kubeconfig` writes.
    `faults` makes it fail; `requests` is what was asked of it.
    """

    def __init__(self, *, bookmark_interval_s: float = 60.0, host: str = "127.0.0.1") -> None:
        self.token = secrets.token_urlsafe(24)
        self._folder: Final = tempfile.TemporaryDirectory(prefix="fmgsync-kubernetes-")
        self.ca_file: Final = Path(self._folder.name) / "ca.pem"
        self._world: Final = World(self._is_token, bookmark_interval_s)
        self._listener: Final = Listener(self._world.handler(), self._tls(), host)
        for name in ("default", "kube-system"):
            self.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *raised: object) -> None:
        self.down()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        """`https://HOST:PORT`; the port stays the same through `down` and `up`."""
        return self._listener.url

    def install_calico(self, api_version: str = "projectcalico.org/v3") -> None:
        """From now on Calico's kinds are served, in this home of theirs as well."""
        self._world.served = (*self._world.served, *calico(api_version))

    def define(self, api_version: str, kind: str, *, namespaced: bool = True) -> None:
        """From now on objects of this kind are served, as after a CustomResourceDefinition."""
        made = defined(api_version, kind, namespaced=namespaced)
        self._world.served = (*self._world.served, made)

    def install_egress(self) -> None:
        """From now on the kinds of several network plug-ins are served, as no cluster has them all
        together."""
        self._world.served = (*self._world.served, *EGRESS)

    def withdraw(self, group: str) -> None:
        """A group is served no more, as when the API server behind it is taken away."""
        self._world.served = tuple(each for each in self._world.served if each.group != group)

    @property
    def faults(self) -> Faults:
        """The switches that make it fail."""
        return self._world.faults

    @property
    def requests(self) -> tuple[Received, ...]:
        """Every request for objects so far, refused ones included."""
        with self._world.lock:
            return tuple(self._world.received)

    @property
    def unauthorized(self) -> int:
        """How many requests had a token that is not known; `requests` has none of these."""
        with self._world.lock:
            return self._world.unauthorized

    @property
    def read_from_etcd(self) -> int:
        """How many objects lists without a version have read so far, to choose among them, on a
        server whose watch cache does not answer those."""
        return self._world.api.lists.read

    def kubeconfig(self, path: Path, *, context: str = "simulator") -> Path:
        """Write a kubeconfig for this server, with one context."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [
                {
                    "name": "simulator",
                    "cluster": {"server": self.url, "certificate-authority": str(self.ca_file)},
                }
            ],
            "users": [{"name": "fmgsync", "user": {"token": self.token}}],
            "contexts": [{"name": context, "context": {"cluster": "simulator", "user": "fmgsync"}}],
        }
        path.write_text(json.dumps(content, indent=2))
        path.chmod(0o600)
        return path

    def add(self, manifest: Mapping[str, Any]) -> Manifest:
        """Write a whole object, status included, new or over the one of that name."""
        resource = self._resource(str(manifest["kind"]), str(manifest.get("apiVersion", "")))
        content = admission.parsed(resource, dict(manifest))
        status = content.get("status")
        namespace = content["metadata"].get("namespace") or "default"
        place = namespace if resource.namespaced else ""
        store = self._world.store
        with store.changed:
            old = store.get(resource, place, content["metadata"]["name"])
            if old is not None:
                content["metadata"] = {**old.content["metadata"], **content["metadata"]}
                return _shown(resource, store.put(resource, place, old.name, content).content)
            if place:
                deleting.check_open(store, place, resource, content["metadata"]["name"])
            made = admission.created(resource, place, content)
            if status is not None:
                made = {**made, "status": {**made.get("status", {}), **status}}
            stored = store.put(resource, place, made["metadata"]["name"], made)
        return _shown(resource, stored.content)

    def patch(
        self, kind: str, name: str, patch: Mapping[str, Any], *, namespace: str = "default"
    ) -> Manifest:
        """Merge a patch into a whole object, status included."""
        resource = self._resource(kind)
        place = namespace if resource.namespaced else ""
        store = self._world.store
        with store.changed:
            old = self._world.api.read(Target(resource, place, name))
            after = patches.patched(old.content, "application/merge-patch+json", patch)
            return _shown(resource, store.put(resource, place, name, after).content)

    def delete(self, kind: str, name: str, *, namespace: str = "default") -> None:
        """Remove an object at once, as after the grace period; a namespace with all in it."""
        resource = self._resource(kind)
        place = namespace if resource.namespaced else ""
        self._world.api.delete(Target(resource, place, name), {"gracePeriodSeconds": 0})
        if resource is NAMESPACES:
            deleting.empty_namespace(self._world.store, name)

    def terminate(self, name: str, *, namespace: str = "default") -> None:
        """Begin to terminate a pod, as `kubectl delete pod` does."""
        self._world.api.delete(Target(self._resource("Pod"), namespace, name), {})

    def find(self, kind: str, name: str, *, namespace: str = "default") -> Manifest | None:
        """The object as it is, or None."""
        resource = self._resource(kind)
        place = namespace if resource.namespaced else ""
        found = self._world.store.get(resource, place, name)
        return None if found is None else _shown(resource, found.content)

    def rotate_token(self) -> str:
        """Issue another token; the old one is refused from now on."""
        self.token = secrets.token_urlsafe(24)
        return self.token

    def show_certificate(self, tls: ssl.SSLContext) -> None:
        """Show the certificate of `tls` to whoever connects from now on."""
        self._listener.show(tls)

    def bookmark(self) -> int:
        """Send a bookmark to every watch that takes them, behind all that has happened, as a server
        may at any time; gives its version."""
        return self._world.store.tell_revision()

    def expire_history(self) -> None:
        """Forget past changes and unfinished lists, as a compaction does: 410 to their readers."""
        self._world.store.forget_history(compacted=True)
        self._world.api.lists.forget()

    def cut_connections(self) -> None:
        """End every connection without a word."""
        self._listener.cut_connections()

    def restart(self, *, warm_up_s: float = 1.0) -> None:
        """As a restarted API server: connections and history gone, watches refused for a second."""
        self.down()
        self._world.store.forget_history()
        self.faults.warm_up(warm_up_s)
        self.up()

    def backup(self) -> Backup:
        """A copy of everything, for `restore`."""
        return self._world.store.backup()

    def restore(self, backup: Backup, *, warm_up_s: float = 1.0) -> None:
        """As a cluster restored from a backup: revisions go back, and the server is restarted.

        A client that still has a version from after the backup is not told: its watch is accepted
        and silent until the revisions have passed that version.
        """
        self.down()
        self._world.store.restore(backup)
        self._world.api.lists.forget()
        self.faults.warm_up(warm_up_s)
        self.up()

    def down(self) -> None:
        """Stop answering: connections are cut and new ones refused."""
        self._listener.down()

    def up(self) -> None:
        """Answer again, at the same url."""
        self._listener.up()

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self.token.encode())

    def _resource(self, kind: str, version: str = "") -> Resource:
        found = [each for each in self._world.served if each.kind == kind]
        return next((each for each in found if each.api_version == version), found[0])

    def _tls(self) -> ssl.SSLContext:
        certificate = certificates.certificate("127.0.0.1", "::1", "localhost")
        self.ca_file.write_bytes(certificate.ca_pem)
        return certificate.context


def _shown(resource: Resource, content: Mapping[str, Any]) -> Manifest:
    return {"apiVersion": resource.api_version, "kind": resource.kind, **content}

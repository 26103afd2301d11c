"""Certificates that change while a session lasts: the server's, its authority's and our own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trustme

from fmgsync.errors import SourceUntrusted
from fmgsync.kube import client, connection
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.requests import CONFIGMAPS, NODES, Request
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.certificates import keep, keep_client, shown
from tests.kube.kubeconfigs import written

LIST = Request("list", NODES)


class Steady:
    """A clock for how long ago something was looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(client, "steady_seconds", lambda: self.now)


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> Steady:
    return Steady(monkeypatch)


def opened(simulator: KubernetesSimulator, folder: Path, **user: str) -> ApiSession:
    """A session that has a connection, to a server of the authority in `ca.pem`."""
    how = {"certificate-authority": "ca.pem"}
    named = {"token": simulator.token, **user}
    session = ApiSession("east", written(simulator, folder / "config", cluster=how, user=named))
    session.read(LIST)
    return session


def test_a_new_authority_is_used_for_the_request_that_needs_it(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    """Writes are repeated as well: without a handshake nothing was sent."""
    keep(tmp_path / "ca.pem", first := trustme.CA())
    simulator.show_certificate(shown(first))
    session = opened(simulator, tmp_path)
    keep(tmp_path / "ca.pem", second := trustme.CA())
    simulator.show_certificate(shown(second))
    simulator.cut_connections()
    content = {"metadata": {"name": "one", "namespace": "default"}, "data": {}}
    body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", **content}).encode()
    session.send(Request("create", CONFIGMAPS, "default", body=body))


@pytest.mark.parametrize("wrong", ["of nobody known", "expired", "of another host"])
def test_whoever_shows_a_certificate_that_does_not_do_is_told_nothing(
    simulator: KubernetesSimulator, tmp_path: Path, wrong: str
) -> None:
    """And as soon as it is right, nobody has to start anything again."""
    keep(tmp_path / "ca.pem", first := trustme.CA())
    simulator.show_certificate(shown(first))
    session = opened(simulator, tmp_path)
    names = ("other.example.net",) if wrong == "of another host" else ()
    signer = trustme.CA() if wrong == "of nobody known" else first
    simulator.show_certificate(shown(signer, *names, expired=wrong == "expired"))
    simulator.cut_connections()
    asked = len(simulator.requests)
    for _ in range(3):
        with pytest.raises(SourceUntrusted, match="certificate is not trusted"):
            session.read(LIST)
    assert len(simulator.requests) == asked
    simulator.show_certificate(shown(first))
    session.read(LIST)


def test_half_an_authority_replaces_none(
    simulator: KubernetesSimulator, tmp_path: Path, steady: Steady
) -> None:
    keep(tmp_path / "ca.pem", first := trustme.CA())
    simulator.show_certificate(shown(first))
    session = opened(simulator, tmp_path)
    whole = trustme.CA()
    (tmp_path / "ca.pem").write_bytes(whole.cert_pem.bytes()[:200])
    simulator.cut_connections()
    session.read(LIST)
    keep(tmp_path / "ca.pem", whole)
    steady.now += 60
    simulator.show_certificate(shown(whole))
    simulator.cut_connections()
    session.read(LIST)


def test_a_client_certificate_that_is_replaced_is_not_shown_for_longer_than_a_minute(
    simulator: KubernetesSimulator, tmp_path: Path, steady: Steady
) -> None:
    """The old one would do for years; a certificate without its key is none yet."""
    keep(tmp_path / "ca.pem", server := trustme.CA())
    before, after = trustme.CA(), trustme.CA()
    both = shown(server, demands=before)
    after.configure_trust(both)
    simulator.show_certificate(both)
    keep_client(tmp_path, before)
    names = {"client-certificate": "client.crt", "client-key": "client.key"}
    session = opened(simulator, tmp_path, **names)
    key = (tmp_path / "client.key").read_bytes()
    keep_client(tmp_path, after)
    new = (tmp_path / "client.key").read_bytes()
    (tmp_path / "client.key").write_bytes(key)
    steady.now += 30
    session.read(LIST)
    (tmp_path / "client.key").write_bytes(new)
    steady.now += 30
    simulator.show_certificate(shown(server, demands=after))
    session.read(LIST)


def test_an_old_token_in_a_kubeconfig_is_not_used_for_longer_than_a_minute(
    simulator: KubernetesSimulator, tmp_path: Path, steady: Steady
) -> None:
    """Though it is good for longer: whoever took it away wants it gone."""
    keep(tmp_path / "ca.pem", first := trustme.CA())
    simulator.show_certificate(shown(first))
    session = opened(simulator, tmp_path)
    simulator.rotate_token()
    how = {"certificate-authority": "ca.pem"}
    written(simulator, tmp_path / "config", cluster=how)
    steady.now += 60
    session.read(LIST)
    assert simulator.unauthorized == 0


def test_a_kubeconfig_that_leads_elsewhere_is_followed_by_whoever_begins_anew(
    simulator: KubernetesSimulator, tmp_path: Path, steady: Steady
) -> None:
    """A watch that is resumed at another cluster would be told nothing of what is gone there."""
    keep(tmp_path / "ca.pem", first := trustme.CA())
    simulator.show_certificate(shown(first))
    session = opened(simulator, tmp_path)
    with KubernetesSimulator() as other:
        other.show_certificate(shown(first))
        written(other, tmp_path / "config", cluster={"certificate-authority": "ca.pem"})
        steady.now += 60
        session.read(LIST)
        assert other.requests == ()
        session.close()
        session.read(LIST)
        assert len(other.requests) == 1


def test_a_service_accounts_new_authority(
    simulator: KubernetesSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is mounted, and swapped as a whole, by the link that leads to it."""
    first, second = trustme.CA(), trustme.CA()
    for name, authority in (("..1", first), ("..2", second)):
        (tmp_path / name).mkdir()
        keep(tmp_path / name / "ca.crt", authority)
        (tmp_path / name / "token").write_text(simulator.token)
    (tmp_path / "..data").symlink_to("..1")
    for name in ("ca.crt", "token"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    monkeypatch.setattr(connection, "SERVICE_ACCOUNT", tmp_path)
    host, port = simulator.url.removeprefix("https://").split(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    simulator.show_certificate(shown(first))
    session = ApiSession("east", Access())
    session.read(LIST)
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").replace(tmp_path / "..data")
    simulator.show_certificate(shown(second))
    simulator.cut_connections()
    session.read(LIST)

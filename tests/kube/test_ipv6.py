"""An API server, and a proxy, that have IPv6 only."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fmgsync.errors import SourceUnavailable
from fmgsync.kube import connection
from fmgsync.kube.client import Access, ApiSession
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.kube.kubeconfigs import written


@pytest.fixture
def simulator() -> Iterator[KubernetesSimulator]:
    with KubernetesSimulator(host="::1") as made:
        yield made


def test_it_is_reached_by_its_address(
    simulator: KubernetesSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://192.0.2.1:3128")  # not for this computer
    assert ApiSession("east", written(simulator, tmp_path / "config")).version()


def test_it_is_reached_by_the_service_account(
    simulator: KubernetesSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes writes the address without brackets."""
    (tmp_path / "token").write_text(simulator.token)
    (tmp_path / "ca.crt").write_bytes(simulator.ca_file.read_bytes())
    monkeypatch.setattr(connection, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", simulator.url.rpartition(":")[2])
    assert ApiSession("east", Access()).version()


class Refusing(BaseHTTPRequestHandler):
    """A proxy that lets nobody through."""

    def do_CONNECT(self) -> None:
        self.send_error(403)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as in the library
        """Say nothing."""


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def server_close(self) -> None:
        self.shutdown()
        super().server_close()


@pytest.mark.parametrize("where", ["kubeconfig", "environment", "environment, no scheme"])
def test_a_proxy_by_its_address(
    simulator: KubernetesSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    with Server(("::1", 0), Refusing) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://[::1]:{proxy.server_port}"
        how = {"server": "https://[fd00::1]:6443"}
        if where == "kubeconfig":
            how["proxy-url"] = url
        else:
            named = url if where == "environment" else url.removeprefix("http://")
            monkeypatch.setenv("HTTPS_PROXY", named)
        access = written(simulator, tmp_path / "config", cluster=how)
        with pytest.raises(SourceUnavailable) as caught:
            ApiSession("east", access).version()
        assert f"the proxy {url} does not let us through" in str(caught.value)
        assert "403" in str(caught.value)

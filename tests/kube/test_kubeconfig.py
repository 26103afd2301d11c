"""A kubeconfig means what it means to kubectl; what kubectl refuses is refused in words."""

from __future__ import annotations

import base64
import json
import socket
import socketserver
import tempfile
import threading
import warnings
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
import trustme
import yaml

from fmgsync import redaction
from fmgsync.errors import SourceError, SourceMisconfigured, SourceUnavailable, SourceUntrusted
from fmgsync.kube import connection, kubeconfig
from fmgsync.kube.client import Access, ApiSession
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.kube.kubeconfigs import written

TOKEN = "tok-5ecret-of-somebody"


def config(path: Path, **parts: Any) -> Access:
    """A kubeconfig of nobody's cluster; `user__token` replaces what is called so."""
    cluster: dict[str, Any] = {"server": "https://127.0.0.1:1"}
    user: dict[str, Any] = {}
    content: dict[str, Any] = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    places = {"cluster": cluster, "user": user, "top": content}
    for name, value in parts.items():
        where, _, key = name.partition("__")
        places[where][key if key == "tokenFile" else key.replace("_", "-")] = value
    path.write_text(yaml.safe_dump(content))
    return Access(path)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    # kubectl: "cannot unmarshal string into ... of type bool". It would turn verification off.
    "a quoted truth": (
        {"cluster__insecure_skip_tls_verify": "false"},
        "clusters[0].cluster.insecure-skip-tls-verify must be true or false",
    ),
    "a truth in digits": (
        {"cluster__insecure_skip_tls_verify": 0},
        "insecure-skip-tls-verify must be true or false",
    ),
    "a token of digits": ({"user__token": 12345678}, "users[0].user.token must be text"),
    "a token file of digits": ({"user__tokenFile": 7}, "users[0].user.tokenFile must be text"),
    "a password of digits": (
        {"user__username": "a", "user__password": 123456},
        "users[0].user.password must be text",
    ),
    "a server that is a list": ({"cluster__server": ["a"]}, "cluster.server must be text"),
    "a proxy of digits": ({"cluster__proxy_url": 3128}, "proxy-url must be text"),
    "a name of the server of digits": ({"cluster__tls_server_name": 1}, "tls-server-name must be"),
    "an authority that is no base64": (
        {"cluster__certificate_authority_data": "%%%"},
        "certificate-authority-data must be base64",
    ),
    "an authority that is no certificate": (
        {"cluster__certificate_authority_data": base64.b64encode(b"hello").decode()},
        "authority is no certificate",
    ),
    "an authority of nothing": (
        {"cluster__certificate_authority": "empty.pem"},
        "authority is no certificate",
    ),
    "an absent authority": ({"cluster__certificate_authority": "gone.pem"}, "gone.pem: no such"),
    "an authority and none": (
        {
            "cluster__certificate_authority": "ca.pem",
            "cluster__insecure_skip_tls_verify": True,
        },
        "names an authority and says insecure-skip-tls-verify",
    ),
    "a key of no certificate": ({"user__client_key_data": "AAAA"}, "client key without the other"),
    "a certificate and key that are none": (
        {"user__client_key_data": "AAAA", "user__client_certificate_data": "AAAA"},
        "do not go together",
    ),
    "a token and a password": (
        {"user__token": "abcdefg", "user__username": "a", "user__password": "bcdefgh"},
        "a token as well as a password",
    ),
    "groups without a user": ({"user__as_groups": ["admins"]}, "without acting for a user"),
    "groups that are text": (
        {"user__as": "ann", "user__as_groups": "x"},
        "as-groups must be a list",
    ),
    "a user with a line break": ({"user__as": "ann\nX-Admin: yes"}, "no HTTP header can carry"),
    "a plugin that is text": ({"user__exec": "aws"}, "users[0].user.exec must have keys"),
    "a plugin without a command": (
        {"user__exec": {"apiVersion": "client.authentication.k8s.io/v1"}},
        "exec plugin has no command",
    ),
    "arguments of digits": (
        {
            "user__exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "x",
                "args": [1],
            }
        },
        "exec.args[0] must be text",
    ),
    "a provider of long ago": (
        {"user__auth_provider": {"name": "gcp"}},
        "auth-provider 'gcp' is not supported",
    ),
    "users that are no list": ({"top__users": {"u": {}}}, "users must be a list"),
    "a cluster without a name": (
        {"top__clusters": [{"cluster": {}}]},
        "clusters[0].name is missing",
    ),
    "a context that is not there": ({"top__current_context": "y"}, "there is no context 'y'"),
    "a user that is not there": ({"top__users": []}, "there is no user 'u'"),
    "a cluster that is not there": ({"top__clusters": []}, "there is no cluster 'c'"),
    "no server": ({"cluster__server": ""}, "`server` is no url"),
    "a server of another protocol": ({"cluster__server": "ftp://x"}, "`server` is no url"),
    "a server with a blank": ({"cluster__server": "https://a b"}, "`server` is no url"),
    "a token in clear by omission": (
        {"cluster__server": "10.0.0.1:6443", "user__token": "abcdefgh"},
        "`server` has no scheme",
    ),
    "a proxy of another protocol": ({"cluster__proxy_url": "ftp://p:1"}, "is no url of a proxy"),
    "a proxy without a host": ({"cluster__proxy_url": "http://"}, "is no url of a proxy"),
    "a token with a line break": ({"user__token": "abc\ndefgh"}, "a line break"),
    "a token beyond ASCII": ({"user__token": "töken-of-mine"}, "a character beyond ASCII"),
    "two users of one name": (
        {"top__users": [{"name": "u"}, {"name": "u"}]},
        "it has two entries of the name 'u'",
    ),
    "a server with a query": ({"cluster__server": "https://a?token=x"}, "`server` is no url"),
    "a quoted yes about compression": (
        {"cluster__disable_compression": "yes"},
        "disable-compression must be true or false",
    ),
    "another kind of file": ({"top__kind": "Pod"}, "kind must be 'Config'"),
    "a mode of a plugin that there is not": (
        {
            "user__exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "true",
                "interactiveMode": "never",
            }
        },
        "interactiveMode must be 'Never', 'IfAvailable' or 'Always'",
    ),
    "a token file of no name": ({"user__tokenFile": "a\0b"}, "no file can have that name"),
    "an authority of no name": (
        {"cluster__certificate_authority": "a\0b"},
        "no file can have that name",
    ),
    "a plugin that no process can be": (
        {
            "user__exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "true",
                "env": [{"name": "A=B", "value": "c"}],
            }
        },
        "cannot be run: a NUL or `=`",
    ),
    "an absent token file": ({"user__tokenFile": "gone"}, "gone cannot be read: no such file"),
}


@pytest.mark.parametrize("why", WRONG)
def test_what_kubectl_refuses_is_refused_and_named(tmp_path: Path, why: str) -> None:
    parts, message = WRONG[why]
    (tmp_path / "ca.pem").write_text("x")
    (tmp_path / "empty.pem").write_text("")
    access = config(tmp_path / "kubeconfig", **parts)
    with pytest.raises(SourceMisconfigured) as caught:
        connection.connect(access, access.where("east")).headers(kube_version())
    assert message in str(caught.value)
    assert caught.value.exit_code == 2
    assert "cluster east" in str(caught.value)
    assert str(access.kubeconfig) in str(caught.value)
    assert caught.value.next_step


def kube_version() -> Any:
    from fmgsync.kube.requests import SERVER_VERSION, Request

    return Request("get", SERVER_VERSION)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"users:\n- name: u\n  user:\n    token: {TOKEN}\n   bad", "see line"),
        (f"users: [{{name: u, user: {{token: {TOKEN}, x: [}}}}]", "it is no YAML"),
        (f"users: [{{name: u, user: {{token: [{TOKEN}]}}}}]", "users[0].user.token must be text"),
        (f"[{TOKEN}]", "it is no kubeconfig"),
        ("", "it is empty"),
    ],
)
def test_a_message_about_the_file_quotes_nothing_of_it(
    tmp_path: Path, text: str, shown: str
) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(SourceMisconfigured, match=shown.replace("[", r"\[")) as caught:
        kubeconfig.choose(Access(tmp_path / "config"), "cluster east")
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("value", ["2024-01-01", "12e3", "0x1f", "on", "~", "1_000", "="])
def test_text_in_quotes_is_text_whatever_it_looks_like(tmp_path: Path, value: str) -> None:
    path = tmp_path / "config"
    config(path, user__token=value)
    assert kubeconfig.choose(Access(path), "").user.token == value


def test_a_date_is_text_without_quotes_as_well(tmp_path: Path) -> None:
    """As for kubectl, whose YAML becomes JSON, which has no dates."""
    path = tmp_path / "config"
    config(path, user__token="x")
    path.write_text(path.read_text().replace("token: x", "token: 2024-01-01"))
    assert kubeconfig.choose(Access(path), "").user.token == "2024-01-01"


PEM = f"-----BEGIN PRIVATE KEY-----\n{TOKEN}/x\n-----END PRIVATE KEY-----\n"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.dG9rLTVlY3JldA"
MISPLACED: dict[str, dict[str, Any]] = {
    "a key in place of its file": {
        "user__client_key": PEM,
        "user__client_certificate_data": "AAAA",
    },
    "a key in base64 in place of its file": {
        "user__client_key": base64.b64encode(PEM.encode()).decode(),
        "user__client_certificate_data": "AAAA",
    },
    "a token in place of its file": {"user__tokenFile": JWT},
    "an opaque token in place of its file": {"user__tokenFile": TOKEN},
    "a token that a plugin tells": {
        "user__exec": {"command": "sh", "args": ["-c", f"echo sent token={TOKEN} >&2; exit 1"]}
    },
    "a header that a plugin tells": {
        "user__exec": {
            "command": "sh",
            "args": ["-c", f"echo 'Authorization: Bearer {TOKEN}' >&2; exit 1"],
        }
    },
    "a token of kubeadm in place of its file": {"user__tokenFile": "abcdef.0123456789abcdef"},
    "a program with its arguments": {"user__exec": {"command": f"get --token {TOKEN}"}},
    "a word for a key in the environment": {
        "user__exec": {
            "command": "sh",
            "args": ["-c", "echo $MY_PASSPHRASE >&2; exit 1"],
            "env": [{"name": "MY_PASSPHRASE", "value": TOKEN}],
        }
    },
    "somebody else's token": {
        "user__exec": {"command": "sh", "args": ["-c", f"echo {JWT} >&2; exit 1"]}
    },
}


@pytest.mark.parametrize("case", MISPLACED)
def test_a_secret_in_the_wrong_place_is_not_shown(tmp_path: Path, case: str) -> None:
    parts = MISPLACED[case]
    plugin = parts.get("user__exec")
    if isinstance(plugin, dict):
        plugin |= {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
    access = config(tmp_path / "config", **parts)
    with pytest.raises(SourceError) as caught:
        connection.connect(access, "east").headers(kube_version())
    shown = str(caught.value)
    secrets = (TOKEN, JWT, "0123456789abcdef", base64.b64encode(PEM.encode()).decode())
    assert not any(each in shown for each in secrets)
    assert redaction.SHOWN_INSTEAD in shown


SERVERS = [
    ("https://a.example:6443/", {}, "https://a.example:6443"),
    ("https://a.example/k8s/clusters/c-1", {}, "https://a.example/k8s/clusters/c-1"),
    ("http://127.0.0.1:8001", {"user__token": "abcdefgh"}, "http://127.0.0.1:8001"),
    # Without a scheme: HTTPS as soon as anything of TLS is configured, as kubectl has it.
    ("a.example:6443", {"cluster__insecure_skip_tls_verify": True}, "https://a.example:6443"),
    ("a.example:6443", {}, "http://a.example:6443"),
    ("[2001:db8::1]:6443", {}, "http://[2001:db8::1]:6443"),
]


@pytest.mark.parametrize(("server", "parts", "url"), SERVERS)
def test_a_server_is_a_url_or_nearly_one(
    tmp_path: Path, server: str, parts: dict[str, Any], url: str
) -> None:
    access = config(tmp_path / "config", cluster__server=server, **parts)
    assert connection.connect(access, "").host == url


def test_files_are_merged_as_kubectl_merges_them(tmp_path: Path) -> None:
    """Of one name the first file's entry counts alone; paths start at their own file's folder."""
    first, second = tmp_path / "a" / "config", tmp_path / "b" / "config"
    for path in (first, second):
        path.parent.mkdir()
        (path.parent / "token").write_text(path.parent.name * 8)
    config(first, user__tokenFile="token", top__contexts=None, top__current_context=None)
    config(second, user__tokenFile="token", cluster__server="https://second.example")
    access = Access(first, None, (tmp_path / "absent", second))
    made = connection.connect(access, "")
    assert made.host == "https://127.0.0.1:1"
    assert made.headers(kube_version())["Authorization"] == "Bearer aaaaaaaa"
    other = connection.connect(Access(second, None, (first,)), "")
    assert other.host == "https://second.example"
    assert other.headers(kube_version())["Authorization"] == "Bearer bbbbbbbb"


def test_of_a_list_of_absent_files_nothing_is_left(tmp_path: Path) -> None:
    access = Access(tmp_path / "a", None, (tmp_path / "b",))
    with pytest.raises(SourceMisconfigured, match="none of these files has a context"):
        kubeconfig.choose(access, "")


def test_a_near_miss_is_named(tmp_path: Path) -> None:
    access = config(tmp_path / "config", top__current_context="x1")
    with pytest.raises(SourceMisconfigured, match="did you mean 'x'"):
        kubeconfig.choose(access, "")


def test_verification_that_is_off_warns_in_nobody_elses_words(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    how = {"certificate-authority": None, "insecure-skip-tls-verify": True}
    access = written(simulator, tmp_path / "config", cluster=how)
    session = ApiSession("east", access)
    with warnings.catch_warnings(record=True) as raised:
        assert session.version()
        assert not session.tls().verified
    assert raised == []


@pytest.mark.parametrize("value", ["false", "true", 0, 1])
def test_only_a_plain_true_turns_verification_off(
    simulator: KubernetesSimulator, tmp_path: Path, value: object
) -> None:
    how = {"certificate-authority": None, "insecure-skip-tls-verify": value}
    access = written(simulator, tmp_path / "config", cluster=how)
    with pytest.raises(SourceMisconfigured):
        ApiSession("east", access).version()


@pytest.mark.parametrize("value", [False, None])
def test_a_plain_false_leaves_it_on(
    simulator: KubernetesSimulator, tmp_path: Path, value: object
) -> None:
    access = written(simulator, tmp_path / "config")
    content = json.loads(access.files[0].read_text())
    del content["clusters"][0]["cluster"]["certificate-authority"]
    content["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = value
    access.files[0].write_text(json.dumps(content))
    with pytest.raises(SourceUntrusted):
        ApiSession("east", access).version()


def test_text_around_certificates_is_a_comment(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    pem = "# Größte Behörde\n" + simulator.ca_file.read_text()
    how = {
        "certificate-authority": None,
        "certificate-authority-data": base64.b64encode(pem.encode()).decode(),
    }
    assert ApiSession("east", written(simulator, tmp_path / "config", cluster=how)).version()


def test_without_a_temporary_folder_a_client_certificate_is_an_error_that_says_so(
    simulator: KubernetesSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL reads keys from files only. As where the file system is read-only, or full."""
    issued = trustme.CA().issue_cert("ann")
    certificate, key = issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()
    user = {
        "token": simulator.token,
        "client-certificate-data": base64.b64encode(certificate).decode(),
        "client-key-data": base64.b64encode(key).decode(),
    }
    session = ApiSession("east", written(simulator, tmp_path / "config", user=user))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(SourceMisconfigured, match="No such file or directory"):
        session.version()
    monkeypatch.undo()
    assert session.version()


def test_what_was_read_shows_no_secret(tmp_path: Path) -> None:
    """A value may end up in a message by its repr."""
    access = config(
        tmp_path / "config",
        user__token=TOKEN,
        user__exec={"args": [TOKEN], "env": [{"name": "A", "value": TOKEN}]},
        cluster__proxy_url=f"http://a:{TOKEN}@p:1",
    )
    chosen = kubeconfig.choose(access, "")
    assert TOKEN not in f"{chosen!r} {chosen.user} {chosen.user.exec} {chosen.server}"


def test_a_dead_proxy_is_named(simulator: KubernetesSimulator, tmp_path: Path) -> None:
    how = {"proxy-url": "http://ann:pr0xy-word@127.0.0.1:9"}
    access = written(simulator, tmp_path / "config", cluster=how)
    with pytest.raises(SourceUnavailable) as caught:
        ApiSession("east", access).version()
    assert "the proxy http://127.0.0.1:9 does not let us through: connection refused" in str(
        caught.value
    )
    assert "pr0xy-word" not in repr(caught.value.__cause__) + str(caught.value)


def test_a_proxy_that_refuses_says_so_in_its_own_words(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    """This one knows no CONNECT."""

    class Refusing(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.01,)).start()
        url = f"http://127.0.0.1:{proxy.server_port}"
        access = written(simulator, tmp_path / "config", cluster={"proxy-url": url})
        with pytest.raises(SourceUnavailable, match=f"proxy {url} does not.*failed: 501"):
            ApiSession("east", access).version()
        proxy.shutdown()


def test_a_proxy_that_is_not_trusted_is_not_taken_for_the_server(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    with KubernetesSimulator() as other:
        access = written(simulator, tmp_path / "config", cluster={"proxy-url": other.url})
        with pytest.raises(SourceUnavailable, match=f"proxy {other.url} does not.*not trusted"):
            ApiSession("east", access).version()


def test_a_dead_socks_proxy_is_named(simulator: KubernetesSimulator, tmp_path: Path) -> None:
    """Or, where Python's package for it is missing, that is."""
    how = {"proxy-url": "socks5://127.0.0.1:9"}
    access = written(simulator, tmp_path / "config", cluster=how)
    with pytest.raises(SourceError, match=r"proxy socks5://127.0.0.1:9|PySocks is missing"):
        ApiSession("east", access).version()


class Socks(socketserver.BaseRequestHandler):
    """As much of a SOCKS 5 proxy as one connection needs. Public source: RFC 1928 and 1929."""

    login = b""
    asked: ClassVar[list[str]] = []

    def handle(self) -> None:
        inward = self.request
        inward.recv(2)
        methods = inward.recv(16)
        if self.login:
            assert 2 in methods
            inward.sendall(b"\x05\x02")
            assert inward.recv(64) == self.login
            inward.sendall(b"\x01\x00")
        else:
            inward.sendall(b"\x05\x00")
        inward.recv(3)
        (kind,) = inward.recv(1)
        assert kind == 3  # a name: the proxy resolves it, as for kubectl
        name = inward.recv(inward.recv(1)[0]).decode()
        port = int.from_bytes(inward.recv(2), "big")
        self.asked.append(f"{name}:{port}")
        with socket.create_connection((name, port)) as outward:
            inward.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            pump = threading.Thread(target=self.copy, args=(outward, inward))
            pump.start()
            self.copy(inward, outward)
            pump.join()

    @staticmethod
    def copy(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("user", ["", "ann:w%40rd@"])
def test_a_socks_proxy_is_gone_through(
    simulator: KubernetesSimulator, tmp_path: Path, user: str
) -> None:
    pytest.importorskip("socks")
    asked: list[str] = []
    login = b"\x01\x03ann\x04w@rd" if user else b""
    handler = type("Handler", (Socks,), {"login": login, "asked": asked})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.01,)).start()
        port = urlsplit(simulator.url).port
        how = {
            "proxy-url": f"socks5://{user}127.0.0.1:{proxy.server_address[1]}",
            "server": f"https://localhost:{port}",
            "tls-server-name": "127.0.0.1",
        }
        session = ApiSession("east", written(simulator, tmp_path / "config", cluster=how))
        assert session.version()
        session.close()
        proxy.shutdown()
    assert asked == [f"localhost:{port}"]


def test_every_credential_is_known_to_the_redaction(tmp_path: Path) -> None:
    """Whoever's it is, and whatever else is wrong with the file."""
    key = "-----BEGIN PRIVATE KEY-----\nMIIEkeykeykey\n-----END PRIVATE KEY-----\n"
    secrets = {
        "token": "token-of-ann",
        "password": "word-of-bob",
        "key": "MIIEkeykeykey",
        "refresh": "refresh-of-cid",
        "client": "client-5ecret",
        "variable": "AKIA-of-dan",
        "argument": "argument-of-eve",
        "proxy": "pr0xy-of-fay",
    }
    users: list[dict[str, Any]] = [
        {"token": secrets["token"]},
        {"username": "bob", "password": secrets["password"]},
        {"client-key-data": base64.b64encode(key.encode()).decode()},
        {
            "auth-provider": {
                "config": {"refresh-token": "refresh-of-cid", "client-secret": "client-5ecret"}
            }
        },
        {"exec": {"env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": secrets["variable"]}]}},
        {"exec": {"args": ["--client-secret", secrets["argument"]]}},
    ]
    content = {
        "users": [{"name": str(at), "user": user} for at, user in enumerate(users)],
        "clusters": [{"cluster": {"proxy-url": f"http://f:{secrets['proxy']}@p:1"}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(content))
    with pytest.raises(SourceMisconfigured):
        kubeconfig.choose(Access(tmp_path / "config"), "")
    for secret in secrets.values():
        assert secret not in redaction.hide(f"Bearer {secret}, or so")
    basic = base64.b64encode(b"bob:word-of-bob").decode()
    assert basic not in redaction.hide(f"Basic {basic}")

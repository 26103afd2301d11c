"""Who we are to an API server: token files, plugins, impersonation, and what a 401 leads to."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from fmgsync.errors import SourceError, SourceLoginRefused, SourceMisconfigured
from fmgsync.kube import connection, credentials
from fmgsync.kube.client import Access, ApiSession
from fmgsync.kube.kubeconfig import Chosen
from fmgsync.kube.kubeconfig_schema import Exec, Server, User
from fmgsync.kube.lease import Lease
from fmgsync.kube.requests import CONFIGMAPS, NODES, Request
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.kube.kubeconfigs import plugin, written

V1 = "client.authentication.k8s.io/v1"
LIST = Request("list", NODES)


def causes(error: BaseException) -> str:
    """Everything that a traceback would show of an exception."""
    found, each = "", error
    chain: BaseException | None = each
    while chain is not None:
        found += repr(chain) + str(chain)
        chain = chain.__cause__ or chain.__context__
    return found


@pytest.mark.parametrize("around", ["{}", "{}\n", "{}\r\n", "\n {} \n", "\t{}"])
def test_a_token_file_is_trimmed(
    simulator: KubernetesSimulator, tmp_path: Path, around: str
) -> None:
    (tmp_path / "token").write_text(around.format(simulator.token))
    access = written(simulator, tmp_path / "config", user={"tokenFile": "token"})
    assert ApiSession("east", access).version()


@pytest.mark.parametrize(
    "content", ["first-part\nsecond-part", "first\x00part", "first-pärt", "first\x7fpart"]
)
def test_a_token_that_no_header_can_carry_is_a_mistake_of_the_configuration(
    simulator: KubernetesSimulator, tmp_path: Path, content: str
) -> None:
    """Libraries quote what they refuse; so they are not given it."""
    (tmp_path / "token").write_text(content)
    access = written(simulator, tmp_path / "config", user={"tokenFile": "token"})
    with pytest.raises(SourceMisconfigured, match="no HTTP header can carry") as caught:
        ApiSession("east", access).version()
    assert caught.value.exit_code == 2
    assert "first" not in causes(caught.value)


@pytest.mark.parametrize("content", ["", " \n", None])
def test_a_token_file_without_a_token_is_named(
    simulator: KubernetesSimulator, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    access = written(simulator, tmp_path / "config", user={"tokenFile": "token"})
    with pytest.raises(SourceMisconfigured, match=str(tmp_path / "token")):
        ApiSession("east", access).version()


def test_a_renewed_token_file_counts_at_once_and_an_absent_one_not_at_all(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(simulator.token)
    session = ApiSession(
        "east", written(simulator, tmp_path / "config", user={"tokenFile": "token"})
    )
    session.read(LIST)
    simulator.rotate_token()
    token.write_text(f"{simulator.token}\n")
    session.read(LIST)
    token.unlink()
    session.read(LIST)
    assert refusals(simulator) == 0


def refusals(simulator: KubernetesSimulator) -> int:
    """How often somebody was told 401: such requests are not noted as received."""
    return simulator.unauthorized


def test_a_refused_token_is_read_anew_and_the_request_repeated_once(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    """In the kubeconfig itself, which is read once for many requests; writes are repeated, too."""
    path = tmp_path / "config"
    session = ApiSession("east", written(simulator, path))
    session.read(LIST)
    simulator.rotate_token()
    simulator.kubeconfig(path)
    content = {"metadata": {"name": "one", "namespace": "default"}, "data": {}}
    body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", **content}).encode()
    session.send(Request("create", CONFIGMAPS, "default", body=body))
    assert refusals(simulator) == 1
    simulator.rotate_token()
    with pytest.raises(SourceLoginRefused):
        session.read(LIST)
    assert refusals(simulator) == 3


def test_a_watch_that_is_refused_is_repeated_as_well(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    session = ApiSession("east", written(simulator, path))
    session.read(LIST)
    simulator.rotate_token()
    simulator.kubeconfig(path)
    query = {"watch": "true", "timeoutSeconds": "1", "sendInitialEvents": "true"}
    query |= {"resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    with session.stream(Request("watch", NODES, query=query), silence_s=5) as response:
        assert response.status == 200


def exec_user(command: Path | str, **more: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": V1, "command": str(command), **more}}


def printed(status: dict[str, Any], version: str = V1) -> str:
    content = {"apiVersion": version, "kind": "ExecCredential", "status": status}
    return f"cat <<'END'\n{json.dumps(content)}\nEND"


def test_a_plugin_is_told_what_it_needs_and_its_token_used(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    script = f"""
        echo "$1 $REGION $KUBERNETES_EXEC_INFO" > {tmp_path}/told
        {printed({"token": simulator.token})}"""
    command = plugin(tmp_path / "login", script)
    more = {
        "args": ["eks"],
        "env": [{"name": "REGION", "value": "north"}],
        "provideClusterInfo": True,
    }
    access = written(simulator, tmp_path / "config", user=exec_user(command, **more))
    assert ApiSession("east", access).read(LIST)
    words, region, told = (tmp_path / "told").read_text().split(" ", 2)
    assert (words, region) == ("eks", "north")
    spec = json.loads(told)["spec"]
    assert spec["interactive"] is False
    assert spec["cluster"]["server"] == simulator.url


def test_a_plugin_beside_the_kubeconfig_is_found(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    plugin(tmp_path / "bin" / "login", printed({"token": simulator.token}))
    access = written(simulator, tmp_path / "config", user=exec_user("./bin/login"))
    assert ApiSession("east", access).version()


HINT = {"installHint": "Install it:\n  apt install login-plugin"}
PLUGINS: dict[str, tuple[str | None, dict[str, Any], str, type[SourceError]]] = {
    "absent": (
        None,
        HINT,
        r"gone' of .* not installed.*apt install login-plugin",
        SourceMisconfigured,
    ),
    "fails": (
        "echo 'SSO session expired' >&2; exit 3",
        {},
        r"'login' gave no credentials: it ended with 3: SSO session expired",
        SourceLoginRefused,
    ),
    "fails with a hint": ("exit 1", HINT, "apt install login-plugin", SourceLoginRefused),
    "no JSON": ("echo tok-5ecret-a", {}, "no ExecCredential", SourceLoginRefused),
    "another version": (
        printed({"token": "tok-5ecret-b"}, "client.authentication.k8s.io/v1beta1"),
        {},
        "did not print an ExecCredential of",
        SourceLoginRefused,
    ),
    "nothing in it": (printed({}), {}, "neither a token nor a certificate", SourceLoginRefused),
    "half a certificate": (
        printed({"clientCertificateData": "x"}),
        {},
        "neither a token nor a certificate",
        SourceLoginRefused,
    ),
    "a strange time": (
        printed({"token": "tok-5ecret-c", "expirationTimestamp": "soon"}),
        {},
        "expirationTimestamp is no time",
        SourceLoginRefused,
    ),
    "a token of two lines": (
        printed({"token": "tok-5ecret-d\nx"}),
        {},
        "no HTTP header can carry",
        SourceMisconfigured,
    ),
    "says the token": (
        "echo 'cannot renew tok-5ecret-e' >&2; exit 1",
        {"env": [{"name": "TOKEN", "value": "tok-5ecret-e"}]},
        r"cannot renew \[secret\]",
        SourceLoginRefused,
    ),
    "wants a person": (
        printed({"token": "x"}),
        {"interactiveMode": "Always"},
        "asks a person",
        SourceMisconfigured,
    ),
    "an old version": (
        "exit 0",
        {"apiVersion": "client.authentication.k8s.io/v1alpha1"},
        "unknown apiVersion",
        SourceMisconfigured,
    ),
}


@pytest.mark.parametrize("why", PLUGINS)
def test_a_plugin_that_gives_nothing_is_named_with_its_own_words(
    simulator: KubernetesSimulator, tmp_path: Path, why: str
) -> None:
    script, more, message, kind = PLUGINS[why]
    command = tmp_path / "gone" if script is None else plugin(tmp_path / "login", script)
    access = written(simulator, tmp_path / "config", user=exec_user(command, **more))
    with pytest.raises(kind, match=message) as caught:
        ApiSession("east", access).version()
    assert "tok-5ecret" not in causes(caught.value)


@pytest.mark.parametrize("why", ["absent", "wants a person", "an old version"])
def test_a_plugin_that_cannot_be_run_is_found_without_running_it(
    simulator: KubernetesSimulator, tmp_path: Path, why: str
) -> None:
    """At the start of the controller and when a kubeconfig is changed."""
    script, more, message, _ = PLUGINS[why]
    command = tmp_path / "gone" if script is None else plugin(tmp_path / "login", script)
    access = written(simulator, tmp_path / "config", user=exec_user(command, **more))
    with pytest.raises(SourceMisconfigured, match=message):
        connection.check(access, "east")


def test_a_plugin_is_run_again_when_what_it_printed_ends_and_not_before(tmp_path: Path) -> None:
    now = [1_000_000.0]
    script = f"""
        echo x >> {tmp_path}/runs
        {printed({"token": "good-till-then", "expirationTimestamp": "1970-01-12T14:00:00Z"})}"""
    command = plugin(tmp_path / "login", script)
    chosen = Chosen(Server(), tmp_path, User(), tmp_path, {})
    ends_at = 11 * 86400 + 14 * 3600
    made = credentials.Plugin(
        chosen,
        Exec.model_validate({"apiVersion": V1, "command": str(command)}),
        "",
        clock=lambda: now[0],
    )

    def runs() -> int:
        assert made.authorization() == "Bearer good-till-then"
        return len((tmp_path / "runs").read_text().split())

    now[0] = ends_at - 3600
    assert [runs(), runs()] == [1, 1]
    now[0] = ends_at - 1
    assert runs() == 2


def test_a_refused_token_of_a_plugin_makes_it_run_again(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    (tmp_path / "now").write_text(printed({"token": simulator.token}).split("\n")[1])
    command = plugin(tmp_path / "login", f"cat {tmp_path}/now")
    session = ApiSession("east", written(simulator, tmp_path / "config", user=exec_user(command)))
    session.read(LIST)
    simulator.rotate_token()
    (tmp_path / "now").write_text(printed({"token": simulator.token}).split("\n")[1])
    session.read(LIST)


def test_impersonation_is_honoured(simulator: KubernetesSimulator, tmp_path: Path) -> None:
    user = {
        "token": simulator.token,
        "as": "ann",
        "as-uid": "7",
        "as-groups": ["dev", "ops"],
        "as-user-extra": {"example.com/Scopes": ["a", "b"]},
    }
    access = written(simulator, tmp_path / "config", user=user)
    from fmgsync.kube import connection

    headers: Any = connection.connect(access, "").headers(LIST)
    assert headers["Impersonate-User"] == "ann"
    assert headers["Impersonate-Uid"] == "7"
    assert headers.getlist("Impersonate-Group") == ["dev", "ops"]
    assert headers.getlist("Impersonate-Extra-example.com%2Fscopes") == ["a", "b"]
    assert ApiSession("east", access).version()


def test_basic_authentication_is_sent(simulator: KubernetesSimulator, tmp_path: Path) -> None:
    access = written(simulator, tmp_path / "config", user={"username": "a", "password": "wörd"})
    from fmgsync.kube import connection

    sent = connection.connect(access, "").headers(LIST)["Authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")).decode() == "a:wörd"
    with pytest.raises(SourceLoginRefused):
        ApiSession("east", access).read(LIST)


def test_a_token_file_counts_before_a_token(simulator: KubernetesSimulator, tmp_path: Path) -> None:
    """Public source: the Kubernetes documentation, kubeconfig (v1), `tokenFile`."""
    (tmp_path / "token").write_text(simulator.token)
    user = {"token": "old-and-gone", "tokenFile": str(tmp_path / "token")}
    access = written(simulator, tmp_path / "config", user=user)
    assert ApiSession("east", access).read(LIST)


def test_no_user_is_nobody(simulator: KubernetesSimulator, tmp_path: Path) -> None:
    access = written(simulator, tmp_path / "config", user={})
    assert ApiSession("east", Access(access.kubeconfig)).version()
    with pytest.raises(SourceLoginRefused):
        ApiSession("east", access).read(LIST)


def test_a_standby_whose_token_was_replaced_meanwhile_takes_over_at_once(
    simulator: KubernetesSimulator, tmp_path: Path
) -> None:
    """Its first act as a leader must not be a refusal."""
    simulator.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fmgsync"}})
    path = tmp_path / "config"
    session = ApiSession("lease", written(simulator, path))
    session.read(LIST)
    simulator.rotate_token()
    simulator.kubeconfig(path)
    assert Lease(session, "fmgsync", "one", "standby").try_hold()

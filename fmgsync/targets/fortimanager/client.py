"""One HTTP client of one FortiManager's JSON-RPC API. The only importer of pyFMG.

It carries one request at a time and gives what came back. pyFMG's own error texts and logs are
never shown: they hold requests, and requests hold passwords.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import requests
import requests.adapters
from pyFMG import fortimgr

from fmgsync import errors
from fmgsync.targets import wire
from fmgsync.targets.fortimanager import answers, transport, urls
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.answers import Place, Result

Param = Mapping[str, Any]

ANSWER_S = 3.0
"""Whoever is interrupted in a login waits so long for its answer: a session that nobody knows of
can only be left to the unit's idle limit."""


class Client:
    """pyFMG with the secret that `access` had when it was made, kept to what we mean to say."""

    def __init__(self, access: Access, adapter: requests.adapters.HTTPAdapter | None) -> None:
        self._access = access
        self._place = Place(access.name)
        self._http_status: int | None = None
        self._client = fortimgr.FortiManager(
            access.host,
            access.username,
            access.password,
            apikey=access.api_key,
            verify_ssl=_trusted(access),
            timeout=(access.connect_timeout_s, access.read_timeout_s),
            verbose=True,
            disable_request_warnings=not access.verify,
            check_adom_workspace=False,
        )
        http = self._client.sess
        http.trust_env = False
        http.max_redirects = 0
        if access.proxy:
            http.proxies = {"https": access.proxy, "http": access.proxy}
        if adapter is not None:
            http.mount("https://", adapter)
        http.hooks["response"].append(self._take)

    @property
    def has_session(self) -> bool:
        """Whether the unit gave a token that requests carry."""
        return isinstance(self._client.sid, str)

    @property
    def may_have_session(self) -> bool:
        """Whether anything was taken for one, or a key stands for it."""
        return self._client.sid is not None

    @property
    def is_cloud(self) -> bool:
        """Whether this is FortiManager Cloud."""
        return bool(self._client.forticloud_used)

    def trust(self, access: Access) -> None:
        """Another authority, from the next connection on; the session stays."""
        self._client.verify_ssl = _trusted(access)

    def forget_session(self) -> None:
        """Requests carry no token until the next login."""
        self._client.sid = None

    def take_key(self) -> None:
        """Requests carry the key from now on; sends nothing: a bad one shows on the first call."""
        self._client.login()

    def close(self) -> None:
        """Let the connection go."""
        self._client.sess.close()

    def log_in(self) -> Result:
        """Ask for a session once."""
        body = _to_its_answer(lambda: self._carry(self._client.login, self._access))
        # pyFMG keeps the last exchange, which here is the password.
        self._client.req_resp_object.reset()
        if self.is_cloud:
            return Result(answers.OK, "")
        try:
            return self.decode(body, (urls.LOGIN,))[0]
        except errors.ProtocolError:
            self.forget_session()  # of whoever asked what this answers
            raise

    def send(self, method: str, params: Sequence[Param], access: Access) -> Any:
        """One request; the decoded body, or our error for what went wrong. `access` tells how long
        it may take."""
        self._client.timeout = (access.connect_timeout_s, access.read_timeout_s)
        return self._carry(lambda: self._client.free_form(method, data=list(params)), access)

    def decode(self, body: Any, asked: tuple[str, ...]) -> list[Result]:
        """The results of the last request; after an answer to another one the connection goes."""
        question = answers.Question(self._client.req_id, asked)
        try:
            return answers.decode_results(body, question, self._place)
        except errors.ProtocolError:
            # Answers may be one behind on it from now on.
            self.close()
            raise

    def _carry(self, send: Callable[[], Any], access: Access) -> Any:
        self._http_status = None
        self._client.req_resp_object.reset()
        failure: Exception | None = None
        try:
            send()
        except Exception as error:  # pyFMG wraps everything into a few kinds
            failure = error
        body = self._client.req_resp_object.response_json
        if failure is not None and body is None:
            raise transport.error_for(failure, access)
        if body is None:
            what = f"HTTP status {self._http_status} and something that is not JSON"
            raise answers.protocol_error(what, self._place)
        return body

    def _take(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self._http_status = response.status_code
        response.json = partial(_decoded, response)  # type: ignore[method-assign]


def _trusted(access: Access) -> str | bool:
    return str(access.ca_file) if access.verify and access.ca_file else access.verify


def _decoded(response: requests.Response) -> Any:
    """The body as pyFMG asks for it, in a third of the time that it takes by itself; what is no
    plain JSON goes the usual way."""
    try:
        return msgspec.json.decode(response.content)
    except (msgspec.DecodeError, RecursionError):
        return wire.whole(requests.Response.json(response))


def _to_its_answer(ask: Callable[[], Any]) -> Any:
    """Asked on a thread of its own, which no signal reaches: an interrupt breaks off the waiting,
    and not what is being read."""
    if threading.current_thread() is not threading.main_thread():
        return ask()
    found: list[Any] = []
    failed: list[BaseException] = []
    over = threading.Event()  # a join that is interrupted takes the thread for ended

    def carry() -> None:
        try:
            found.append(ask())
        except BaseException as error:
            failed.append(error)
        finally:
            over.set()

    run = contextvars.copy_context().run
    asking = threading.Thread(target=run, args=(carry,), name="login", daemon=True)
    try:
        asking.start()
        over.wait()
    except BaseException:
        over.wait(ANSWER_S)
        raise
    if failed:
        raise failed[0]
    return found[0]

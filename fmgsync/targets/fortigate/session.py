"""Requests to one FortiGate with one API key. The only importer of `requests` for FortiGates.

A key needs no login: a session is a few kept connections and what is known of the unit. Every
answer is held against it: another serial number or VDOM than before ends the pass, for after a
failover nothing that was read counts any more. Reading is repeated where that may help; writing
only where the unit has said that it did nothing.
"""

from __future__ import annotations

import http
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self, TypeVar

import requests
import requests.adapters
import tenacity
import urllib3

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.targets import authority, credentials, http_failures
from fmgsync.targets.fortigate import answers, transport
from fmgsync.targets.fortigate.abreast import Abreast
from fmgsync.targets.fortigate.access import Access
from fmgsync.targets.fortigate.answers import Answer, Place
from fmgsync.targets.fortigate.urls import Url
from fmgsync.targets.hooks import Hooks, Look, nothing

_T = TypeVar("_T")
_R = TypeVar("_R")
Body = Mapping[str, Any] | Sequence[Mapping[str, Any]]

TRANSACTION = "X-TRANSACTION-ID"
_TAKES_TURNS = 3
"""So often may another unit answer in one session before that counts as no failover."""
_OF_ANYBODY = (200, 400, 404, 405)
"""What any HTTP server says; the rest is worth its own words, whoever says it."""


class Session:
    """A FortiGate that is spoken to; closed on leaving.

    `adapter` replaces the HTTP transport (a recorder mounts there). `requests` counts what was
    sent. `serial` and `release` are what the answers say, once there was one. `gate` is passed for
    each request: what several sessions of one unit share. `answered` says whether a FortiGate has
    ever answered there. `last_look` is called before each writing request until one may have been
    carried out: it may raise where the work is not to begin any more.
    """

    def __init__(
        self,
        access: Access,
        *,
        clock: Clock,
        adapter: requests.adapters.HTTPAdapter | None = None,
        attempts: int = 3,
        hooks: Hooks | None = None,
        gate: AbstractContextManager[object] | None = None,
        answered: Callable[[], bool] = lambda: False,
    ) -> None:
        self.access = access
        self.requests = 0
        self.serial = ""
        self.release: tuple[int, int, int] | None = None
        self._gate = gate or nullcontext()
        self.hooks = hooks or Hooks()
        self._clock = clock
        self._adapter = adapter
        self._attempts = attempts
        self._answered = answered
        self._http: requests.adapters.HTTPAdapter | None = None
        self._lock = threading.Lock()
        self._abreast = Abreast(f"fortigate-{access.name}", access.connections)
        self._looked_at: float | None = None
        self._spoke = False
        self._changes = 0
        self.last_look: Look = nothing

    def __repr__(self) -> str:
        return f"Session({self.access.name!r}, host={self.access.host!r})"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def open(self) -> None:
        """Get ready; nothing is sent. Raises for a key or certificate that cannot be one."""
        self.access.check()
        if not self.access.verify:
            # Said once at the start, in our own words.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._http = self._adapter or transport.adapter(self.access.connections)

    @property
    def _verify(self) -> bool | str:
        trusted = str(self.access.ca_file) if self.access.ca_file else True
        return trusted if self.access.verify else False

    @property
    def _cert(self) -> tuple[str, str] | None:
        shown = self.access.client_cert
        return (str(shown[0]), str(shown[1])) if shown is not None else None

    def close(self) -> None:
        """Let the connections go. Never raises."""
        self._abreast.close()
        if self._http is not None:
            self._http.close()
            self._http = None

    def look_anew(self) -> None:
        """Everything is read from here on: whoever answers first is who answers."""
        with self._lock:
            self.serial = ""

    def place(self, vdom: str | None = None) -> Place:
        """This FortiGate, for errors."""
        return Place(self.access.name, vdom)

    def read(self, url: Url) -> Answer:
        """One GET that has to be good; raises its error."""
        return self.checked(self.ask(url), url)

    def ask(self, url: Url) -> Answer:
        """One GET, whatever the unit says to it."""
        return self._repeating(lambda: self._reading(url), repeats=lambda error: error.retryable)

    def write(
        self,
        method: str,
        url: Url,
        body: Body | None = None,
        *,
        transaction: int | None = None,
    ) -> Answer:
        """One POST, PUT or DELETE, whatever the unit says to it.

        Raises OutcomeUnknown where it may or may not have been carried out.
        """
        if method != "POST" and not url.keys:
            # Without a key DELETE purges the table.
            raise errors.InternalError(f"{method} needs the key of an object: {url.what}")
        headers = {} if transaction is None else {TRANSACTION: str(transaction)}
        return self._repeating(
            lambda: self._writing(method, url, body, headers),
            repeats=lambda error: (
                isinstance(error, errors.UnitBusy | errors.ConnectionFailed)
                and not isinstance(error, errors.OutcomeUnknown)
            ),
        )

    def each(self, work: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
        """`work` on each, a few at a time; the first error that one raised is raised in the end."""
        return self._abreast.each(work, items)

    def checked(self, answer: Answer, url: Url) -> Answer:
        """A good answer; raises the error of another."""
        if not answer.ok:
            raise self.error_for(answer, url)
        return answer

    def error_for(self, answer: Answer, url: Url) -> errors.TargetError:
        """The error that an answer is."""
        place = Place(self.access.name, url.vdom, url.what or None)
        refused = answer.http_status in (401, 403)
        source = transport.source_address(self.access.host) if refused else ""
        return answers.error_for(answer, place, source=source)

    # --- one request ----------------------------------------------------------------------------

    def _reading(self, url: Url) -> Answer:
        try:
            answer = self._send("GET", url, None, {}, self.access.read_timeout_s)
        except errors.OutcomeUnknown as error:
            raise http_failures.broken_read(self.access.peer(), error) from error
        self._refuse_busy(answer, url)
        return answer

    def _writing(
        self, method: str, url: Url, body: Body | None, headers: Mapping[str, str]
    ) -> Answer:
        self.hooks.before_write()
        self.last_look()
        try:
            answer = self._send(method, url, body, headers, self.access.write_timeout_s)
        except errors.OutcomeUnknown:
            self.last_look = nothing
            raise
        except errors.ProtocolError as error:
            self.last_look = nothing
            peer = self.access.peer()
            raise http_failures.outcome_unknown(peer, error.message) from error
        self._refuse_busy(answer, url)
        self.last_look = nothing
        return answer

    def _refuse_busy(self, answer: Answer, url: Url) -> None:
        """What the unit did not even begin; its own word for how long counts."""
        error = self.error_for(answer, url) if answer.http_status in (429, 503) else None
        if error is not None:
            if answer.retry_after_s is not None:
                self._clock.sleep(answer.retry_after_s)
            raise error

    def _send(
        self,
        method: str,
        url: Url,
        body: Body | None,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> Answer:
        if self._http is None:
            raise RuntimeError("the session is not open")
        sent = {"Authorization": f"Bearer {self._key()}", **headers}
        request = transport.prepared(method, f"https://{self.access.host}{url.text}", sent, body)
        with self._lock:
            self.requests += 1
        began = self._clock.steady()
        try:
            with self._gate:
                reply = self._carry(request, timeout_s)
        finally:
            with self._lock:
                name = self.access.name
                self.hooks.after_request(name, method.lower(), self._clock.steady() - began)
        answer = self._decoded(reply, url, is_write=method != "GET")
        if another := answers.of_another(answer, method, url.text):
            # Answers may be one behind on its connections from now on.
            self._http.close()
            what = f"the answer to another request ({another})"
            raise answers.protocol_error(what, self.place(url.vdom))
        self._recognise(answer, url)
        return answer

    def _key(self) -> str | None:
        """The key, looked at anew from time to time."""
        with self._lock:
            now, before = self._clock.steady(), self._looked_at
            if before is None or now - before >= credentials.LOOKED_AT_S:
                self.access, self._looked_at = self.access.renewed(), now
            return self.access.api_key

    def _decoded(self, reply: requests.Response, url: Url, *, is_write: bool) -> Answer:
        """The envelope. A FortiGate may say something else for a while, as it restarts; what never
        spoke as one (a serial number is in every envelope) is something else. A page that refuses a
        write is an answer: whoever gave it has not carried it out."""
        status, headers, place = reply.status_code, reply.headers, self.place(url.vdom)
        try:
            answer = answers.decode(status, headers, reply.text, place)
        except errors.ProtocolError:
            if is_write and answers.refuses(status) and self._is_fortigate():
                return Answer(status, ok=False, is_html=True)
            if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR or self._is_fortigate():
                raise
            raise answers.no_fortigate(answers.what_it_is(status, headers), place) from None
        is_none = not answer.serial and answer.http_status in _OF_ANYBODY
        if is_none and not self._is_fortigate():
            raise answers.no_fortigate(answers.what_it_is(status, headers), place)
        return answer

    def _is_fortigate(self) -> bool:
        return self._spoke or self._answered()

    def _carry(self, request: requests.PreparedRequest, timeout_s: float) -> requests.Response:
        assert self._http is not None  # noqa: S101
        authority.stays(self.access)
        try:
            reply = self._http.send(
                request,
                timeout=(self.access.connect_timeout_s, timeout_s),
                verify=self._verify,
                cert=self._cert,
            )
            reply.content  # noqa: B018 - read here, where what breaks is told as what it is
            return reply
        except (requests.exceptions.RequestException, OSError, ValueError) as failure:
            peer = self.access.peer(read_timeout_s=timeout_s)
            if (trouble := self._own_trouble(failure)) is not None:
                raise http_failures.not_connected(peer, trouble) from None
            error = http_failures.error_for(failure, peer)
            if isinstance(error, errors.UntrustedCertificate) and self._trusts_another():
                raise http_failures.not_trusted_yet(peer, error) from None
            raise error from None

    def _own_trouble(self, failure: Exception) -> errors.UntrustedCertificate | None:
        """What is wrong with a file of ours, where that keeps us from connecting: it may be about
        to be replaced."""
        at_the_door = isinstance(failure, requests.exceptions.SSLError) or not isinstance(
            failure, requests.exceptions.RequestException
        )
        try:
            if at_the_door:
                self.access.check()
        except errors.UntrustedCertificate as trouble:
            return trouble
        except errors.LoginRefused:
            pass
        return None

    def _trusts_another(self) -> bool:
        """Whether another authority than before is to be trusted by now."""
        with self._lock:
            before, self.access = self.access.ca_file, self.access.renewed()
            return self.access.ca_file != before

    def _recognise(self, answer: Answer, url: Url) -> None:
        """Hold serial number and VDOM against what is known, for they are in every envelope."""
        if (answer.ok or answer.serial) and self.access.is_another(answer.serial):
            raise errors.WrongUnit(
                f"{answer.serial or 'a unit without a serial number'} answers, which is none of"
                f" 'serials' ({', '.join(sorted(self.access.serials))}); nothing is written there",
                fortigate=self.access.name,
                vdom=url.vdom,
                next_step="check 'host'; if this unit has taken the place of one, correct"
                " 'serials' in the configuration",
            )
        with self._lock:
            if answer.serial:
                if self.serial and answer.serial != self.serial:
                    self._changes += 1
                    raise self._another(answer.serial, url.vdom)
                self.serial, self._spoke = answer.serial, True
            if answer.version:
                self.release = answers.release(answer.version)
        if answer.ok and answer.vdom and answer.vdom != url.vdom:
            raise errors.OtherUnit(
                f"asked of VDOM {url.vdom}, the unit answered for {answer.vdom}",
                fortigate=self.access.name,
                vdom=url.vdom,
                next_step="check that the VDOM exists and that the key's administrator has it",
            )

    def _another(self, serial: str, vdom: str) -> errors.OtherUnit:
        """Once that is a failover, and worth a new beginning; again and again it is none."""
        error = errors.OtherUnit(
            f"{self.serial} answered before, {serial} does now: a failover, or another unit;"
            " nothing more is written, and everything is read again",
            fortigate=self.access.name,
            vdom=vdom,
            next_step="if it stays so, check that 'host' is the cluster's address and not one"
            " member's",
        )
        error.retryable = self._changes < _TAKES_TURNS
        return error

    def _repeating(
        self, send: Callable[[], Answer], repeats: Callable[[errors.TargetError], bool]
    ) -> Answer:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(
                lambda error: (
                    isinstance(error, errors.TargetError)
                    and not isinstance(error, errors.OtherUnit)
                    and repeats(error)
                )
            ),
            stop=tenacity.stop_after_attempt(self._attempts),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=8),
            sleep=self._clock.sleep,
            reraise=True,
        )(send)

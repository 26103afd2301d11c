"""One administrator's session on one FortiManager.

A session belongs to one flow (a reconcile, an install) and is never used by two at a time. It
answers one `Result` per param, logs in again once when the unit has forgotten it, and repeats a
request only where repeating cannot do anything twice. `client` carries what it says.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import requests.adapters
import structlog
import tenacity

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.targets import authority, credentials
from fmgsync.targets.fortimanager import answers, transport, urls
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.answers import Place, Result
from fmgsync.targets.fortimanager.client import Client
from fmgsync.targets.fortimanager.client import Param as Param
from fmgsync.targets.hooks import Hooks, releases

_FOR_NUMBER: Param = {"url": urls.NO_SUCH_ADOM}

_log = structlog.get_logger()


class Session:
    """Log in on entering, log out on leaving; `call` in between.

    `adapter` replaces the HTTP transport for this session (a recorder mounts there). `requests`
    counts HTTP requests sent, `logins` how often we logged in: a second login means that every
    lock of the first is gone.
    """

    def __init__(
        self,
        access: Access,
        *,
        clock: Clock,
        adapter: requests.adapters.HTTPAdapter | None = None,
        attempts: int = 3,
        hooks: Hooks | None = None,
    ) -> None:
        self.access = access
        self.requests = 0
        self.logins = 0
        self._clock = clock
        self._adapter = adapter
        self._attempts = attempts
        self.hooks = hooks or Hooks()
        self._client: Client | None = None
        self._number: int | None = None
        self._known: dict[str, Result] = {}
        self._answered = False
        self._pinned = False
        self._in_use = threading.Lock()
        self._looked_at = -math.inf

    def __repr__(self) -> str:
        return f"Session({self.access.name!r}, host={self.access.host!r})"

    def __enter__(self) -> Self:
        try:
            self.open()
        except BaseException:
            self.close()  # the unit may have given a session to whoever was interrupted
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @property
    def place(self) -> Place:
        """This FortiManager, for errors."""
        return Place(self.access.name)

    @property
    def uses_api_key(self) -> bool:
        """Whether requests carry a key instead of a session's token."""
        return self.access.password is None

    def open(self) -> None:
        """Connect and log in. Each way this can fail has its own error."""
        self._look_at_secret()
        self.access.check()
        with self._alone():
            self._client = Client(self.access, self._adapter)
            self._login(self._client)

    def close(self) -> None:
        """Log out, so that the unit's session table does not fill up. Never raises."""
        if self._client is None:
            return
        with self._alone():
            try:
                if self._client.may_have_session and not self.uses_api_key:
                    self._post("exec", [{"url": urls.LOGOUT}])
            except errors.TargetError as error:
                _log.debug("logout failed", fortimanager=self.access.name, error=error.message)
            finally:
                self._client.close()
                self._client = None
                self._number = None

    def call(self, method: str, params: Sequence[Param]) -> list[Result]:
        """One HTTP request with several params; one result for each, in order.

        Raises for what concerns the whole request: no connection, no JSON-RPC, and
        `OutcomeUnknown` where a writing request may or may not have been carried out. What the
        unit says of each param is in its result.
        """
        return self._request(method, params, repeatable=method == "get")

    def query(self, method: str, params: Sequence[Param]) -> list[Result]:
        """The same for an `exec` that only reads: after a broken connection it is asked again."""
        return self._request(method, params, repeatable=True)

    def ask_once(self, params: Sequence[Param]) -> list[Result]:
        """The same for what cannot change while a session lasts; an error is asked for again."""
        if self.unasked(params):
            results = self.call("get", params)
            self.learn(params, results)
            return results
        return [self._known[repr(param)] for param in params]

    def unasked(self, params: Sequence[Param]) -> list[Param]:
        """Those of them to which no answer is known yet: what to ask along with something else."""
        return [param for param in params if repr(param) not in self._known]

    def learn(self, params: Sequence[Param], results: Sequence[Result]) -> None:
        """What was answered to what cannot change while a session lasts."""
        known = zip(params, results, strict=True)
        self._known.update((repr(param), result) for param, result in known if result.ok)

    def read(self, param: Param, *, place: Place | None = None) -> Any:
        """The data of one `get`; raises its error."""
        return answers.checked(self.call("get", [param])[0], place or self.place)

    def read_numbered(self, param: Param, *, place: Place) -> Any:
        """As `read`; the same request also asks for the session's `number`, unless it is known.

        A unit that tells the number only to those who ask for nothing else is asked alone later.
        """
        if self._number is not None:
            return self.read(param, place=place)
        return answers.checked(self.call("get", [param, _FOR_NUMBER])[0], place)

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """While this lasts a forgotten session is not replaced by a new one.

        A lock belongs to the session that took it: whoever holds one must learn of the loss.
        """
        before, self._pinned = self._pinned, True
        try:
            yield
        finally:
            self._pinned = before

    def user(self) -> str:
        """The administrator's name; asked of the unit where only a key is configured."""
        if self.access.username is None:
            data = self.read({"url": urls.SESSION})
            return str(data.get("login_user", "")) if isinstance(data, dict) else ""
        return self.access.username

    def number(self) -> int | None:
        """This session's number as `lock_sid` shows it; None if the unit does not tell.

        The login token is another thing. Answers to refused requests carry the number beside
        `result`, so a read of an ADOM that cannot exist tells it: the way Fortinet's own
        Terraform provider learns it.
        """
        if self._number is None:
            with self._alone():
                self._exchange("get", [_FOR_NUMBER], repeatable=True)
        return self._number

    def fresh_number(self) -> int | None:
        """Ask again: with an API key two requests need not belong to one session."""
        self._number = None
        return self.number()

    def _login(self, client: Client) -> None:
        client.forget_session()
        self._number = None
        self._known.clear()
        if self.uses_api_key:
            client.take_key()
            self.logins += 1
            return
        password, refused = self.access.password or "", self.access.refused
        if not refused.may_try(password, self._clock.steady()):
            raise transport.refused_before(self.access)
        if client.is_cloud:
            result = self._login_to_cloud(client)
        else:
            result = self._repeating(self._post_login, lambda error: error.retryable)
        if result.ok or result.code == answers.LOGIN_REFUSED:
            refused.note(password, refused=not result.ok)
        if not result.ok or not client.has_session:
            # A refusal may carry the session's number, which pyFMG takes for a session.
            client.forget_session()
            raise transport.login_error(result, self.access)
        self.logins += 1

    def _login_to_cloud(self, client: Client) -> Result:
        """FortiManager Cloud: pyFMG fetches a token and trades it for a session.

        Written from its source and published captures; never tried against the service.
        """
        try:
            self._post_login()
        except errors.ProtocolError as error:
            _log.debug("no token", fortimanager=self.access.name, error=error.message)
        code = answers.OK if client.may_have_session else answers.LOGIN_REFUSED
        return Result(code, "Login fail")

    def _request(self, method: str, params: Sequence[Param], *, repeatable: bool) -> list[Result]:
        if not params:
            return []
        with self._alone():
            if self.uses_api_key and not self._pinned and self._has_another_key():
                self._begin_anew()
            results = self._exchange(method, params, repeatable=repeatable)
            if self._forgotten(results):
                _log.info("session expired, logging in again", fortimanager=self.access.name)
                self._begin_anew()
                results = self._exchange(method, params, repeatable=repeatable)
            return results

    def _has_another_key(self) -> bool:
        """Whether the key that each request carries has been replaced. Under a lock nobody asks:
        it belongs to the key with which it was taken."""
        if self._clock.steady() - self._looked_at < credentials.LOOKED_AT_S:
            return False
        before = self.access.api_key
        self._look_at_secret()
        return self.access.api_key != before

    def _look_at_secret(self) -> None:
        self.access, self._looked_at = self.access.renewed(), self._clock.steady()

    def _begin_anew(self) -> None:
        """Log in with the secret as it is kept now; pyFMG takes it when it is made."""
        client, before = self._opened(), self.access.secrets
        self._look_at_secret()
        if before != self.access.secrets or self.uses_api_key:
            client.close()
            client = self._client = Client(self.access, self._adapter)
        self._login(client)

    def _exchange(self, method: str, params: Sequence[Param], *, repeatable: bool) -> list[Result]:
        """Send and decode; repeated where that is safe, with growing random pauses."""

        def may_repeat(error: errors.TargetError) -> bool:
            if not repeatable and isinstance(error, errors.OutcomeUnknown):
                return False
            return error.retryable

        def send() -> list[Result]:
            try:
                return self._post(method, params, writes=not repeatable)
            except errors.OutcomeUnknown as error:
                if not repeatable:
                    raise
                raise transport.broken_read(self.access, error) from error
            except errors.ProtocolError as error:
                if repeatable:
                    raise
                raise transport.outcome_unknown(self.access, error.message) from error

        results: list[Result] = self._repeating(send, may_repeat)
        if any(result.code != answers.STALE_OR_DENIED for result in results):
            self._answered = True
        return results

    def _repeating(
        self, send: Callable[[], Any], may_repeat: Callable[[errors.TargetError], bool]
    ) -> Any:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, errors.TargetError) and may_repeat(error)
            ),
            stop=tenacity.stop_after_attempt(self._attempts),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=8),
            sleep=self._clock.sleep,
            reraise=True,
        )(send)

    def _post_login(self) -> Result:
        self.requests += 1
        try:
            return self._opened().log_in()
        except errors.UntrustedCertificate as error:
            raise self._with_another_authority(error) from error

    def _with_another_authority(self, error: errors.UntrustedCertificate) -> errors.TargetError:
        """The error, or one after which it is tried again: whoever showed that was told nothing."""
        found = authority.renewed(self.access)
        if found.ca_file == self.access.ca_file:
            return error
        self.access = found
        self._opened().trust(found)
        return transport.not_trusted_yet(found, error)

    def _opened(self) -> Client:
        if self._client is None:
            raise RuntimeError("the session is not open")
        return self._client

    def _post(self, method: str, params: Sequence[Param], *, writes: bool = False) -> list[Result]:
        """One HTTP request, decoded; one that `writes` without a lock has less patience."""
        client = self._opened()
        if method != "get" and not releases(params):
            self.hooks.before_write()
        began = self._clock.steady()
        access = self.access.for_writing() if writes and not self._pinned else self.access
        self.requests += 1
        authority.stays(access)
        try:
            body = client.send(method, params, access)
        except errors.UntrustedCertificate as error:
            raise self._with_another_authority(error) from error
        finally:
            self.hooks.after_request(self.access.name, method, self._clock.steady() - began)
        results = client.decode(body, tuple(str(param["url"]) for param in params))
        if isinstance(number := body.get("session"), int) and not isinstance(number, bool):
            self._number = number
        return results

    def _forgotten(self, results: Sequence[Result]) -> bool:
        """Whether to log in again: -11 to everything also means an expired session."""
        if any(result.code != answers.STALE_OR_DENIED for result in results):
            return False
        if self.uses_api_key:
            if self._answered:
                return False
            raise errors.LoginRefused(
                "the API key was refused",
                fortimanager=self.access.name,
                code=answers.STALE_OR_DENIED,
                next_step="check the key, the administrator's 'rpc-permit' and ADOMs, and that"
                " the FortiManager is 7.2.2 or newer",
            )
        return not self._pinned

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._in_use.acquire(blocking=False):
            raise RuntimeError(f"two flows use one session: {self!r}")
        try:
            yield
        finally:
            self._in_use.release()

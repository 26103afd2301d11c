"""From what the HTTP library reports to our errors: what failed, and whether it may have counted.

pyFMG folds every cause into a few exceptions, the real one being the context of what it raises.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import requests
import urllib3.exceptions

from fmgsync import errors
from fmgsync.targets.fortimanager import answers
from fmgsync.targets.fortimanager.access import Access


def error_for(failure: Exception, access: Access) -> errors.TargetError:
    """Our error for a failed request, its cause chained unless the cause's text holds a secret."""
    causes = list(_causes(failure))
    error = _classify(causes, access)
    if not any(secret in repr(cause) for cause in causes for secret in access.secrets):
        error.__cause__ = causes[-1]
    return error


def outcome_unknown(access: Access, why: str) -> errors.OutcomeUnknown:
    """The request was sent, the answer never came: it may have been carried out."""
    return errors.OutcomeUnknown(
        f"the connection to {access.host} broke after a request was sent: {why}",
        fortimanager=access.name,
        next_step="what it should have done is read back on the next pass",
    )


def broken_read(access: Access, error: errors.OutcomeUnknown) -> errors.ConnectionFailed:
    """The same for a reading request, which can simply be asked again."""
    return _failed(access, error.message, "the FortiManager may be overloaded or restarting")


def login_error(result: answers.Result, access: Access) -> errors.TargetError:
    """Why a login was refused, and what to do about it."""
    user = access.username
    if result.code == answers.STALE_OR_DENIED:
        return errors.PermissionDenied(
            f"administrator {user!r} may not use the JSON-RPC API",
            fortimanager=access.name,
            code=result.code,
            next_step="set 'rpc-permit read-write' for this administrator",
        )
    if result.code in (answers.LOGIN_REFUSED, answers.OK):
        return errors.LoginRefused(
            f"login of {user!r} was refused",
            fortimanager=access.name,
            code=result.code,
            next_step="check user name and password, trusted hosts and a lock-out of the user",
        )
    return answers.error_for(result, answers.Place(access.name))


def _classify(causes: list[BaseException], access: Access) -> errors.TargetError:
    if (tls := _first(causes, ssl.SSLError)) is not None:
        return _tls_error(tls, access)
    if _first(causes, requests.exceptions.ProxyError) is not None:
        return _failed(access, "the proxy does not let us through", "check 'proxy'")
    if _first(causes, urllib3.exceptions.NameResolutionError) is not None:
        step = "check 'host' and this machine's name servers"
        return _failed(access, f"the name {access.host} does not resolve", step)
    if _first(causes, ConnectionRefusedError) is not None:
        step = "check 'host' and port; HTTPS access must be allowed on that interface"
        return _failed(access, f"{access.host} refused the connection", step)
    if _first(causes, requests.exceptions.ConnectTimeout) is not None:
        why = f"{access.host} did not answer within {access.connect_timeout_s:g} s"
        return _failed(access, why, "check route and firewall between here and there")
    if _first(causes, urllib3.exceptions.NewConnectionError) is not None:
        step = "check route and firewall between here and there"
        return _failed(access, f"{access.host} cannot be reached", step)
    if _first(causes, requests.exceptions.ReadTimeout) is not None:
        return outcome_unknown(access, f"no answer within {access.read_timeout_s:g} s")
    if _first(causes, requests.exceptions.TooManyRedirects) is not None:
        place = answers.Place(access.name)
        return answers.protocol_error("it redirects elsewhere, which is not followed", place)
    if _first(causes, requests.exceptions.RequestException) is not None and not (
        _first(causes, ValueError)
    ):
        return outcome_unknown(access, type(causes[-1]).__name__)
    if _first(causes, requests.exceptions.InvalidURL) is not None:
        step = "'host' is a name or address, with :port if needed"
        return _failed(access, f"{access.host!r} is no host", step)
    return answers.protocol_error("its form is unknown", answers.Place(access.name))


def _tls_error(error: BaseException, access: Access) -> errors.ConnectionFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        return errors.UntrustedCertificate(
            f"the certificate of {access.host} is not trusted: {error.verify_message}",
            fortimanager=access.name,
            next_step="set tls.caFile to the CA that signed it, and 'host' to a name it carries",
        )
    return _failed(access, f"{access.host} does not speak TLS", "check the port")


def _failed(access: Access, what: str, next_step: str) -> errors.ConnectionFailed:
    return errors.ConnectionFailed(what, fortimanager=access.name, next_step=next_step)


def _first(causes: list[BaseException], kind: type[BaseException]) -> BaseException | None:
    return next((cause for cause in causes if isinstance(cause, kind)), None)


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """The exception, what it was raised from, and what urllib3 keeps in `reason` and `args`."""
    waiting: list[BaseException] = [failure]
    seen: set[int] = set()
    while waiting:
        error = waiting.pop(0)
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        reason = getattr(error, "reason", None)
        inner = (error.__cause__, error.__context__, reason, *error.args)
        waiting.extend(one for one in inner if isinstance(one, BaseException))

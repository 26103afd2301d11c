"""What goes wrong on the way to FortiManager, and at its door, as our errors.

pyFMG folds every cause into a few exceptions, the real one being the context of what it raises.
"""

from __future__ import annotations

from fmgsync import errors
from fmgsync.targets import http_failures
from fmgsync.targets.fortimanager import answers
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.http_failures import Peer


def error_for(failure: Exception, access: Access) -> errors.TargetError:
    """Our error for a failed request."""
    return http_failures.error_for(failure, _peer(access))


def outcome_unknown(access: Access, why: str) -> errors.OutcomeUnknown:
    """The request was sent, the answer never came: it may have been carried out."""
    return http_failures.outcome_unknown(_peer(access), why)


def broken_read(access: Access, error: errors.OutcomeUnknown) -> errors.ConnectionFailed:
    """The same for a reading request, which can simply be asked again."""
    return http_failures.broken_read(_peer(access), error)


def not_trusted_yet(access: Access, error: errors.UntrustedCertificate) -> errors.ConnectionFailed:
    """The same where another authority is trusted by now: nothing was sent, so it can be again."""
    return http_failures.not_trusted_yet(_peer(access), error)


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
        return _login_refused(f"login of {user!r} was refused", access, result.code)
    return answers.error_for(result, answers.Place(access.name))


def refused_before(access: Access) -> errors.TargetError:
    """Another session was told so, and nobody asks again so soon."""
    why = "the same password is said once a minute, another one at once"
    text = f"login of {access.username!r} was refused: {why}"
    return _login_refused(text, access, answers.LOGIN_REFUSED)


def _login_refused(text: str, access: Access, code: int) -> errors.LoginRefused:
    return errors.LoginRefused(
        text,
        fortimanager=access.name,
        code=code,
        next_step="check user name and password, trusted hosts and a lock-out of the user",
    )


def _peer(access: Access) -> Peer:
    place = answers.Place(access.name)
    return Peer(
        "FortiManager",
        access.host,
        {"fortimanager": access.name},
        access.connect_timeout_s,
        access.read_timeout_s,
        lambda what: answers.protocol_error(what, place),
        access.secrets,
    )

"""The one tree of errors. Each is made at the edge where it is noticed, with its cause chained.
One file, however long: who catches an error wants the whole tree before them.

The loop looks at `retryable` only, the command line at `exit_code`, a script at `kind`.
`where` names the place (file and line, or FortiManager, ADOM, object, device); `next_step` says
what a person does about it. No message ever holds a secret.

    FmgsyncError
    +-- UsageError                     exit code 2: the caller can put it right
    |   +-- ConfigError                one or more problems, each with path and line
    |   +-- SelectorError              position in the selector text
    |   +-- ScheduleError              a maintenance window that cannot be: cron, zone, duration
    |   +-- NotBuiltError              a configured feature this command does not have yet
    |   +-- CassetteError              a recording that is broken, edited, too new or unsafe
    +-- SourceError                    what runs could not be read (cluster)
    |   +-- SourceUnavailable          retryable
    |   |   +-- SourceBusy             it asked to be left alone for some seconds
    |   |   +-- SourceExpired          what was asked for is too old: list again
    |   |   +-- SourceRewound          the cluster went back in time: list again
    |   |   +-- SourceUntrusted        not retryable; its certificate
    |   +-- SourceMisconfigured        exit code 2: kubeconfig, context, service account
    |   +-- SourceLoginRefused         the API server does not know the credentials
    |   +-- SourceForbidden            a missing RBAC rule, named
    |   +-- SourceRefused              any other refusal
    |   |   +-- SourceConflict         the object changed meanwhile
    |   |   +-- SourceNotFound         no such object
    |   +-- ManifestError              a dump that is truncated or no Kubernetes YAML/JSON
    +-- TargetError                    FortiManager or a FortiGate (ADOM, device, object)
    |   +-- ConnectionFailed           retryable; name, port, reset, time-out
    |   |   +-- UntrustedCertificate   not retryable
    |   |   +-- OutcomeUnknown         sent, but no answer: read back, never blindly repeat
    |   +-- ProtocolError              retryable; HTML, nothing, half a list
    |   |   +-- NoFortiGate            exit code 2; what answers there is something else
    |   +-- LoginRefused
    |   +-- PermissionDenied
    |   +-- Refused                    any other code of the unit
    |   |   +-- AlreadyExists, NotFound, InUse, ReferenceMissing, InvalidData
    |   |   +-- NameTaken, TableFull
    |   |   +-- UnitBusy               retryable
    |   +-- LockHeld                   retryable; who holds it and since when
    |   +-- LockLost
    |   +-- Deposed                    retryable; another replica works on the ADOM
    |   +-- ChangedMeanwhile           retryable; somebody wrote since it was read
    |   +-- OtherUnit                  retryable; another serial number answers than before
    |   |   +-- TwoNames               not retryable, exit code 2; one FortiGate, two names
    |   |   +-- WrongUnit              not retryable, exit code 2; none of those configured
    |   +-- ManagedElsewhere           exit code 2; a FortiManager manages the FortiGate, or may
    |   +-- Stopped                    exit code 3: a person wants nothing more to be written
    |   +-- UnknownDevice              a site names a device or VDOM the ADOM does not have
    |   +-- StaleMeanwhile             a saved plan no longer fits an ADOM that was waited for
    +-- InternalError                  a defect of fmgsync
    +-- OutputError                    what a command found out cannot be written where it should
    +-- StalePlan                      a saved plan no longer fits what is there
    +-- StateError                     the folder or ConfigMap of remembered decisions
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from fmgsync.untrusted import legible


class FmgsyncError(Exception):
    """Base of all errors users may see.

    `message` is one sentence; `where` the place; `next_step` what to do.
    """

    kind = "error"
    retryable = False
    exit_code = 1

    def __init__(
        self, message: str, *, where: str | None = None, next_step: str | None = None
    ) -> None:
        super().__init__(legible(message))
        self.message = legible(message)
        self.where = where and legible(where)
        self.next_step = next_step and legible(next_step)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        step = f" ({self.next_step})" if self.next_step else ""
        return f"{place}{self.message}{step}"

    def as_document(self) -> dict[str, object]:
        """For scripts: `{kind, message, where?, next?}`."""
        body: dict[str, object] = {"kind": self.kind, "message": self.message}
        if self.where:
            body["where"] = self.where
        if self.next_step:
            body["next"] = self.next_step
        return body


class InternalError(FmgsyncError):
    """Something happened that the code does not account for: a defect."""

    kind = "internal"


class UsageError(FmgsyncError):
    """Something the caller gave is wrong; nothing was started."""

    kind = "usage"
    exit_code = 2


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong in a configuration: dotted `path`, 1-based `line` and `column` if known."""

    path: str
    message: str
    line: int | None = None
    column: int | None = None
    next_step: str | None = None


class ConfigError(UsageError):
    """All problems of one configuration at once; `file` is its name as given."""

    kind = "config"

    def __init__(
        self, file: str, problems: tuple[ConfigProblem, ...], *, next_step: str | None = None
    ) -> None:
        self.file = file
        self.problems = problems
        lines = [_problem_text(file, problem) for problem in problems]
        super().__init__("\n".join(lines), next_step=next_step)

    def as_document(self) -> dict[str, object]:
        """`where` is the first problem's place; `problems` has them all, one by one."""
        first = self.problems[0] if self.problems else None
        where = self.file if first is None or first.line is None else f"{self.file}:{first.line}"
        problems = [
            {
                name: legible(value) if isinstance(value, str) else value
                for name, value in dataclasses.asdict(problem).items()
            }
            for problem in self.problems
        ]
        return {**super().as_document(), "where": where, "problems": problems}


def _problem_text(file: str, problem: ConfigProblem) -> str:
    at = f"{file}:{problem.line}" if problem.line is not None else file
    step = f" ({problem.next_step})" if problem.next_step else ""
    path = f"{problem.path}: " if problem.path else ""
    return f"{at}: {path}{problem.message}{step}"


class SelectorError(UsageError, ValueError):
    """A selector that does not parse; `text` and the 0-based `position` of the fault."""

    kind = "selector"

    def __init__(
        self, message: str, *, text: str, position: int, next_step: str | None = None
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.text = text
        self.position = position

    def __str__(self) -> str:
        step = f" ({self.next_step})" if self.next_step else ""
        return f"{self.message} at position {self.position}{step}\n{self.caret()}"

    def as_document(self) -> dict[str, object]:
        """The caret lines belong to the message."""
        return {**super().as_document(), "message": str(self)}

    def caret(self) -> str:
        """Two lines: the selector (a window of it when long) and a caret under the fault."""
        start = max(0, self.position - 60)
        shown = self.text[start : start + 120]
        safe = "".join(c if c.isprintable() else "�" for c in shown)
        return f"  {safe}\n  {' ' * (self.position - start)}^"


class ScheduleError(UsageError, ValueError):
    """A maintenance window that cannot be: its cron schedule, time zone, duration or scope."""

    kind = "schedule"


class NotBuiltError(UsageError):
    """The configuration asks for a feature this command does not have yet."""

    kind = "not-built"


class CassetteError(UsageError):
    """A recording that cannot be trusted: broken, edited, too new, with secrets, or another's."""

    kind = "cassette"


class SourceError(FmgsyncError):
    """A cluster could not be read. Nothing is removed because of it."""

    kind = "source"


class SourceUnavailable(SourceError):
    """The source did not answer; asking again later may help."""

    kind = "source-unavailable"
    retryable = True


class SourceBusy(SourceUnavailable):
    """The API server sheds load; `retry_after_s` is what it asked for."""

    kind = "source-busy"

    def __init__(self, message: str, *, retry_after_s: float, **place: str | None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message, **place)


class SourceExpired(SourceUnavailable):
    """The version or page asked for is older than the API server remembers."""

    kind = "source-expired"


class SourceRewound(SourceUnavailable):
    """The cluster has not come as far as what is known of it: it was restored from a backup."""

    kind = "source-rewound"


class SourceUntrusted(SourceUnavailable):
    """The API server's certificate does not chain to the configured CA, or names another host."""

    kind = "source-tls"
    retryable = False


class SourceMisconfigured(SourceError):
    """The kubeconfig, its context or the service account cannot be used."""

    kind = "source-config"
    exit_code = 2


class SourceLoginRefused(SourceError):
    """The API server does not accept the token or certificate."""

    kind = "source-login"


class SourceForbidden(SourceError):
    """No role allows the request; the next step is the RBAC rule."""

    kind = "source-forbidden"


class SourceRefused(SourceError):
    """The API server refused; `code` is its HTTP status."""

    kind = "source-refused"

    def __init__(self, message: str, *, code: int, **place: str | None) -> None:
        self.code = code
        super().__init__(message, **place)


class SourceConflict(SourceRefused):
    """The object changed since it was read, or is there already."""

    kind = "source-conflict"


class SourceNotFound(SourceRefused):
    """The API server has no such object."""

    kind = "source-not-found"


class ManifestError(SourceError):
    """A dump that ends too early or is not what kubectl prints."""

    kind = "manifest"


class TargetError(FmgsyncError):
    """FortiManager, or a FortiGate behind it, did not do what was asked."""

    kind = "target"
    written: tuple[Any, ...] = ()
    """What of it stands already: changes of a plan."""
    silent_s: float = 0.0
    """How long there was no answer before whoever asked gave up."""

    def __init__(
        self,
        message: str,
        *,
        fortimanager: str | None = None,
        fortigate: str | None = None,
        adom: str | None = None,
        vdom: str | None = None,
        device: str | None = None,
        object_name: str | None = None,
        code: int | None = None,
        next_step: str | None = None,
    ) -> None:
        self.fortimanager = fortimanager
        self.fortigate = fortigate
        self.adom = adom
        self.device = device
        self.object_name = object_name
        self.code = code
        named = (
            ("FortiManager", fortimanager),
            ("FortiGate", fortigate),
            ("ADOM", adom),
            ("VDOM", vdom),
            ("device", device),
            ("object", object_name),
        )
        where = ", ".join(f"{word} {name}" for word, name in named if name)
        super().__init__(message, where=where or None, next_step=next_step)


class ConnectionFailed(TargetError):
    """No connection, or it broke before an answer came."""

    kind = "connection"
    retryable = True


class UntrustedCertificate(ConnectionFailed):
    """The TLS certificate does not chain to the configured CA, or names another host."""

    kind = "tls"
    retryable = False


class OutcomeUnknown(ConnectionFailed):
    """A writing request was sent and no usable answer came: it may have been carried out."""

    kind = "outcome-unknown"


class ProtocolError(TargetError):
    """The answer was not JSON-RPC, or not as long as the question."""

    kind = "protocol"
    retryable = True


class NoFortiGate(ProtocolError):
    """What answers under a FortiGate's host never was one. It is asked again all the same."""

    kind = "no-fortigate"
    exit_code = 2


class LoginRefused(TargetError):
    """User, password or API key are not accepted."""

    kind = "login"


class PermissionDenied(TargetError):
    """The administrator may not do this, or not in this ADOM."""

    kind = "permission"


class Refused(TargetError):
    """The unit answered with a code that says no."""

    kind = "refused"


class AlreadyExists(Refused):
    """An object of that name is there already."""

    kind = "exists"


class NotFound(Refused):
    """No such object."""

    kind = "not-found"


class InUse(Refused):
    """Still referenced, so it cannot be deleted."""

    kind = "in-use"


class ReferenceMissing(Refused):
    """A member that does not exist."""

    kind = "reference"


class InvalidData(Refused):
    """The data, url or option is not valid for the unit."""

    kind = "invalid"


class UnitBusy(Refused):
    """An internal error of the unit that often passes."""

    kind = "busy"
    retryable = True


class NameTaken(Refused):
    """An object of another kind has the name."""

    kind = "name-taken"


class TableFull(Refused):
    """The unit takes no more objects of this kind."""

    kind = "full"


class ChangedMeanwhile(TargetError):
    """Somebody wrote since it was read: what was worked out from it is not written."""

    kind = "changed"
    retryable = True


class OtherUnit(TargetError):
    """Another serial number answers than before, or for another VDOM than was asked."""

    kind = "other-unit"
    retryable = True


class TwoNames(OtherUnit):
    """The configuration has one FortiGate under two names, or directly and through a FortiManager:
    asking again does not help."""

    kind = "two-names"
    retryable = False
    exit_code = 2


class WrongUnit(OtherUnit):
    """The configuration says which serial numbers answer there, and this one is none of them."""

    kind = "wrong-unit"
    retryable = False
    exit_code = 2


class ManagedElsewhere(TargetError):
    """A FortiManager manages the FortiGate, or nobody knows that none does."""

    kind = "managed"
    exit_code = 2


class LockHeld(TargetError):
    """Another session holds the workspace lock."""

    kind = "locked"
    retryable = True


class LockLost(TargetError):
    """The lock we took is not ours any more; what was written under it is discarded."""

    kind = "lock-lost"


class PreviewLost(TargetError):
    """What a preview has worked out went with its session; nothing was pushed."""

    kind = "preview-lost"
    retryable = True


class Deposed(TargetError):
    """The Lease of the ADOM is not ours any more; what was not written yet is not written."""

    kind = "deposed"
    retryable = True


class TurnLost(TargetError):
    """The window closed, or a person stopped it, right before it would have begun; it has not."""

    kind = "turn-lost"
    retryable = True


class Stopped(TargetError):
    """A person has stopped fmgsync there; what was not written yet is not written."""

    kind = "stopped"
    exit_code = 3


class UnknownDevice(TargetError):
    """A site names a device, VDOM or device group that the ADOM does not have."""

    kind = "unknown-device"
    exit_code = 2


class OutputError(FmgsyncError):
    """What a command found out cannot be written where it was told to."""

    kind = "output"


class StalePlan(FmgsyncError):
    """What is there no longer is what the saved plan was made from."""

    kind = "stale-plan"


class StaleMeanwhile(TargetError):
    """The same of one ADOM, which had to be waited for before it could be written."""

    kind = "stale-plan"


class StateError(FmgsyncError):
    """The remembered decisions cannot be read or written."""

    kind = "state"


class StateUnavailable(StateError):
    """What keeps them does not answer; asking again later may help."""

    kind = "state-unavailable"
    retryable = True

"""What FortiManager answers: one `Result` per param, and the one table from codes to our errors.

Every answer carries HTTP status 200; what went wrong is the negative `status.code` of each element
of `result` ("How to FortiManager API", 001). The numbers are those seen in published captures and
in the vendor's list as poroping/fortimanager-devicedb-sdk-go carries it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fmgsync import errors
from fmgsync.targets import wire

OK = 0
EXISTS = -2
ABSENT = -3
INVALID_URL = -6
NOT_FOR_URL = -9
STALE_OR_DENIED = -11
NO_WRITE_PERMISSION = -10147
LOGIN_REFUSED = -22


@dataclass(frozen=True, slots=True)
class Result:
    """One element of `result`. `data` is decoded JSON, None where the unit had nothing to say."""

    code: int
    message: str
    data: Any = None

    @property
    def ok(self) -> bool:
        """Whether the unit did what this param asked."""
        return self.code == OK


@dataclass(frozen=True, slots=True)
class Place:
    """What an error names: the FortiManager by its configured name, ADOM, device, object."""

    fortimanager: str
    adom: str | None = None
    device: str | None = None
    object_name: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer is held against: the request's number, and the url of each of its params."""

    number: int
    urls: tuple[str, ...]


_BUSY = "this often passes; it was tried again and will be on the next pass"
_RIGHTS = (
    "give the administrator 'rpc-permit read-write', this ADOM and a profile that may write"
    " policy and objects"
)
_WORKFLOW = (
    "look at the ADOM's workflow sessions and approval matrix on the FortiManager, and at"
    " 'workflow-max-sessions'"
)
_LOCKED = "wait for that session to unlock the ADOM, or end it on the FortiManager"

_OFTEN_BUSY = (-1, -12, -13, -20003, -20038, -20042, -20054, -20056, -20057)
_INVALID = (-7, -8, -10, -9998, -20002, -20029, -20030, -20060, -20061)
_TAKEN = (EXISTS, -9999, -10000, -10033, -20008, -20010)

_ERRORS: dict[int, tuple[type[errors.TargetError], str | None]] = {
    **dict.fromkeys(_OFTEN_BUSY, (errors.UnitBusy, _BUSY)),
    **dict.fromkeys((*_INVALID, NOT_FOR_URL), (errors.InvalidData, None)),
    **dict.fromkeys(_TAKEN, (errors.AlreadyExists, None)),
    **dict.fromkeys((ABSENT, -20004), (errors.NotFound, None)),
    **dict.fromkeys((-4, -10131), (errors.ReferenceMissing, None)),
    -5: (errors.InvalidData, "this FortiManager release may be too old for this call"),
    INVALID_URL: (errors.NotFound, "check the ADOM's and the package's name"),
    **dict.fromkeys((STALE_OR_DENIED, -20020), (errors.PermissionDenied, _RIGHTS)),
    -14: (errors.PermissionDenied, "give the administrator the right to open workflow sessions"),
    -15: (errors.InvalidData, "the call is for ADOMs in backup mode only"),
    LOGIN_REFUSED: (errors.LoginRefused, "check user name and password"),
    -10015: (errors.InUse, "remove it from what uses it; the FortiManager shows where"),
    NO_WRITE_PERMISSION: (
        errors.PermissionDenied,
        "the administrator is read-only here, or the ADOM needs a workspace lock",
    ),
    **dict.fromkeys((-20013, -20063), (errors.InUse, None)),
    -20017: (errors.LockLost, "the ADOM needs a workspace lock"),
    -20028: (errors.InvalidData, "a limit of the unit is reached"),
    -20044: (errors.LockHeld, "another session has changes that are not saved"),
    **dict.fromkeys(range(-20052, -20044), (errors.Refused, _WORKFLOW)),
    -20058: (errors.LockLost, "the session that held the lock is gone"),
    **dict.fromkeys((-20018, -20036, -20055, -20059, -20078, -20079), (errors.LockHeld, _LOCKED)),
}

CONTENTION = frozenset(
    code for code, (kind, _) in _ERRORS.items() if issubclass(kind, errors.LockHeld)
)
"""Codes that say another session is in the way."""


def error_for(result: Result, place: Place) -> errors.TargetError:
    """The error a refused param becomes; an unknown code becomes a plain `Refused`."""
    kind, next_step = _ERRORS.get(result.code, (errors.Refused, None))
    return kind(
        f"FortiManager refused with {result.code}: {result.message}",
        fortimanager=place.fortimanager,
        adom=place.adom,
        device=place.device,
        object_name=place.object_name,
        code=result.code,
        next_step=next_step,
    )


def checked(result: Result, place: Place) -> Any:
    """The data of a result that must have succeeded; raises its error otherwise."""
    if not result.ok:
        raise error_for(result, place)
    return result.data


def decode_results(body: Any, asked: Question, place: Place) -> list[Result]:
    """Cut an answer into one result per param; raises ProtocolError unless all are there.

    What stands between us and the unit may deliver the answer to another request. The unit repeats
    the request's number and each param's url, so such an answer is never taken for data.

    `result` is a list, but some calls with one param answer a bare object, and deleting a task
    answers without `result` at all ("How to FortiManager API", 017).
    """
    if not isinstance(body, dict):
        raise protocol_error("the answer is not a JSON-RPC object", place)
    elements = body.get("result")
    if elements is None and "status" in body:
        elements = body
    if isinstance(elements, dict):
        elements = [elements]
    if not isinstance(elements, list):
        raise protocol_error("the answer has no result", place)
    number = body.get("id")
    if number is not None and number != asked.number:
        raise protocol_error(
            f"it answers request {wire.printable(number)}, this is {asked.number}", place
        )
    if len(elements) != len(asked.urls):
        raise protocol_error(f"{len(asked.urls)} questions, but {len(elements)} answers", place)
    results = [_decode_element(element, place) for element in elements]
    for element, url in zip(elements, asked.urls, strict=True):
        _hold_against(element, url, place, numbered=number is not None)
    return results


def _hold_against(element: Any, url: str, place: Place, *, numbered: bool) -> None:
    """An answer that says of neither what it answers is none."""
    told = element.get("url")
    if told:
        if not isinstance(told, str) or told.strip("/") != url.strip("/"):
            raise protocol_error(
                f"an answer is about {wire.printable(told)}, asked was {url}", place
            )
    elif not numbered:
        raise protocol_error(f"an answer does not say that it is about {url}", place)


def _decode_element(element: Any, place: Place) -> Result:
    status = element.get("status") if isinstance(element, dict) else None
    if not isinstance(status, dict) or not isinstance(code := status.get("code"), int):
        raise protocol_error("an answer has no status", place)
    data = element.get("data")
    if data is None and "taskid" in element:
        data = {"taskid": element["taskid"]}
    return Result(code, wire.printable(status.get("message", "")), data)


def protocol_error(what: str, place: Place) -> errors.ProtocolError:
    """An answer that is none."""
    return errors.ProtocolError(
        f"FortiManager gave no usable answer: {what}",
        fortimanager=place.fortimanager,
        adom=place.adom,
        next_step="check that host and port are a FortiManager's and that it is not overloaded",
    )

"""FortiManager's status codes and the one exception by which a handler refuses.

Numbers and texts are those of "How to FortiManager API" and of public client projects that
recorded them. A handler raises `Refusal`; the envelope turns it into a result element.
"""

from __future__ import annotations

from typing import Any, Final

MESSAGES: Final = {
    0: "OK",
    -1: "runtime error 0: invalid value",
    -2: "Object already exists",
    -3: "Object does not exist",
    -5: "No such command",
    -6: "Invalid url",
    -7: "Invalid option",
    -8: "Invalid parameter",
    -9: "The command is invalid for selected url",
    -10: "The data is invalid for selected url",
    -11: "No permission for the resource",
    -13: "Data is not ready",
    -14: "No workflow session permission",
    -22: "Login fail",
    -10015: "used",
    -10147: "no write permission",
    -20008: "Name already in use",
    -20010: "Serial number already in use",
    -20020: "No permission",
    -20042: "Probe failed: network",
    -20044: "Please save ADOM change(s) first",
    -20055: "Workspace is locked by other user",
    -20058: "Invalid session for workspace action",
    -20063: "Unable to delete because one or more devices in Device Manager",
}

NOTHING: Final = object()
"""Stands for "no data member", since None is a value that FortiManager does send."""


class Refusal(Exception):
    """An operation FortiManager does not do: status code, text, and sometimes data."""

    def __init__(self, code: int, message: str | None = None, *, data: Any = NOTHING) -> None:
        self.code = code
        self.message = MESSAGES[code] if message is None else message
        self.data = data
        super().__init__(f"{self.code} {self.message}")


def exists() -> Refusal:
    """The name is taken."""
    return Refusal(-2)


def absent() -> Refusal:
    """No such object."""
    return Refusal(-3)


def bad_url() -> Refusal:
    """The url names nothing this release serves."""
    return Refusal(-6)


def bad_command() -> Refusal:
    """The url is known, but not with this method, or not in this mode."""
    return Refusal(-9)


def bad_data() -> Refusal:
    """A value or shape the table does not take."""
    return Refusal(-10)


def no_permission() -> Refusal:
    """Rights missing, or a session that is not (any more) valid: the same code for all."""
    return Refusal(-11)


def missing_reference(what: str, name: str, *, data: Any = NOTHING) -> Refusal:
    """A referenced object does not exist; `what` is "firewall addrgrp member g1" and the like."""
    text = f"datasrc invalid. object: {what}. detail: {name}. solution: data not exist"
    return Refusal(-10131, text, data=data)

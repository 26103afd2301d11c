"""What list, watch and patch requests may ask for together, and what is refused.

Public source: apimachinery's `ValidateListOptions` and `ValidatePatchOptions`; the HTTP codes are
those of kube-apiserver 1.36.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from fmgsync.simulator.kubernetes.refusals import (
    ApiRefusal,
    bad_request,
    internal,
    invalid_options,
)

Query = Mapping[str, str]

NOT_OLDER_THAN: Final = "NotOlderThan"
EXACT: Final = "Exact"
APPLY: Final = "application/apply-patch+yaml"


def flag(query: Query, name: str) -> bool | None:
    """A yes or no of a query, None if absent; whatever is not 0 or false is a yes."""
    text = query.get(name)
    return None if text is None else text.lower() not in ("0", "false")


def number(query: Query, name: str) -> int:
    """A whole number of a query, 0 if absent."""
    text = query.get(name, "") or "0"
    if not re.fullmatch(r"-?[0-9]+", text):
        raise bad_request(f"{name}: invalid number {text!r}")
    return int(text)


def revision(query: Query, *, watch: bool = False) -> int:
    """The resourceVersion asked for, 0 if none; one that is no number is 400, of a watch 500."""
    text = query.get("resourceVersion", "") or "0"
    if not re.fullmatch(r"[0-9]+", text):
        why = f"strconv.ParseUint: parsing {text!r}: invalid syntax"
        raise internal(why) if watch else bad_request(f"invalid resource version: {why}")
    return int(text)


def check_list(query: Query) -> None:
    """Refuse what a list may not ask for."""
    match, token = query.get("resourceVersionMatch", ""), query.get("continue")
    if match:
        if not query.get("resourceVersion"):
            raise _forbidden("resourceVersionMatch", "is forbidden unless resourceVersion is given")
        if token:
            raise _forbidden("resourceVersionMatch", "is forbidden when continue is provided")
        if match not in (EXACT, NOT_OLDER_THAN):
            raise _unsupported(match, EXACT, NOT_OLDER_THAN)
        if match == EXACT and query["resourceVersion"] == "0":
            raise _forbidden("resourceVersionMatch", '"exact" is forbidden for resourceVersion "0"')
    if "sendInitialEvents" in query:
        raise _forbidden("sendInitialEvents", "is forbidden for list")
    if token and query.get("resourceVersion", "") not in ("", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")


def check_watch(query: Query, *, initial_events: bool) -> None:
    """Refuse what a watch may not ask for; `initial_events` says whether the server has them."""
    match, asked = query.get("resourceVersionMatch", ""), "sendInitialEvents" in query
    if asked and not initial_events:
        why = "is forbidden for watch unless the WatchList feature gate is enabled"
        raise _forbidden("sendInitialEvents", why)
    if asked and match != NOT_OLDER_THAN:
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise _forbidden("resourceVersionMatch", why)
    if match and not asked:
        why = "is forbidden for watch unless sendInitialEvents is provided"
        raise _forbidden("resourceVersionMatch", why)
    revision(query, watch=True)


def check_patch(query: Query, content_type: str) -> None:
    """Refuse an apply without an author, and force with any other kind of patch."""
    if content_type == APPLY:
        if not query.get("fieldManager"):
            why = "Required value: is required for apply patch"
            raise invalid_options("PatchOptions", "fieldManager", why)
    elif "force" in query:
        why = "Forbidden: may not be specified for non-apply patch"
        raise invalid_options("PatchOptions", "force", why)


def _forbidden(field: str, why: str) -> ApiRefusal:
    return invalid_options("ListOptions", field, f"Forbidden: {field} {why}")


def _unsupported(given: str, *known: str) -> ApiRefusal:
    listed = ", ".join(f'"{each}"' for each in known)
    why = f'Unsupported value: "{given}": supported values: {listed}'
    return invalid_options("ListOptions", "resourceVersionMatch", why)

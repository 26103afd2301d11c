"""Which policies of a VDOM name our groups, as far as the key may see them.

With the smallest profile a key sees no policy at all: then nobody knows where empty means open,
and that is said, never taken for "nowhere" (FortiOS REST API description, access groups).
"""

from __future__ import annotations

from collections.abc import Iterator

from fmgsync import errors
from fmgsync.model.adom import Package, PolicyUse
from fmgsync.model.target import DeviceVdom
from fmgsync.targets import policy_rows
from fmgsync.targets.fortigate import tables
from fmgsync.targets.fortigate.session import Session

_POLICY = "firewall/policy"
_CONSOLIDATED_SINCE = (6, 4, 0)
_UNSEEN = "the policy table of this VDOM (hidden by the key's access profile)"


def read_package(session: Session, place: DeviceVdom) -> Package:
    """All policies of the VDOM; `unread` says which of them cannot be seen."""
    uses: list[PolicyUse] = []
    unread: list[str] = []
    for path in _tables(session.release):
        found = _read(session, path, place.vdom)
        if isinstance(found, str):
            unread.append(found)
            if path == _POLICY:
                break  # one right for all of them
            continue
        uses += found
    return Package("", frozenset({place}), tuple(uses), tuple(unread))


def _tables(release: tuple[int, int, int] | None) -> Iterator[str]:
    """The kinds of policy that address groups can be used in."""
    yield _POLICY
    if release is not None and release < _CONSOLIDATED_SINCE:
        yield "firewall/policy6"
    yield "firewall/local-in-policy"
    yield "firewall/local-in-policy6"
    yield "firewall/proxy-policy"
    yield "firewall/security-policy"


def _read(session: Session, path: str, vdom: str) -> list[PolicyUse] | str:
    """The policies of one table; in words why they cannot be seen.

    A right that is missing may shorten rows instead of refusing them, so a row that does not say
    what it does hides something.
    """
    fields = ["policyid", "action", "status"]
    fields += ["name"] if "local-in" not in path else []
    for attribute in policy_rows.attributes(path):
        fields += [attribute.name, attribute.negate]
    try:
        rows = tables.read(session, path, vdom, fields).rows
    except errors.PermissionDenied:
        return _UNSEEN if path == _POLICY else f"{path} (hidden by the key's access profile)"
    except errors.Refused as error:
        if path != _POLICY and isinstance(error, errors.NotFound):
            return []  # a kind of policy that this release does not have
        return f"{path} ({error.message})"
    if any(row.get("policyid") is None or not {"srcaddr", "action"} <= row.keys() for row in rows):
        return f"a part of {path} (hidden by the key's access profile)"
    return [policy_rows.policy_use(row, path) for row in rows]

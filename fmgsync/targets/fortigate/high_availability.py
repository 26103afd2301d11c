"""Whether another serial number is a failover: units of a cluster take turns behind one address."""

from __future__ import annotations

from fmgsync import errors
from fmgsync.targets import wire
from fmgsync.targets.fortigate import urls
from fmgsync.targets.fortigate.session import Session

ALONE = "standalone"


def stands_alone(session: Session, vdom: str) -> bool:
    """True only where the unit says that it is in no cluster."""
    return mode(session, vdom) == ALONE


def mode(session: Session, vdom: str) -> str:
    """`standalone`, or the kind of its cluster; empty where the key may not see it. Without the
    right `system ha` is a success that leaves the mode out (a recorded read of FortiOS 6.4.4)."""
    try:
        found = session.read(urls.table("system/ha", vdom)).results
    except (errors.PermissionDenied, errors.NotFound):
        return ""
    rows = found if isinstance(found, list) else [found]
    told = [wire.text(row.get("mode")) for row in rows if isinstance(row, dict)]
    return next(filter(None, told), "")

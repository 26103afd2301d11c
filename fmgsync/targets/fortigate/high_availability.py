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


def members(session: Session, vdom: str) -> tuple[str, ...]:
    """The serial numbers of its cluster's units, one row each of their checksums; none where the
    key may not see them (a recorded read of `system/ha-checksums`)."""
    answer = session.ask(urls.monitor("system/ha-checksums", vdom))
    rows = answer.results if answer.ok and isinstance(answer.results, list) else []
    told = (wire.text(row.get("serial_no")) for row in rows if isinstance(row, dict))
    return tuple(sorted({wire.printable(serial) for serial in told if serial}))

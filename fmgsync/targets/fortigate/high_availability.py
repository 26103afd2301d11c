"""Whether another serial number is a failover: units of a cluster take turns behind one address."""

from __future__ import annotations

from fmgsync import errors
from fmgsync.targets.fortigate import urls
from fmgsync.targets.fortigate.session import Session

_ALONE = "standalone"


def stands_alone(session: Session, vdom: str) -> bool:
    """True only where the unit says that it is in no cluster. Without the right to see it, `system
    ha` is a success that leaves the mode out (a recorded read of FortiOS 6.4.4)."""
    try:
        found = session.read(urls.table("system/ha", vdom)).results
    except (errors.PermissionDenied, errors.NotFound):
        return False
    rows = found if isinstance(found, list) else [found]
    return any(isinstance(row, dict) and row.get("mode") == _ALONE for row in rows)

"""What stands for everything that an ADOM's objects and policies are now: cheap to ask.

`devinfo` of the object database is a uuid that changes whenever anything in it does, and a
package's `obj ver` grows with each of its policies' changes ("How to FortiManager API", 008 and
012). Whether an edit of a dynamic mapping moves either is not known, so nothing relies on a stamp
for longer than until the next comparison in full.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from fmgsync.model.target import TargetRef
from fmgsync.targets.fortimanager import urls
from fmgsync.targets.fortimanager.answers import Result
from fmgsync.targets.fortimanager.session import Param


def questions(ref: TargetRef) -> list[Param]:
    """What to ask for it; where tables are read in the same request, ask it first."""
    return [
        {"url": urls.objects(ref.domain), "option": "devinfo"},
        {"url": urls.package_tree(ref.domain)},
    ]


def stamp_of(answered: Sequence[Result]) -> str | None:
    """The stamp that the answers make; None where the unit does not tell."""
    objects, packages = answered
    told = objects.data if objects.ok and isinstance(objects.data, dict) else {}
    if not told.get("uuid") or not packages.ok:
        return None
    text = json.dumps([told["uuid"], packages.data], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()

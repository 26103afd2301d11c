#!/usr/bin/env python3
"""Exit 0 if the change named in the reason is approved and its time has come: for `install.hold`.

    change-is-approved.py https://tickets.example.net/api/changes /etc/fmgsync/ticket-token

The reason comes from `fmgsync apply --reason "CHG-1042: new shop"`, in FMGSYNC_REASON. The service
answers GET <url>/CHG-1042 with {"state": "approved", "start": <epoch>, "end": <epoch>}: adapt
`may_go_on` to yours. The token comes from a file, since hold commands get a clean environment.
"""

import json
import os
import re
import sys
import time
import urllib.request
from pathlib import Path

TIMEOUT_S = 10


def may_go_on(url: str, token_file: str, reason: str) -> str | None:
    """None, or why not."""
    found = re.search(r"\bCHG-[0-9]{1,10}\b", reason)
    if found is None:
        return "no change is named: fmgsync apply --reason CHG-..."
    token = Path(token_file).read_text(encoding="utf-8").strip()
    request = urllib.request.Request(
        f"{url.rstrip('/')}/{found[0]}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as got:
        change = json.load(got)
    if change["state"] != "approved":
        return f"{found[0]} is {change['state']}"
    if not change["start"] <= time.time() < change["end"]:
        return f"{found[0]} is approved for another time"
    return None


def main() -> int:
    """The last line printed is the reason that fmgsync shows."""
    try:
        why_not = may_go_on(sys.argv[1], sys.argv[2], os.environ.get("FMGSYNC_REASON", ""))
    except Exception as error:
        sys.stdout.write(f"the ticket service cannot be asked: {type(error).__name__}" + "\n")
        return 2
    if why_not is not None:
        sys.stdout.write(why_not + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

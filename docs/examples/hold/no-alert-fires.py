#!/usr/bin/env python3
"""Exit 0 unless an alert fires that concerns firewalls: for `install.hold`.

    no-alert-fires.py http://prometheus.example.net:9090 '{team="network"}'

Asks Prometheus for the ALERTS series that match. Whatever goes wrong is a no: a hold command that
does not know must not agree.
"""

import json
import sys
import urllib.parse
import urllib.request

TIMEOUT_S = 10


def firing(url: str, matching: str) -> list[str]:
    """The names of the alerts that fire now."""
    inside = matching.strip().strip("{}").strip(", ")
    labels = f'alertstate="firing"{"," if inside else ""}{inside}'
    asked = urllib.parse.urlencode({"query": f"ALERTS{{{labels}}}"})
    with urllib.request.urlopen(
        f"{url.rstrip('/')}/api/v1/query?{asked}", timeout=TIMEOUT_S
    ) as got:
        answer = json.load(got)
    if answer["status"] != "success":
        raise ValueError(f"Prometheus says {answer['status']}")
    return sorted({row["metric"]["alertname"] for row in answer["data"]["result"]})


def main() -> int:
    """The last line printed is the reason that fmgsync shows."""
    try:
        names = firing(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
    except Exception as error:
        sys.stdout.write(f"Prometheus cannot be asked: {type(error).__name__}" + "\n")
        return 2
    if names:
        sys.stdout.write(f"alerts fire: {', '.join(names)}" + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

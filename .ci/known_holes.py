"""Ask the public list of vulnerabilities about a lock file's packages; say loudly if it cannot be
asked. Usage: python .ci/known_holes.py requirements.lock"""

import json
import subprocess
import sys


def main(lock: str) -> int:
    """1 for a known hole, 0 otherwise; what could not be asked is told."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--disable-pip"]
    done = subprocess.run(  # noqa: S603 - a fixed program
        [*command, "--requirement", lock, "--require-hashes"],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"!! KNOWN HOLES WERE NOT LOOKED FOR: {done.stderr.strip()[-300:]}")
        return 0
    unasked = [each["name"] for each in packages if "skip_reason" in each]
    if unasked:
        print(f"!! {len(unasked)} of {len(packages)} PACKAGES COULD NOT BE ASKED ABOUT: {unasked}")
    open_to = [(p["name"], v["id"]) for p in packages for v in p.get("vulns", ())]
    for name, hole in open_to:
        print(f"{name}: {hole}")
    return 1 if open_to else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""What somebody has edited in a policy package between two looks."""

from __future__ import annotations

from collections.abc import Iterable

from fmgsync.model.adom import Package, PolicyUse


def edited(before: Iterable[Package], after: Iterable[Package], path: str) -> tuple[str, ...]:
    """The policies of one package that are not what they were, as far as we read them."""
    old, new = _policies(before, path), _policies(after, path)
    changed = {number for number in old.keys() | new.keys() if old.get(number) != new.get(number)}
    return tuple(f"policy {number} of package {path}" for number in sorted(changed))


def _policies(packages: Iterable[Package], path: str) -> dict[int, list[PolicyUse]]:
    found: dict[int, list[PolicyUse]] = {}
    for package in packages:
        for policy in package.policies if package.path == path else ():
            found.setdefault(policy.policy_id, []).append(policy)
    return found

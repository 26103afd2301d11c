"""Did it arrive? Each FortiGate is asked, again while it settles, and compared with the ADOM."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fmgsync.controller.steps import Rest, Steps
from fmgsync.model.address import Address
from fmgsync.model.adom import Reading
from fmgsync.model.rollout import Verdict
from fmgsync.model.target import DeviceVdom

TRIES = 4
SETTLE_S = 5.0

Expected = Mapping[DeviceVdom, Mapping[str, frozenset[Address]]]
"""What each DeviceVdom should hold, by group."""

Ask = Callable[[Sequence[DeviceVdom], Sequence[str]], Mapping[DeviceVdom, Reading]]


@dataclass(frozen=True, slots=True)
class Proof:
    """What one DeviceVdom answered, and one sentence about it unless it is verified."""

    verdict: Verdict
    because: str = ""
    held: Mapping[str, frozenset[Address]] | None = None


def prove(
    ask: Ask, expected: Callable[[], Expected], at_most: Collection[DeviceVdom] = ()
) -> Steps[dict[DeviceVdom, Proof]]:
    """Ask until all hold what they should, or for the last time.

    `expected` is asked each time: the ADOM may have moved on meanwhile. Of devices in `at_most` it
    is enough that they hold nothing more.
    """
    proofs: dict[DeviceVdom, Proof] = {}
    for left in reversed(range(TRIES)):
        wanted = expected()
        open_ones = [t for t in sorted(wanted) if not _is_verified(proofs.get(t))]
        names = sorted({name for target in open_ones for name in wanted[target]})
        readings = ask(open_ones, names) if open_ones else {}
        for target in open_ones:
            reading = readings.get(target)
            proofs[target] = judge(reading, wanted[target], at_most=target in at_most)
        if all(map(_is_verified, proofs.values())) or not left:
            break
        yield Rest(SETTLE_S, holding=True)
    return proofs


def judge(
    reading: Reading | None, wanted: Mapping[str, frozenset[Address]], *, at_most: bool = False
) -> Proof:
    """Verified only if it was asked, answered, and every group has exactly the right values, or
    `at_most` those."""
    if reading is None or reading.groups is None:
        problem = reading.problem if reading is not None else None
        return Proof(Verdict.UNREACHABLE, problem or "the device did not answer")
    if not wanted:
        return Proof(Verdict.UNKNOWN, "none of our groups is used there")
    held = reading.groups
    wrong = [
        name
        for name in sorted(wanted)
        if held.get(name) != wanted[name]
        and not (at_most and name in held and held[name] <= wanted[name])
    ]
    if not wrong:
        return Proof(Verdict.VERIFIED, held=reading.groups)
    return Proof(Verdict.DIFFERS, _told(wrong, reading.groups, wanted), reading.groups)


def _told(
    wrong: Sequence[str],
    held: Mapping[str, frozenset[Address]],
    wanted: Mapping[str, frozenset[Address]],
) -> str:
    parts = [
        f"{name} lacks {_some(wanted[name] - held.get(name, frozenset()))}"
        f" and has {_some(held.get(name, frozenset()) - wanted[name])} too many"
        for name in wrong[:2]
    ]
    rest = f", and {len(wrong) - 2} more groups differ" if len(wrong) > 2 else ""
    return f"the device answered with other members: {'; '.join(parts)}{rest}"


def _some(addresses: Iterable[Address]) -> str:
    listed = sorted(addresses)
    if not listed:
        return "none"
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")


def _is_verified(proof: Proof | None) -> bool:
    return proof is not None and proof.verdict is Verdict.VERIFIED

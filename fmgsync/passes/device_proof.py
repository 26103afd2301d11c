"""Did it arrive? Each FortiGate is asked, again while it settles, and compared with the ADOM."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from fmgsync.model.address import Address
from fmgsync.model.adom import Reading
from fmgsync.model.rollout import Verdict
from fmgsync.model.state import ObjectKey
from fmgsync.model.target import DeviceVdom
from fmgsync.model.view import of_key
from fmgsync.model.words import some

TRIES = 4
SETTLE_S = 5.0

Expected = Mapping[DeviceVdom, Mapping[ObjectKey, frozenset[Address]]]
"""What each DeviceVdom should hold, by group and family."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What one DeviceVdom answered when it was asked for groups of these `names`, and one sentence
    about it unless it is verified."""

    verdict: Verdict
    because: str = ""
    held: Mapping[str, frozenset[Address]] | None = None
    reading: Reading | None = None
    names: frozenset[str] = frozenset()


def prove(
    ask: Callable[[Sequence[DeviceVdom], Sequence[str]], Mapping[DeviceVdom, Reading]],
    expected: Callable[[], Expected],
    at_most: Collection[DeviceVdom] = (),
    *,
    rest: Callable[[float], None],
    tries: int = TRIES,
) -> dict[DeviceVdom, Proof]:
    """Ask until all hold what they should, or for the last time.

    `expected` is asked each time: the ADOM may have moved on meanwhile. Of devices in `at_most` it
    is enough that they hold nothing more.
    """
    proofs: dict[DeviceVdom, Proof] = {}
    for left in reversed(range(tries)):
        wanted = expected()
        open_ones = [t for t in sorted(wanted) if not _is_verified(proofs.get(t))]
        names = sorted({name for target in open_ones for _, name in wanted[target]})
        readings = ask(open_ones, names) if open_ones else {}
        for target in open_ones:
            reading = readings.get(target)
            proof = judge(reading, wanted[target], at_most=target in at_most)
            proofs[target] = replace(proof, reading=reading, names=frozenset(names))
        if all(map(_is_verified, proofs.values())) or not left:
            break
        rest(SETTLE_S)
    return proofs


def judge(
    reading: Reading | None,
    wanted: Mapping[ObjectKey, frozenset[Address]],
    *,
    at_most: bool = False,
) -> Proof:
    """Verified only if it was asked, answered, and every group has exactly the right values, or
    `at_most` those."""
    if reading is None or reading.groups is None:
        problem = reading.problem if reading is not None else None
        return Proof(Verdict.UNREACHABLE, problem or "the device did not answer")
    if not wanted:
        return Proof(Verdict.UNKNOWN, "none of our groups is used there")
    held = {key: of_key(reading.groups, key) for key in wanted}
    wrong = [
        key
        for key, should in sorted(wanted.items())
        if (has := held[key]) != should and not (at_most and has is not None and has <= should)
    ]
    if not wrong:
        return Proof(Verdict.VERIFIED, held=reading.groups)
    return Proof(Verdict.DIFFERS, _told(wrong, held, wanted), reading.groups)


def _told(
    wrong: Sequence[ObjectKey],
    held: Mapping[ObjectKey, frozenset[Address] | None],
    wanted: Mapping[ObjectKey, frozenset[Address]],
) -> str:
    parts = [
        f"{key[1]} lacks {some(sorted(wanted[key] - (held[key] or frozenset()))) or 'none'}"
        f" and has {some(sorted((held[key] or frozenset()) - wanted[key])) or 'none'} too many"
        for key in wrong[:2]
    ]
    rest = f", and {len(wrong) - 2} more groups differ" if len(wrong) > 2 else ""
    return f"the device answered with other members: {'; '.join(parts)}{rest}"


def _is_verified(proof: Proof | None) -> bool:
    return proof is not None and proof.verdict is Verdict.VERIFIED

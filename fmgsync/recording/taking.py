"""From a finished recording to files: scrubbed, described, one cassette per session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fmgsync.errors import CassetteError
from fmgsync.recording import check, files, match, questions, rest, scrub
from fmgsync.recording.adapter import Recording
from fmgsync.recording.cassette import About, Cassette, Exchange
from fmgsync.recording.learn import Rules


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants of the files. `devices` are names that are to be replaced from the start.

    `now` is RFC 3339; `source` says in words what was recorded, `fortimanager` its version where
    the unit was not asked for it.
    """

    source: str
    now: str
    fortimanager: str = ""
    scenarios: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    keep_names: bool = False
    map_addresses: bool = False


def cassettes(recording: Recording, wishes: Wishes) -> list[Cassette]:
    """The sessions of a recording without anything delicate; empty if nothing was said."""
    units = recording.units
    rules = Rules(
        secrets=tuple(dict.fromkeys(secret for unit in units for secret in unit.secrets)),
        hosts=tuple(dict.fromkeys((*(unit.host for unit in units), *wishes.devices))),
        words=wishes.words,
        keep_names=wishes.keep_names,
        map_addresses=wishes.map_addresses,
    )
    tapes = scrub.scrub(recording.tapes, rules)
    return [
        Cassette(tape, _about(tapes, tape, wishes, recording.unanswered if not number else 0))
        for number, tape in enumerate(tapes)
    ]


def save(path: Path, made: Sequence[Cassette], secrets: check.Suspects) -> list[Path]:
    """Write one file, or `NAME.1.yaml`, `NAME.2.yaml` for several sessions; the files written.

    Every file is checked before the first is written: what does not pass never reaches the disk.
    """
    paths = [path] if len(made) == 1 else [_numbered(path, n) for n in range(1, len(made) + 1)]
    for target, cassette in zip(paths, made, strict=True):
        report = check.check(files.to_text(cassette), str(target), secrets)
        if report.findings:
            first = report.findings[0]
            raise CassetteError(
                f"scrubbing left {first.what} ({first.place}), so nothing was written",
                where=str(target),
                next_step="name it with --scrub WORD and record again, and please report it",
            )
    for target, cassette in zip(paths, made, strict=True):
        files.save(target, cassette)
    return paths


def _numbered(path: Path, number: int) -> Path:
    suffix = path.suffix if path.suffix in (".yaml", ".yml") else ""
    return path.with_name(f"{path.name.removesuffix(suffix)}.{number}{suffix or '.yaml'}")


def _about(
    tapes: Sequence[Sequence[Exchange]], tape: Sequence[Exchange], wishes: Wishes, unanswered: int
) -> About:
    everything = [exchange for one in tapes for exchange in one]
    return About(
        source=wishes.source,
        recorded_at=wishes.now,
        fortimanager=_version(everything) or ("" if _release(tape) else wishes.fortimanager),
        adom=", ".join(_adoms(tape)),
        fortigate=_release(tape),
        vdom=", ".join(_vdoms(tape)),
        scenarios=wishes.scenarios,
        names="kept" if wishes.keep_names else "pseudonyms",
        addresses="mapped" if wishes.map_addresses else "kept",
        unanswered=unanswered,
    )


def _version(exchanges: Sequence[Exchange]) -> str:
    """The version the unit itself told, in any answer of the recording."""
    for exchange in exchanges:
        for result in questions.answers(exchange):
            if isinstance(result.data, dict) and isinstance(result.data.get("Version"), str):
                return str(result.data["Version"])
    return ""


def _adoms(tape: Sequence[Exchange]) -> list[str]:
    """ADOMs the session spoke of, without the one that is asked for because it does not exist."""
    names: dict[str, None] = {}
    for exchange in tape:
        question = questions.of(exchange)
        if question is not None:
            names |= dict.fromkeys(sorted(match.adoms(question)))
    return [name for name in names if not name.startswith("fmgsync-no-such")]


def _release(tape: Sequence[Exchange]) -> str:
    """The release of the FortiGate that a session was held with; empty for a FortiManager."""
    told = (rest.version(one.response_body) for one in tape if rest.is_rest(one.uri))
    return next((version for version in told if version), "")


def _vdoms(tape: Sequence[Exchange]) -> list[str]:
    """VDOMs the session spoke of."""
    asked = (question for one in tape if (question := questions.of(one)) and question.is_rest)
    named = (question.params[0]["query"].get("vdom") for question in asked)
    return list(dict.fromkeys(str(vdom) for vdom in named if vdom))

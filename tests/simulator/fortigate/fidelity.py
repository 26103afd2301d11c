"""Recorded exchanges with FortiGates, replayed against the simulator; a table of what is alike.

`captures/*.yaml` holds, in our own form, the requests of public recordings and the shapes of their
answers. A case: `version`, `ask` (method, url, body), `headers`, the HTTP status and the shape
that was `told` (or the title of a `page`); `unit` is what the FortiGate needs beside the common
one, `given` the requests before. Compared are HTTP status, `error`, `status`, members and types of
values; names, revisions and times are not.

`python -m tests.simulator.fortigate.fidelity` prints the table, `--write` puts it into docs/.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from tests.simulator import fidelity
from tests.simulator.fidelity import Difference, Remark

HERE = Path(__file__).parent / "captures"
TABLE = Path(__file__).parents[3] / "docs" / "simulator-fortios-fidelity.md"


@dataclass(frozen=True)
class Case:
    """One recorded exchange. `outside` says why it is not simulated at all."""

    topic: str
    number: int
    source: str
    version: str
    ask: list[Any]
    http: int
    told: Any = None
    page: str | None = None
    error: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    unit: dict[str, Any] = field(default_factory=dict)
    given: list[list[Any]] = field(default_factory=list)
    aside: list[Remark] = field(default_factory=list)
    deviates: list[Remark] = field(default_factory=list)
    outside: str | None = None

    @property
    def name(self) -> str:
        return f"{self.topic} {self.number}"


@dataclass(frozen=True)
class Verdict:
    """What came of a case: differences that no remark explains, and remarks without difference."""

    case: Case
    unexplained: tuple[Difference, ...] = ()
    unused: tuple[Remark, ...] = ()

    @property
    def word(self) -> str:
        if self.case.outside is not None:
            return "not simulated"
        if self.unexplained:
            return "DIFFERS"
        return "deviates" if self.case.deviates else "matches"


def load() -> list[Case]:
    """All cases, by topic and number."""
    found = []
    for path in sorted(HERE.glob("[!_]*.yaml")):
        for entry in yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader):
            number = entry.pop("case")
            for kind in ("aside", "deviates"):
                entry[kind] = [Remark(**remark) for remark in entry.get(kind, ())]
            found.append(Case(path.stem, number, **entry))
    return found


def replay(case: Case) -> Verdict:
    """One case against a simulator of its own."""
    if case.outside is not None:
        return Verdict(case)
    common = yaml.load((HERE / "_unit.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    seed = {"fortigates": [{**common, "version": case.version, **case.unit}]}
    with Simulator(seed, clock=ManualClock().now, plain_http=True) as simulator:
        base = simulator.fortigates["recorded"]
        for step in case.given:
            if len(step) == 1:  # something that happens to the unit
                getattr(simulator.fortigate("recorded"), step[0])()
                continue
            prepared = _ask(base, step, {})
            assert prepared.ok, (case.name, step, prepared.text)
        answer = _ask(base, case.ask, case.headers)
        assert simulator.world.defects == []
    found = list(compare(case, answer))
    remarks = [*case.aside, *case.deviates]
    covered = {id(r): any(fidelity._covers(r, d) for d in found) for r in remarks}
    unexplained = [d for d in found if not any(fidelity._covers(r, d) for r in remarks)]
    return Verdict(case, tuple(unexplained), tuple(r for r in remarks if not covered[id(r)]))


def _ask(base: str, ask: list[Any], headers: Mapping[str, str]) -> requests.Response:
    method, url, *body = ask
    sent = {"Connection": "close", "Authorization": "Bearer recorder", **headers}
    sent = {name: value for name, value in sent.items() if value}
    with requests.Session() as http:
        http.trust_env = False
        more = {"json": body[0]} if body else {}
        return http.request(method, f"{base}{url}", headers=sent, timeout=30, **more)


def compare(case: Case, answer: requests.Response) -> Iterator[Difference]:
    """All differences between an answer and what was recorded."""
    if answer.status_code != case.http:
        yield Difference("HTTP status", f"{case.http} recorded, answered {answer.status_code}")
        return
    if case.page is not None:
        if f"<TITLE>{case.page}</TITLE>" not in answer.text:
            yield Difference("page", f"{case.page!r} recorded, answered {answer.text[:60]!r}")
        return
    body = answer.json()
    for one in body if isinstance(body, list) else [body]:
        if one.get("status") != ("success" if case.http == 200 else "error"):
            yield Difference("status", f"answered {one.get('status')!r}")
        if case.error is not None and one.get("error") != case.error:
            yield Difference("error", f"{case.error} recorded, answered {one.get('error')}")
    yield from fidelity._same("", case.told, body)


def table(found: list[Verdict]) -> str:
    """The page in docs/."""
    words = [verdict.word for verdict in found]
    counts = fidelity.summary(words)
    served = len(words) - counts["not simulated"]
    lines = [
        "# How much the simulated FortiGates are like FortiGates",
        "",
        "Generated by `python -m tests.simulator.fortigate.fidelity --write`; do not edit.",
        "",
        f"{len(words)} recorded exchanges with FortiOS 6.0 to 8.0, from public sources, were",
        f"replayed. Not simulated: {counts['not simulated']}. Of the other {served},",
        f"{counts['matches']} ({counts['matches'] / served:.0%}) match; deviating, as explained:",
        f"{counts['deviates']}.",
        "Compared are HTTP status, error, members and types of values; not names, revisions and",
        "times. Where a source is itself at fault (shortened, or changed by hand), the row says so",
        "and counts as a match.",
    ]
    for topic in dict.fromkeys(verdict.case.topic for verdict in found):
        lines += ["", f"## {topic}", "", "| # | FortiOS | Request | | Remarks |", "|---" * 5 + "|"]
        lines += [_row(verdict) for verdict in found if verdict.case.topic == topic]
    sources = sorted({verdict.case.source for verdict in found})
    lines += ["", *guesses(), "", "## Sources", "", *(f"- {source}" for source in sources)]
    return "\n".join(lines) + "\n"


def guesses() -> list[str]:
    """What no public source settles, and what is taken here."""
    said = yaml.load((HERE / "_guessed.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    lines = ["## Guessed", "", "| Question no source settles | Taken here | Otherwise |"]
    lines += ["| --- | --- | --- |"]
    return lines + [f"| {row['what']} | {row['taken']} | {row.get('else', '-')} |" for row in said]


def _row(verdict: Verdict) -> str:
    case = verdict.case
    remarks = [case.outside] if case.outside is not None else []
    remarks += [f"differs: {d.at}: {d.what}" for d in verdict.unexplained]
    remarks += [f"`{r.at}`: {r.why}" for r in case.deviates]
    remarks += [f"source: {r.why}" for r in case.aside]
    text = "; ".join(dict.fromkeys(remarks)).replace("|", "\\|")
    request = f"{case.ask[0]} `{case.ask[1]}`".replace("|", "\\|")
    return f"| {case.number} | {case.version} | {request} | {verdict.word} | {text} |"


def main(arguments: list[str]) -> int:
    found = [replay(case) for case in load()]
    if "--write" in arguments:
        TABLE.write_text(table(found))
    else:
        sys.stdout.write(table(found))
    for verdict in found:
        for difference in verdict.unexplained:
            sys.stderr.write(f"{verdict.case.name}: {difference.at}: {difference.what}\n")
        for remark in verdict.unused:
            sys.stderr.write(f"{verdict.case.name}: remark {remark.at} has no difference\n")
    return int(any(verdict.unexplained for verdict in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Recorded exchanges, replayed against the simulator; a table of what is alike and what is not.

`captures/*.yaml` holds, in our own form, the requests of public recordings and the shapes of their
answers. Each case runs against a simulator of its own, over HTTP. Compared are the envelope, status
codes and messages, the members, their types and the shapes of values; names, ids and times are not.

`python -m tests.simulator.fidelity` prints the table, `--write` puts it into docs/.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import requests
import yaml

from fmgsync.clock import ManualClock
from fmgsync.simulator import Simulator
from fmgsync.simulator.schema.catalog import TABLES
from fmgsync.simulator.schema.catalog_packages import PACKAGE_TABLES

HERE = Path(__file__).parent / "captures"
TABLE = Path(__file__).parents[2] / "docs" / "simulator-fidelity.md"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
IPV4 = re.compile(r"\d+(\.\d+){3}")
WORD = re.compile(r"[a-z0-9][a-z0-9-]*")
PLACE = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Difference:
    """Where an answer is not like the recorded one."""

    at: str
    what: str


@dataclass(frozen=True)
class Remark:
    """A difference that is known: where (a pattern), why, and perhaps of which kind only."""

    at: str
    why: str
    only: str | None = None


@dataclass(frozen=True)
class Case:
    """One recorded exchange. `outside` says why it is not simulated at all."""

    topic: str
    number: int
    source: str
    ask: dict[str, Any]
    told: list[dict[str, Any]]
    envelope: dict[str, Any] = field(default_factory=dict)
    needs: dict[str, Any] = field(default_factory=dict)
    given: list[dict[str, Any]] = field(default_factory=list)
    aside: list[Remark] = field(default_factory=list)
    deviates: list[Remark] = field(default_factory=list)
    outside: str | None = None

    @property
    def name(self) -> str:
        return f"{self.topic} {self.number}"

    @property
    def request(self) -> str:
        """Method and urls for the table."""
        urls = " ".join(f"`{param['url']}`" for param in self.ask["params"])
        return f"{self.ask['method']} {urls}"


@dataclass(frozen=True)
class Verdict:
    """What came of a case: differences that no remark explains, and remarks that applied."""

    case: Case
    unexplained: tuple[Difference, ...]
    applied: tuple[Remark, ...]
    unused: tuple[Remark, ...]

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
    for path in sorted(HERE.glob("*.yaml")):
        if path.name.startswith("_"):
            continue
        for entry in yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader):
            number = entry.pop("case")
            for kind in ("aside", "deviates"):
                entry[kind] = [Remark(**remark) for remark in entry.get(kind, ())]
            found.append(Case(path.stem, number, **entry))
    return found


@cache
def base_world() -> dict[str, Any]:
    world: dict[str, Any] = yaml.load((HERE / "_world.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    return world


class Replay:
    """One case against a simulator of its own."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._clock = ManualClock()
        self._kept: dict[str, Any] = {}

    def run(self) -> Verdict:
        case = self._case
        seed = {**base_world(), **case.needs}
        with (
            Simulator(seed, clock=self._clock.now, plain_http=True) as simulator,
            requests.Session() as http,
        ):
            http.trust_env = False
            self._http, self._url, self._token = http, f"{simulator.url}/jsonrpc", None
            self._log_in("admin")
            for step in case.given:
                self._prepare(step)
            ask = self._filled(case.ask)
            body = {"id": 7, "session": self._token, **ask}
            answer = self._post(body)
            found = list(compare(case, ask, answer))
            assert simulator.world.defects == []
        return judge(case, found)

    def _post(self, body: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._http.post(self._url, json=body, timeout=30).json()
        return answer

    def _log_in(self, user: str) -> None:
        login = {"user": user, "passwd": user}
        body = {"method": "exec", "params": [{"url": "sys/login/user", "data": login}]}
        self._token = self._post(body)["session"]

    def _prepare(self, step: dict[str, Any]) -> None:
        """`after` lets seconds pass, `as` logs in as somebody else, the rest is a request."""
        self._clock.sleep(step.get("after", 0))
        if "as" in step:
            self._log_in(step["as"])
        if "method" not in step:
            return
        param = {k: v for k, v in step.items() if k not in ("method", "keep", "after", "as")}
        envelope = {"method": step["method"], "params": [self._filled(param)], "verbose": 1}
        answer = self._post({**envelope, "session": self._token})
        element = answer["result"][0]
        assert element["status"]["code"] == 0, (self._case.name, step, element)
        for name, member in step.get("keep", {}).items():
            self._kept[name] = element["data"][member]

    def _filled(self, value: Any) -> Any:
        """`{{name}}` stands for what an earlier step kept."""
        if isinstance(value, str):
            whole = PLACE.fullmatch(value)
            if whole:
                return self._kept[whole[1]]
            return PLACE.sub(lambda m: str(self._kept[m[1]]), value)
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        return value


def judge(case: Case, found: list[Difference]) -> Verdict:
    remarks = [*case.aside, *case.deviates]
    unexplained = [d for d in found if not any(_covers(r, d) for r in remarks)]
    applied = [r for r in remarks if any(_covers(r, d) for d in found)]
    unused = [r for r in remarks if r not in applied]
    return Verdict(case, tuple(unexplained), tuple(applied), tuple(unused))


def _covers(remark: Remark, difference: Difference) -> bool:
    """`*` stands for anything; brackets are meant as they are."""
    if remark.only not in (None, difference.what):
        return False
    pattern = ".*".join(map(re.escape, remark.at.split("*")))
    return re.fullmatch(pattern, difference.at) is not None


def compare(case: Case, ask: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[Difference]:
    """All differences between an answer and what was recorded."""
    yield from _same("", {**case.envelope, "id": "int", "result": "text"}, _outline(answer))
    result, told = answer.get("result", []), case.told
    if len(result) != len(told):
        yield Difference("result", f"{len(told)} elements recorded, {len(result)} answered")
        return
    for at, (element, wanted) in enumerate(zip(result, told, strict=True)):
        yield from _compare_element(f"result[{at}]", ask["params"][at], element, wanted)


def _outline(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {k: ("list" if k == "result" else v) for k, v in answer.items()}


def _compare_element(
    place: str, param: Mapping[str, Any], element: Mapping[str, Any], wanted: Mapping[str, Any]
) -> Iterator[Difference]:
    status = element.get("status", {})
    code = wanted.get("code", 0)
    if status.get("code") != code:
        yield Difference(f"{place}.status.code", f"{code} recorded, answered {status}")
        return
    message = wanted.get("message", "OK")
    if status.get("message") != message:
        yield Difference(f"{place}.status.message", f"{message!r}, not {status.get('message')!r}")
    if wanted.get("url", True) != ("url" in element):
        yield Difference(f"{place}.url", "present in one of both only")
    elif "url" in element and element["url"] != param["url"]:
        yield Difference(f"{place}.url", f"not echoed: {element['url']}")
    if ("data" in wanted) != ("data" in element):
        yield Difference(f"{place}.data", f"{'missing' if 'data' in wanted else 'unexpected'}")
    elif "data" in wanted:
        yield from _same(f"{place}.data", wanted["data"], element["data"])
    rest = {k: v for k, v in element.items() if k not in ("data", "status", "url")}
    yield from _same(place, wanted.get("also", {}), rest)


def _same(place: str, wanted: Any, found: Any) -> Iterator[Difference]:
    """A shape: members (with `?` optional), a list of one shape, or names of types."""
    if isinstance(wanted, dict):
        if not isinstance(found, dict):
            yield Difference(place, f"an object recorded, answered {_short(found)}")
            return
        yield from _same_members(place, wanted, found)
    elif isinstance(wanted, list):
        if not isinstance(found, list):
            yield Difference(place, f"a list recorded, answered {_short(found)}")
        elif wanted and not found:
            yield Difference(place, "an empty list")
        else:
            for item in found if wanted else ():
                yield from _same(f"{place}[]", wanted[0], item)
    elif not any(is_a(found, kind) for kind in str(wanted).split("|")):
        yield Difference(place, f"{wanted} recorded, answered {_short(found)}")


def _same_members(
    place: str, wanted: Mapping[str, Any], found: Mapping[str, Any]
) -> Iterator[Difference]:
    known = set()
    for name, shape in wanted.items():
        bare = name.removesuffix("?")
        known.add(bare)
        inner = f"{place}.{bare}" if place else bare
        if bare in found:
            yield from _same(inner, shape, found[bare])
        elif bare == name:
            yield Difference(inner, "missing")
    for name in found:
        if name not in known:
            yield Difference(f"{place}.{name}" if place else name, "not recorded")


def is_a(value: object, kind: str) -> bool:
    """Whether a value has a recorded type or shape."""
    if value is None or isinstance(value, bool):
        return kind == ("null" if value is None else "bool")
    if isinstance(value, int):
        return kind == "int" or (kind == "epoch" and value > 1_000_000_000)
    if not isinstance(value, str):
        return False
    pattern = {"uuid": UUID, "ipv4": IPV4, "word": WORD}.get(kind)
    return kind == "text" if pattern is None else pattern.fullmatch(value) is not None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."


def verdicts(topic: str | None = None) -> list[Verdict]:
    """The cases of one topic, or all of them, replayed."""
    return [
        Verdict(case, (), (), ()) if case.outside is not None else Replay(case).run()
        for case in load()
        if topic in (None, case.topic)
    ]


def summary(words: Iterable[str]) -> dict[str, int]:
    """How often each verdict was given."""
    counts = Counter(words)
    return {word: counts[word] for word in ("matches", "deviates", "DIFFERS", "not simulated")}


def table(found: list[Verdict]) -> str:
    """The page in docs/."""
    topics = dict.fromkeys(v.case.topic for v in found)
    words = {topic: [v.word for v in found if v.case.topic == topic] for topic in topics}
    lines = [*head(words), "", *standing(words)]
    for topic in topics:
        lines += ["", *section(topic, [v for v in found if v.case.topic == topic])]
    return "\n".join([*lines, "", *tables(), "", *sources(v.case for v in found)]) + "\n"


def head(words: Mapping[str, list[str]]) -> list[str]:
    """What the page says of all topics together, from the verdicts of each."""
    counts = summary(chain.from_iterable(words.values()))
    total = sum(counts.values())
    served = total - counts["not simulated"]
    lines = [
        "# How much the simulator is like FortiManager",
        "",
        "Generated by `python -m tests.simulator.fidelity --write`; do not edit.",
        "",
        f"{total} recorded exchanges with an answer, from public sources, were replayed.",
        f"{counts['not simulated']} of them ({counts['not simulated'] / total:.0%}) ask for",
        "something the simulator does not have;",
        f"of the other {served}, {counts['matches']} ({counts['matches'] / served:.0%}) match and",
        f"{counts['deviates']} deviate as explained.",
        "Compared are envelope, status, members, types and value shapes; not names, ids and times.",
        "Where a source is itself at fault (names changed by hand, bodies shortened), the row says",
        "so and counts as a match.",
        "",
        "| Topic | matches | deviates | not simulated |",
        "| --- | --- | --- | --- |",
    ]
    for topic, given in words.items():
        here = summary(given)
        lines.append(
            f"| {topic} | {here['matches']} | {here['deviates']} | {here['not simulated']} |"
        )
    return lines


def standing(words: Mapping[str, list[str]]) -> list[str]:
    """What of each topic is known from recordings, what is guessed, and what is refused."""
    said = yaml.load((HERE / "_topics.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    lines = [
        "## Known, guessed, refused",
        "",
        "Known is what a public source recorded and the simulator answers alike; guessed is what",
        "no source settles; refused is what is not simulated: it is answered with a code of",
        "FortiManager's own, or told in the log.",
        "",
        "| Topic | Known | Guessed | Refused |",
        "| --- | --- | --- | --- |",
    ]
    for topic, given in words.items():
        counts = summary(given)
        known = f"{counts['matches']} recorded exchanges"
        guessed, refused = (_listed(said[topic][kind]) for kind in ("guessed", "refused"))
        lines.append(f"| {topic} | {known} | {guessed} | {refused} |")
    return lines


def _listed(texts: list[str]) -> str:
    return "; ".join(texts).replace("|", "\\|") or "-"


def tables() -> list[str]:
    """The tables that are served, from the schema's own rows."""
    recorded = {url for case in load() for url in map(_bare, case.ask["params"])}
    lines = [
        "## Tables",
        "",
        "Members, enumerations and releases of all are known from what public clients send. A read",
        "and its defaults are known where a recording names the table, and guessed elsewhere.",
        "Every member is kept as it was written and read back; members that are not listed are",
        "told or refused. Tables that are not in this list are -6.",
        "",
        "| Table | Members | Mappings | Reads |",
        "| --- | --- | --- | --- |",
    ]
    for name, table in sorted({**TABLES, **PACKAGE_TABLES}.items()):
        known = any(f"/{name.replace(' ', '/')}" in url for url in recorded)
        lines.append(
            f"| `{name}` | {len(table.attributes)} | {'yes' if table.mapped else '-'} "
            f"| {'known' if known else 'guessed'} |"
        )
    return lines


def _bare(param: Mapping[str, Any]) -> str:
    return f"/{str(param['url']).strip('/')}"


def section(topic: str, found: list[Verdict]) -> list[str]:
    """What the page says of one topic."""
    lines = [f"## {topic}", "", "| # | Request | | Remarks |", "| --- | --- | --- | --- |"]
    return lines + [_row(verdict) for verdict in found]


def sources(cases: Iterable[Case]) -> list[str]:
    """Where the recordings come from."""
    return ["## Sources", "", *(f"- {source}" for source in sorted({c.source for c in cases}))]


def _row(verdict: Verdict) -> str:
    case = verdict.case
    remarks = [case.outside] if case.outside is not None else []
    remarks += [f"differs: {d.at}: {d.what}" for d in verdict.unexplained]
    remarks += [f"`{r.at}`: {r.why}" for r in case.deviates]
    remarks += [f"source: {r.why}" for r in case.aside]
    text = "; ".join(dict.fromkeys(remarks)).replace("|", "\\|")
    request = case.request.replace("|", "\\|")
    return f"| {case.number} | {request} | {verdict.word} | {text} |"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.name}")
    write = parser.parse_args(arguments).write
    found = verdicts()
    page = table(found)
    if write:
        TABLE.write_text(page)
    else:
        sys.stdout.write(page)
    for verdict in found:
        for difference in verdict.unexplained:
            sys.stderr.write(f"{verdict.case.name}: {difference.at}: {difference.what}\n")
        for remark in verdict.unused:
            sys.stderr.write(f"{verdict.case.name}: remark {remark.at} has no difference\n")
    return int(any(verdict.unexplained for verdict in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What people ask at night, the command that answers, and the page that shows it.

`python -m tests.lab.questions` writes docs/questions.md anew.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from fmgsync.cli import lab_story, story
from tests.lab import evening

PAGE = Path(__file__).parents[2] / "docs" / "questions.md"
DEVICES = 300
LINES = 50
"""What one screen holds."""


@dataclass(frozen=True, slots=True)
class Question:
    """`{ip}`, `{pod}` and `{new}` in a command stand for what the evening has; `code` is how it
    ends."""

    asks: str
    command: str
    code: int = 0


QUESTIONS = (
    Question("Which FortiGates are behind, and what stands in the way?", "fmgsync status", 1),
    Question("Which of them, by name?", "fmgsync status -o name --device 'fgt-west-1?'", 1),
    Question("How is one FortiGate?", "fmgsync explain device fgt-east-2", 3),
    Question("Why is this address still allowed?", "fmgsync explain ip {ip}"),
    Question("Why is my pod not let through?", "fmgsync explain pod {new}", 3),
    Question("Why is my pod not in this group?", "fmgsync explain pod {new} --group k8s-mail", 3),
    Question("Who uses this group?", "fmgsync explain group k8s-web", 3),
    Question("What would change?", "fmgsync plan", 3),
    Question("What is installed tonight, and what is held?", "fmgsync forecast --preview", 3),
    Question("When may installs start at all?", "fmgsync windows --days 2"),
    Question("What waits for me?", "fmgsync approve"),
    Question("Where does the rollout stand?", "fmgsync rollout status", 3),
    Question("What changed last night, by whom, why?", "fmgsync history --since 2026-03-01T20:00Z"),
    Question("Was the audit tampered with?", "fmgsync audit verify"),
    Question("Stop everything, now", 'fmgsync stop --reason "INC-1: the firewall team debugs"'),
    Question("Is anything stopped?", "fmgsync status --device fgt-east-1", 1),
    Question("Go on", 'fmgsync start --reason "INC-1 is closed"'),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A question as it was answered."""

    question: Question
    command: str
    code: int
    text: str


def words_of(estate: story.Estate) -> dict[str, str]:
    """What the questions are about: an address that no pod has any more, and the youngest pod."""
    cluster = next(iter(estate.clusters.values()))
    newest = f"{cluster.NAMESPACE}/{list(cluster.pods)[-1]}"
    return {"ip": lab_story.gone(estate), "new": newest}


def answers(estate: story.Estate, *, columns: int = evening.COLUMNS) -> list[Answer]:
    """Every question in turn, asked in the lab's folder."""
    found = []
    words = words_of(estate)
    for each in QUESTIONS:
        command = each.command.format(**words)
        code, text = evening.screen(command, columns=columns)
        # Which data is at hand differs from computer to computer.
        text = "\n".join(line for line in text.splitlines() if "time zone data" not in line)
        found.append(Answer(each, command, code, text))
    return found


def page(found: list[Answer], devices: int) -> str:
    """The page in docs/."""
    head = f"""\
# Questions

What people ask at night, and the command that answers on one screen.
Every answer below is what the command printed on a terminal of {evening.COLUMNS} columns in a lab of {devices} simulated FortiGates
(`fmgsync demo --stay` builds such a lab of 40), made by `python -m tests.lab.questions`; a test fails when they are out of date.
All take `-o json` (or `yaml`) for scripts. Apart from `stop` and `start` none of them changes anything.

| Question | Command |
|---|---|
"""  # noqa: E501 - a page
    rows = [f"| [{a.question.asks}](#{_anchor(a.question.asks)}) | `{a.command}` |" for a in found]
    parts = [f"## {a.question.asks}\n\n```console\n$ {a.command}\n{a.text}\n```\n" for a in found]
    return "\n".join([head + "\n".join(rows), "", *parts, _TAIL])


def _anchor(text: str) -> str:
    kept = "".join(c for c in text.lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


_TAIL = """\
## How answers are folded

Devices that share a change, a state, a wave, an opening or an install are one row with their number, and a few of their names;
`-v` (or `-o wide` for `status`) lists each. Names are sorted as people count: `fgt-2` before `fgt-10`.
On terminals under 100 columns rows become blocks; no name and no address is ever broken.

## What an answer is worth

`status`, `explain` and `verify` ask the FortiGates themselves, through FortiManager; `plan` and `forecast` do not.
A forecast takes the devices to behave as they did: installs need what past ones needed
(five minutes each while none is on record), and every device proves itself.
Who had an address before is known as far back as the audit at hand goes.
"""  # noqa: E501 - a page


def main() -> None:
    """Write the page."""
    with (
        tempfile.TemporaryDirectory() as folder,
        evening.open_evening(Path(folder), DEVICES) as estate,
    ):
        PAGE.write_text(page(answers(estate), DEVICES), encoding="utf-8")


if __name__ == "__main__":
    main()

"""YAML of others is bounded before anything is built of it, and fails in one way only."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import yaml

from fmgsync import yamlplain
from fmgsync.yamlplain import MAX_DEPTH

PACKAGE = Path(__file__).parents[1] / "fmgsync"

LAUGHS = b"a0: &a0 [x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)
)
TALL = b"- &a0 []\n" + b"".join(
    b"- &a%d %s*a%d%s\n" % (n, b"[" * 20, n - 1, b"]" * 20) for n in range(1, 30)
)
REFUSED = {
    "brackets without end": b"[" * 1_000_000,
    "braces without end": b"{" * 1_000_000,
    "keys of brackets": b"{[" * 300_000,
    "dashes without end": b"- " * 500_000,
    "a million laughs": LAUGHS,
    "each a little higher than the one before": TALL,
    "a value that holds itself": b"a: &a [*a]",
    "a mapping that holds itself": b"&a {b: {c: *a}}",
    "more values than anybody writes": b"[" + b"1," * 250_000 + b"]",
    "a merge of merges": b"a: &a {k: 1}\nb: [" + b"{<<: *a}," * 150_000 + b"]",
    "a day that no calendar has": b"a: 2026-13-45",
    "a number that is too long": b"a: " + b"9" * 5_000,
    "a key that is a list": b"{[a]: 1}",
    "an alias without an anchor": b"a: *b",
    "two documents": b"a\n---\nb\n",
    "half a character": b'a: "\\ud800"',
    "bytes that are no text": b"a: \xff\xfe\xff",
    "what is no YAML": b"a: [",
    "a tag that makes things": b"a: !!python/object:os.system x",
}


@pytest.mark.parametrize("reason", REFUSED)
def test_refused_as_no_yaml_and_at_once(reason: str) -> None:
    began = time.process_time()
    with pytest.raises(yaml.YAMLError):
        yamlplain.load(REFUSED[reason])
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: [1, x, null]", {"a": [1, "x", None]}),
        ("a: &a {b: c}\nd: *a\ne: {<<: *a, f: g}",
         {"a": {"b": "c"}, "d": {"b": "c"}, "e": {"b": "c", "f": "g"}}),
        ("- &x y\n- *x\n- *x", ["y", "y", "y"]),
        ("a: \u202e", {"a": "\u202e"}),
    ],
)  # fmt: skip
def test_what_people_write_is_read(text: str, value: object) -> None:
    assert yamlplain.load(text) == value
    assert yamlplain.load(text.encode()) == value


def test_the_bounds_are_where_they_are_said_to_be() -> None:
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert yamlplain.load(deepest)
    with pytest.raises(yamlplain.Excessive, match="64 levels"):
        yamlplain.load(f"[{deepest}]")
    with pytest.raises(yamlplain.Excessive, match="64 levels"):
        yamlplain.load(f"- &a {'[' * 40 + ']' * 40}\n- {'[' * 24}*a{']' * 24}")
    assert yamlplain.load("[1, 2]", most=3) == [1, 2]
    with pytest.raises(yamlplain.Excessive, match="too many"):
        yamlplain.load("[1, 2]", most=2)


def test_nobody_reads_yaml_past_the_bounds() -> None:
    bounded = {"yamllines.py", "yamlplain.py", "sources/yamltext.py"}
    bounded |= {"recording/check.py"}  # what `files` has read before
    reader = re.compile(r"\byaml\.((\w+_)?(load|compose|parse|scan)(_all)?|\w*Loader)\(")
    for path in PACKAGE.rglob("*.py"):
        if str(path.relative_to(PACKAGE)) not in bounded:
            assert not reader.search(path.read_text()), path

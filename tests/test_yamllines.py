"""YAML in, plain data and positions out; hostile text gets a clear refusal."""

from __future__ import annotations

import json
import math
import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fmgsync import yamllines
from fmgsync.errors import ConfigError, ConfigProblem

EXAMPLE = """\
owner: prod
groups:
  - name: web
    select: "app == 'web'"
  - {name: db, families: [ipv4, ipv6]}
guard:
  {maxMembers: 5}
"""


def problem(text: str | bytes) -> ConfigProblem:
    """The only problem of a text that is refused."""
    with pytest.raises(ConfigError) as caught:
        yamllines.load(text, "x.yaml")
    (only,) = caught.value.problems
    return only


def test_data_is_plain() -> None:
    document = yamllines.load(EXAMPLE, "x.yaml")
    assert document.data == yaml.safe_load(EXAMPLE)


@pytest.mark.parametrize(
    ("path", "value_at", "key_at"),
    [
        ((), (1, 1), (1, 1)),
        (("owner",), (1, 8), (1, 1)),
        (("groups",), (3, 3), (2, 1)),
        (("groups", 0), (3, 5), (3, 5)),
        (("groups", 0, "select"), (4, 13), (4, 5)),
        (("groups", 1, "families", 1), (5, 33), (5, 33)),
        (("guard", "maxMembers"), (7, 16), (7, 4)),
        (("groups", 1, "absent"), (5, 5), (5, 5)),
        (("absent", "deeper"), (1, 1), (1, 1)),
        (("owner", "not-a-mapping"), (1, 8), (1, 8)),
    ],
)
def test_a_path_has_the_place_of_its_value_and_of_its_key(
    path: tuple[str | int, ...], value_at: tuple[int, int], key_at: tuple[int, int]
) -> None:
    document = yamllines.load(EXAMPLE, "x.yaml")
    assert document.at(path) == value_at
    assert document.key_at(path) == key_at


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("7", 7),
        ("-7", -7),
        ("0x1f", 31),
        ("0o17", 15),
        ("010", 10),  # YAML 1.1 says 8
        ("1.5", 1.5),
        ("1e3", 1000.0),  # YAML 1.1 says text
        (".inf", math.inf),
        ("no", "no"),  # YAML 1.1 says false, and so on below
        ("on", "on"),
        ("Yes", "Yes"),
        ("12:30", "12:30"),  # YAML 1.1 says 750
        ("2026-01-01", "2026-01-01"),
        ("2001:db8:40::/44", "2001:db8:40::/44"),
        ("9" * 5000, "9" * 5000),  # Python refuses to read it as a number
        ('"7"', "7"),
        ("!!str 7", "7"),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_unquoted_text_means_what_it_looks_like(text: str, value: object) -> None:
    assert yamllines.load(f"key: {text}", "x.yaml").data == {"key": value}


def test_keys_are_text_even_where_they_look_like_something_else() -> None:
    assert yamllines.load("{on: 1, 2: b, null: c}", "x.yaml").data == {
        "on": 1,
        "2": "b",
        "null": "c",
    }


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "null"])
def test_nothing_is_a_document_of_none(text: str) -> None:
    assert yamllines.load(text, "x.yaml").data is None


def test_a_path_is_safe_to_print() -> None:
    assert (
        yamllines.dotted(("groups", 0, "a\x1b[31m")) == "groups[0].a\N{REPLACEMENT CHARACTER}[31m"
    )


def test_every_duplicate_key_is_named_with_both_lines() -> None:
    with pytest.raises(ConfigError) as caught:
        yamllines.load("a: 1\nb: {c: 1, c: 2}\na: 2\n", "x.yaml")
    assert [(p.path, p.line, p.column) for p in caught.value.problems] == [
        ("b.c", 2, 11),
        ("a", 3, 1),
    ]
    assert "x.yaml:3: a: the key stands twice, first on line 1" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: [1\nb: 2", 2, "not YAML"),
        ("a: 'x", 1, "unexpected end of stream while scanning a quoted scalar that begins on"),
        ("a: 1\n\tb: 2", 2, "not YAML"),
        ("a: b: c", 1, "mapping values are not allowed"),
        ("a: 1\n---\nb: 1", 2, "second document"),
        ("a: 1\nb: !has(x)", 2, "tag"),
        ("a: !!python/object:os.system []", 1, "tag"),
        ("a: 1\nb: *c", 2, "no anchor"),
        ("a: &a [*a]", 1, "inside the value it repeats"),
        ("[a]: 1", 1, "key must be plain text"),
        ("a: &a {b: 1}\n<<: *a", 2, "merge keys"),
        (b"a: 1\nb: \xff", 2, "not text"),
        ("a: 1\nb: \x00", 2, "not text"),
        ('a: "\ud800"', 1, "not text"),
    ],
)
def test_a_refusal_names_the_line(text: str | bytes, line: int, words: str) -> None:
    found = problem(text)
    assert words in found.message
    assert found.line == line


def test_a_value_that_begins_with_an_exclamation_mark_is_told_to_be_quoted() -> None:
    assert "in quotes" in (problem("select: !has(x)").next_step or "")


@pytest.mark.parametrize(
    "mark", ["*", "!", "&", "@", "%", "`", "|", ">", "'", '"', "{", "- a: b: "]
)
def test_a_password_that_should_have_been_quoted_is_not_repeated(mark: str) -> None:
    text = f"password: {mark}hunter2: x: *hunter2"
    with pytest.raises(ConfigError) as caught:
        yamllines.load(text, "x.yaml")
    assert "hunter2" not in str(caught.value)


def test_an_alias_repeats_a_value_and_its_place() -> None:
    document = yamllines.load("a: &x {b: 1}\nc: *x\n", "x.yaml")
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.at(("c", "b")) == (1, 11)
    assert document.key_at(("c",)) == (2, 1)


def test_aliases_that_multiply_are_stopped() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "aliases repeat more than" in problem("\n".join(lines)).message


def test_aliases_that_nest_are_stopped() -> None:
    lines = ["a0: &a0 []", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 100))]
    assert "levels deep" in problem("\n".join(lines)).message


def test_a_flood_of_duplicate_keys_is_cut() -> None:
    with pytest.raises(ConfigError) as caught:
        yamllines.load("a: 1\n" * 10_000, "x.yaml")
    assert len(caught.value.problems) == yamllines.MAX_DUPLICATES + 1


@pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 200_000, "- " * 200_000])
def test_depth_is_bounded(text: str) -> None:
    assert "levels deep" in problem(text).message


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(string.printable),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc.-"), inner),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(plain)
def test_json_is_yaml(value: object) -> None:
    assert yamllines.load(json.dumps(value), "x.yaml").data == value


@settings(max_examples=200, deadline=None)
@given(st.text("ab:-[]{},&*!|>'\"#%@`\n\t \\<?~0x") | st.binary(max_size=40))
def test_any_text_is_read_or_refused_with_a_config_error(text: str | bytes) -> None:
    assert read_or_refused(text)


def read_or_refused(text: str | bytes) -> bool:
    """Anything but these two ends is an exception, and so a failure."""
    try:
        document = yamllines.load(text, "x.yaml")
    except ConfigError as err:
        return bool(err.problems)
    return document.at(()).line >= 1

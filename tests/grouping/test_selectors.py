"""The Calico selector language: the published cases, row by row, and what people get told."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fmgsync.errors import UsageError
from fmgsync.grouping import selectors
from fmgsync.grouping.selectors import SelectorError, parse
from fmgsync.model.labels import Labels

CASES: Mapping[str, Any] = yaml.safe_load(
    Path(__file__).with_name("selector_cases.yaml").read_text(encoding="utf-8")
)


def match_rows() -> Iterator[tuple[str, dict[str, str], bool]]:
    for case in CASES["match"]:
        for labels in case.get("selects", ()):
            yield case["selector"], labels, True
        for labels in case.get("leaves", ()):
            yield case["selector"], labels, False


@pytest.mark.parametrize(("text", "labels", "expected"), list(match_rows()))
def test_a_selector_selects_these_labels_and_leaves_those(
    text: str, labels: dict[str, str], expected: bool
) -> None:
    assert parse(text).matches(labels) is expected
    assert parse(text).matches(Labels(labels)) is expected
    assert parse(str(parse(text))).matches(labels) is expected


@pytest.mark.parametrize("text", CASES["valid"])
def test_valid_text_parses_and_its_canonical_form_is_stable(text: str) -> None:
    selector = parse(text)
    assert parse(str(selector)) == selector
    assert str(parse(str(selector))) == str(selector)


@pytest.mark.parametrize("text", CASES["invalid"])
def test_invalid_text_is_refused_with_its_position(text: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse(text)
    assert caught.value.text == text
    assert 0 <= caught.value.position <= len(text)
    assert isinstance(caught.value, UsageError)


@pytest.mark.parametrize("case", CASES["canonical"])
def test_the_canonical_form_is_the_published_one(case: Mapping[str, str]) -> None:
    assert str(parse(case["text"])) == case["prints"]


def test_a_key_may_have_512_characters_and_no_more() -> None:
    longest = "a" * 512
    assert parse(f"{longest} == 'v'").matches({longest: "v"})
    with pytest.raises(SelectorError, match="512"):
        parse(f"{longest}a == 'v'")
    with pytest.raises(SelectorError, match="512"):
        parse(f"has({longest}a)")


def test_large_sets_are_sets() -> None:
    members = ",".join(f"'{number}'" for number in range(300))
    selector = parse(f"a in {{{members}}}")
    assert selector.matches({"a": "299"})
    assert not selector.matches({"a": "300"})


def test_selectors_are_equal_when_they_mean_the_same_by_form() -> None:
    one, other = parse("a=='x' && b in {'2','1','2'}"), parse('(a == "x") && b in {"1", "2"}')
    assert one == other
    assert hash(one) == hash(other)
    assert one != parse("a == 'x'")
    assert one != "a"
    assert repr(parse("a=='x'")) == "Selector('a == \"x\"')"


def test_double_negation_disappears_however_it_is_written() -> None:
    assert str(parse("!!has(a)")) == "has(a)"
    assert str(parse("!(!has(a))")) == "has(a)"
    assert str(parse("!(!(!(has(a))))")) == "!has(a)"


def test_the_same_text_is_parsed_once() -> None:
    assert parse("once == 'x'") is parse("once == 'x'")
    longer = "has(a) || " * 2000 + "has(b)"
    assert parse(longer) == parse(longer)


def test_keys_are_those_mentioned() -> None:
    assert parse("!(a == 'x' || has(b)) && c in {} && d not in {'y'}").keys == set("abcd")
    assert parse("").keys == frozenset()


def test_selectors_cannot_be_changed_but_copied() -> None:
    selector = parse("!(a == 'x' || has(b) && c in {'y'} && all())")
    with pytest.raises(AttributeError):
        selector.keys = frozenset()
    with pytest.raises(AttributeError):
        del selector.keys
    assert pickle.loads(pickle.dumps(selector)) == selector
    assert copy.deepcopy(selector).matches({"a": "z"})


@pytest.mark.parametrize(
    ("text", "position", "problem", "advice"),
    [
        ("app = 'web'", 4, "found '='", "write =="),
        ("app === 'web'", 6, "quoted value", "write =="),
        ("app =~ 'web'", 4, "found '='", "no regular expressions"),
        ("app matches 'web'", 4, "'matches'", "no regular expressions"),
        ("app == web", 7, "quoted value, found 'web'", "values are quoted: 'web'"),
        ("app == “web”", 7, "quoted value", "straight quotes"),
        ("app == {'web'}", 7, "quoted value", "a set follows in"),
        ("app in (web, db)", 7, "expected a set, found '('", "{'x', 'y'}"),
        ("app in ['web']", 7, "expected a set, found '['", "{'x', 'y'}"),
        ("app in {web}", 8, "in the set, found 'web'", "values are quoted: 'web'"),
        ("app in {'web' 'db'}", 14, "expected , or }", "{'x', 'y'}"),
        ("app in {'web'", 13, "never closed", "{'x', 'y'}"),
        ("app in {'web',", 14, "never closed", "{'x', 'y'}"),
        ("app == 'web'\n&& tier == 'dmz'", 12, r"found '\n'", "'>-'"),
        ("app == 'web'\u00a0&& has(b)", 12, r"found '\xa0'", "no-break space"),
        ("has (app)", 4, "found '('", "must touch the word: has("),
        ("Has(app)", 3, "found '('", "has(key), all() and global()"),
        ("has('app')", 4, "needs a label key", "without quotes"),
        ("has(a, b)", 5, "not closed", "has(a) && has(b)"),
        ("all(x)", 4, "not closed", "write all()"),
        ("app", 3, "found the end", "write has(app)"),
        ("!app && has(b)", 5, "found '&'", "write has(app)"),
        ("not app == 'web'", 4, "after 'not', found 'app'", "negation is written !"),
        ("app IN {'web'}", 4, "'IN'", "lower case"),
        ("'app' == 'web'", 0, "begins with a label key", "without quotes"),
        ("app == 'web' and has(b)", 13, "found 'and'", "write &&"),
        ("app == 'web', has(b)", 12, "found ','", "write &&"),
        ("app == 'web' OR has(b)", 13, "found 'OR'", "write ||"),
        ("app == 'web' | has(b)", 13, "found '|'", "write ||"),
        ("app == 'it's'", 11, "found 's'", "no escapes"),
        ("app == 'web", 7, "never closed", "no escapes"),
        ("app == 'web' has(b)", 13, "found 'has'", "join terms"),
        ("äpp == 'web'", 0, "cannot begin", "ASCII letters"),
        ("app == 'a\"b", 7, "the quote ' is never", "a value that contains ' between \""),
        ("app == \"a'b", 7, 'the quote " is never', "a value that contains \" between '"),
        ('app == "a"b"', 10, "found 'b'", "a value that contains \" between '"),
        ("app == 'it's'", 11, "found 's'", "a value that contains ' between \""),
        ("has(a) && ", 10, "ends where a term is expected", "write a test such as app == 'web'"),
        ("`app == 'web'", 0, "a term cannot begin with '`'", "straight quotes"),
        ("\"app\" == 'web'", 0, "begins with a label key", "without quotes"),
        ('has("app")', 4, "needs a label key", "without quotes"),
        ("has(?)", 4, "needs a label key, not '?'", None),
        ("app | has(b)", 4, "found '|'", "write has(app)"),
        ("(app )", 5, "found ')'", "write has(app)"),
        ("app ~ 'web'", 4, "found '~'", "no regular expressions"),
        ("app like 'web'", 4, "found 'like'", "no regular expressions"),
        ("app ? 'web'", 4, "found '?'", "use ==, !="),
        ("app foo 'web'", 4, "found 'foo'", "use ==, !="),
        ("app Foo 'web'", 4, "found 'Foo'", "operators are lower case"),
        ("app \u00a0== 'web'", 4, r"found '\xa0'", "replace the no-break space"),
        ("app \u2003== 'web'", 4, r"found '\u2003'", "only spaces and tabs"),
        ("has(a) & has(b)", 7, "found '&'", "write && between"),
        ("a" * 40, 40, f"after {'a' * 40!r}", f"write has({'a' * 40})"),
        ("a" * 41, 41, f"after {'a' * 39 + '…'!r}", f"write has({'a' * 39}…)"),
        ("((has(a)", 1, "never closed", None),
        ("(has(a)", 0, "never closed", None),
        ("has(a))", 6, "never opened", None),
    ],
)
def test_usual_mistakes_get_a_next_step(
    text: str, position: int, problem: str, advice: str | None
) -> None:
    with pytest.raises(SelectorError) as caught:
        parse(text)
    assert problem in caught.value.message
    assert caught.value.position == position
    assert (advice or "") in (caught.value.next_step or "")
    assert (caught.value.next_step is None) is (advice is None)


def test_an_error_shows_the_place_and_nothing_a_terminal_would_obey() -> None:
    with pytest.raises(SelectorError) as caught:
        parse("app == 'x' \x1b[31m")
    shown = str(caught.value)
    assert "\x1b" not in shown
    first, text, caret = shown.split("\n")
    assert first.startswith("expected &&, || or the end, found '\\x1b' at position 11")
    assert text.index("[31m") == caret.index("^") + 1


@pytest.mark.parametrize(
    "text",
    [
        "!" * 100_000,
        "(" * 100_000,
        "||" * 100_000,
        "'" * 100_000,
        "(has(a)&&" * 50_000,
        "!(" * 50_000 + "has(a)" + ")" * 50_000,
        "a in {" + "'x'," * 100_000,
        "has(" * 50_000,
        "a" * 100_000,
        "a " * 50_000,
        " " * (selectors.MAX_LENGTH + 1),
    ],
    ids=lambda text: text[:8],
)
def test_hostile_text_is_refused_without_exhausting_anything(text: str) -> None:
    with pytest.raises(SelectorError):
        parse(text)


def test_blanks_may_stand_between_any_words() -> None:
    assert parse("\t( \t! \t( has( a ) )  ) ") == parse("!has(a)")


def test_long_but_honest_text_is_served() -> None:
    assert parse(" " * selectors.MAX_LENGTH) == parse("all()")
    assert parse("!" * 100_000 + "has(a)") == parse("has(a)")
    assert parse("!" * 100_001 + "has(a)") == parse("!has(a)")
    many = parse(" || ".join(f"a == '{number}'" for number in range(20_000)))
    assert many.matches({"a": "19999"})
    assert not many.matches({"a": "20000"})


def test_nesting_is_bounded_in_the_text_and_in_the_canonical_form() -> None:
    deepest = selectors.MAX_DEPTH
    assert parse("(" * deepest + "has(a)" + ")" * deepest) == parse("has(a)")
    with pytest.raises(SelectorError, match="nested more than 64 deep") as caught:
        parse("(" * (deepest + 1) + "has(a)" + ")" * (deepest + 1))
    assert caught.value.position == deepest
    # Each level prints as two: !((has(a) && ...) || has(b)).
    half = deepest // 2
    nested = "!(has(a) && " * half + "has(c)" + " || has(b))" * half
    assert parse(str(parse(nested))) == parse(nested)
    with pytest.raises(SelectorError, match="nested more than 64 deep"):
        parse("!(has(a) && " * (half + 1) + "has(c)" + " || has(b))" * (half + 1))

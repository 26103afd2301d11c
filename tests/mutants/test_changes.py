"""What is changed in a function, and that nothing stays changed."""

from __future__ import annotations

import ast

import pytest

from tests.mutants.changes import changes

HEAD = "def f(a: int, b: int = 1) -> int:\n    '''A doc.'''\n    "


def made(text: str) -> list[str]:
    tree = ast.parse(text)
    found = []
    for change in changes(tree):
        undo = change.do()
        compile(tree, "f", "exec")
        found.append(ast.unparse(tree))
        undo()
        assert ast.unparse(tree) == ast.unparse(ast.parse(text)), change.made
    return found


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ("return None", []),
        ("return a", ["return None"]),
        ("return a < 2", ["return None", "return a <= 2", "return a < 3"]),
        ("return 'one two'", ["return None"]),
        ("return a and 'x'", ["return None", "return a or 'x'", "return 'x'", "return a",
                              "return a and 'XXx'"]),
        ("assert a", []),
        ("f(a, b=b)", ["pass", "f(None, b=b)", "f(a)"]),
        ("f(*a, strict=True)", ["pass", "f(strict=True)"]),
        ("yield a", ["yield None"]),
        ("a = not b", ["a = None", "a = b"]),
        ("a = 1", ["a = 2"]),
        ("a.b = b", ["pass"]),
        ("a += f'{b}x'", ["pass"]),
        ("x = cast('int', a)", ["x = None"]),
        ("[x for x in a if x]", ["pass", "[x for x in a]"]),
    ],
)  # fmt: skip
def test_each_place_is_changed_by_itself(body: str, changed: list[str]) -> None:
    assert made(HEAD + body) == [ast.unparse(ast.parse(HEAD + one)) for one in changed]


def test_a_case_and_a_condition_can_go_wrong() -> None:
    text = "class A:\n def f(self, a):\n  match a:\n   case int():\n    pass\n  if a: pass"
    assert [("case int() if False" in one, "if not a" in one) for one in made(text)] == [
        (True, False),
        (False, True),
    ]
    assert [one.function for one in changes(ast.parse(text))] == ["A.f", "A.f"]


def test_what_is_no_function_is_left_alone() -> None:
    assert made("A = 1\n@f(1)\nclass B:\n    c: int = 5\n    d = f(2)") == []

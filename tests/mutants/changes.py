"""The changes that are made to the functions of a module, one place at a time.

Left alone are sentences, annotations, defaults, decorators, and what only a type checker needs.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

_OTHER: Final[dict[type, type[ast.AST]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitAnd,
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SIMPLE = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)

Undo = Callable[[], None]


@dataclass(frozen=True)
class Change:
    """One place, the function around it, and how it is made there and taken back."""

    function: str
    line: int
    made: str
    do: Callable[[], Undo]


def changes(tree: ast.Module) -> Iterator[Change]:
    """Every change of every function of a module."""
    for name, function in functions(tree.body):
        for node in function.body:
            yield from _within(name, node, function, "body")


def functions(
    body: list[ast.stmt], within: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The functions and methods of a module; what is defined in them belongs to them."""
    for node in body:
        if isinstance(node, _FUNCTIONS):
            yield within + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from functions(node.body, f"{within}{node.name}.")
        elif isinstance(node, ast.If):
            yield from functions(node.body, within)


def _within(name: str, node: ast.AST, parent: ast.AST, field: str) -> Iterator[Change]:
    if isinstance(node, ast.Assert) or _is_cast(node):
        return
    for made, do in _of(node, parent, field):
        yield Change(name, getattr(node, "lineno", getattr(parent, "lineno", 0)), made, do)
    for inner, child in _children(node):
        yield from _within(name, child, node, inner)


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list"):
            continue
        if isinstance(node, (*_FUNCTIONS, ast.Lambda)) and field == "args":
            continue
        if isinstance(node, ast.JoinedStr) and field == "values":
            yield from ((field, each) for each in value if isinstance(each, ast.FormattedValue))
            continue
        if isinstance(node, ast.FormattedValue) and field == "format_spec":
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield field, child


_Made = Iterator[tuple[str, Callable[[], Undo]]]


def _of(node: ast.AST, parent: ast.AST, field: str) -> _Made:
    match node:
        case ast.stmt():
            yield from _statement(node, parent, field)
            yield from _condition(node)
        case ast.IfExp():
            yield from _condition(node)
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp() | ast.BinOp():
            yield from _operation(node, parent, field)
        case ast.Constant():
            if (value := _another(node, parent)) is not None:
                yield f"{node.value!r} as {value!r}", _set(node, "value", value)
        case ast.Call():
            yield from _arguments(node)
        case ast.comprehension():
            for at, condition in enumerate(node.ifs):
                yield f"left out: if {_shown(condition)}", _without(node.ifs, at)
        case ast.match_case():
            never = ast.copy_location(ast.Constant(value=False), node.pattern)
            yield f"never: case {_shown(node.pattern)}", _set(node, "guard", never)
        case ast.Yield() | ast.YieldFrom() if not _is_none(node.value):
            nothing = (
                ast.Constant(None) if isinstance(node, ast.Yield) else ast.List([], ast.Load())
            )
            yield f"nothing for: {_shown(node)}", _set(node, "value", nothing)


def _condition(node: ast.AST) -> _Made:
    if not isinstance(node, (ast.If, ast.While, ast.IfExp)):
        return
    if not isinstance(node.test, (ast.Compare, ast.UnaryOp)):
        yield f"not: {_shown(node.test)}", _set(node, "test", ast.UnaryOp(ast.Not(), node.test))


def _operation(node: ast.AST, parent: ast.AST, field: str) -> _Made:
    match node:
        case ast.Compare():
            for at, op in enumerate(node.ops):
                yield (
                    f"{_OTHER[type(op)].__name__}: {_shown(node)}",
                    _swap(node.ops, at, _OTHER[type(op)]()),
                )
        case ast.BoolOp():
            yield f"other of and, or: {_shown(node)}", _set(node, "op", _OTHER[type(node.op)]())
            for at, value in enumerate(node.values):
                rest = [*node.values[:at], *node.values[at + 1 :]]
                left = ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]
                yield f"left out: {_shown(value)}", _put(parent, field, node, left)
        case ast.UnaryOp(op=ast.Not()):
            yield f"not not: {_shown(node)}", _put(parent, field, node, node.operand)
        case ast.BinOp() if type(node.op) in _OTHER:
            other = _OTHER[type(node.op)]
            yield f"{other.__name__}: {_shown(node)}", _set(node, "op", other())


def _statement(node: ast.stmt, parent: ast.AST, field: str) -> _Made:
    if isinstance(node, _SIMPLE):
        if isinstance(node, ast.Expr) and isinstance(
            node.value, (ast.Constant, ast.Yield, ast.YieldFrom)
        ):
            return
        yield f"left out: {_shown(node)}", _put(parent, field, node, ast.Pass())
    elif isinstance(node, ast.Return) and not _is_none(node.value):
        none = ast.Constant(value=None)
        yield f"nothing for: {_shown(node)}", _set(node, "value", none)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(each, (ast.Attribute, ast.Subscript)) for each in targets):
            yield f"left out: {_shown(node)}", _put(parent, field, node, ast.Pass())
        elif not isinstance(node.value, ast.Constant):
            yield f"None for: {_shown(node)}", _set(node, "value", ast.Constant(value=None))


def _arguments(node: ast.Call) -> _Made:
    for at, value in enumerate(node.args):
        if isinstance(value, ast.Starred):
            yield f"left out: {_shown(value)} of {_shown(node)}", _without(node.args, at)
        elif not isinstance(value, (ast.Constant, ast.JoinedStr)):
            none = ast.Constant(value=None)
            yield f"None for: {_shown(value)} of {_shown(node)}", _swap(node.args, at, none)
    for at, keyword in enumerate(node.keywords):
        if keyword.arg != "strict":
            yield f"left out: {_shown(keyword)} of {_shown(node)}", _without(node.keywords, at)


def _another(node: ast.Constant, parent: ast.AST) -> object:
    """Another number, word or truth in place of one; None where it stays."""
    value = node.value
    if isinstance(parent, ast.Expr) or (isinstance(parent, ast.keyword) and parent.arg == "strict"):
        return None
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str) and " " not in value.strip():
        return f"XX{value}"
    return None


def _is_cast(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cast"


def _is_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def _set(node: ast.AST, field: str, value: Any) -> Callable[[], Undo]:
    def do() -> Undo:
        before = getattr(node, field)
        _place(value, node)
        setattr(node, field, value)
        return lambda: setattr(node, field, before)

    return do


def _swap(within: list[Any], at: int, value: ast.AST) -> Callable[[], Undo]:
    def do() -> Undo:
        before = within[at]
        _place(value, before)
        within[at] = value
        return lambda: within.__setitem__(at, before)

    return do


def _without(within: list[Any], at: int) -> Callable[[], Undo]:
    def do() -> Undo:
        before = within.pop(at)
        return lambda: within.insert(at, before)

    return do


def _put(parent: ast.AST, field: str, node: ast.AST, value: ast.AST) -> Callable[[], Undo]:
    standing = getattr(parent, field)
    if not isinstance(standing, list):
        return _set(parent, field, value)
    return _swap(standing, next(at for at, each in enumerate(standing) if each is node), value)


def _place(value: object, like: ast.AST) -> None:
    """What is new stands where it was made; what stood somewhere stays there."""
    if isinstance(value, ast.AST) and not hasattr(value, "lineno"):
        ast.copy_location(value, like)
        ast.fix_missing_locations(value)

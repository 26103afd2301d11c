"""Which handler answers which url. A pattern is a url with `{name}` for one segment and
`{name*}` for all that remain."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fmgsync.simulator.codes import bad_command, bad_url
from fmgsync.simulator.state import rights
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members

Handler = Callable[..., Members]


@dataclass(frozen=True, slots=True)
class Route:
    """Methods (space-separated), pattern, handler."""

    methods: str
    pattern: str
    handler: Handler


class Router:
    """Finds the handler for a call. Literal segments win over placeholders."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root: dict[str, Any] = {}
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        for segment in route.pattern.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment.strip("{}*"))
                segment = "**" if segment.endswith("*}") else "*"
            node = node.setdefault(f"/{segment}", {})
        for method in route.methods.split():
            node.setdefault("", {})[method] = (route.handler, names)

    def answer(self, world: World, call: Call) -> Members:
        """Run the handler; refuses with -6 for unknown urls and -9 for the wrong method."""
        known = False
        for methods, values in _matches(self._root, call.path, ()):
            known = True
            if call.method in methods:
                rights.require(call.session.admin.rights, call.path, call.method)
                handler, names = methods[call.method]
                members: Members = handler(world, call, **dict(zip(names, values, strict=True)))
                return members
        raise bad_command() if known else bad_url()


def _matches(node: dict[str, Any], path: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """Every place in the tree the path leads to, most literal first."""
    if not path:
        if "" in node:
            yield node[""], values
        return
    literal = node.get(f"/{path[0]}")
    if literal is not None:
        yield from _matches(literal, path[1:], values)
    if "/*" in node:
        yield from _matches(node["/*"], path[1:], (*values, path[0]))
    if "/**" in node and "" in node["/**"]:
        yield node["/**"][""], (*values, path)

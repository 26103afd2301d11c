"""One param of one request, as the handlers see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fmgsync.simulator.codes import Refusal, bad_data
from fmgsync.simulator.state.ignored import PARAMETERS, Heard, Ignored, Options, heard
from fmgsync.simulator.state.sessions import Session
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire import urls

Members = dict[str, Any]
"""What a handler answers: the result element's members besides status and url."""


@dataclass(slots=True)
class Call:
    """Method, url segments and the param's own members; `now` in UTC epoch seconds."""

    method: str
    url: str
    path: tuple[str, ...]
    param: Heard
    session: Session
    verbose: bool
    now: float
    extra: Members = field(default_factory=dict)
    """Members for the top level of the answer (a new session)."""
    ignored: Ignored = field(default_factory=Ignored)
    _options: Options | None = None

    def __post_init__(self) -> None:
        self.param.asked.add("url")

    @classmethod
    def made(
        cls,
        method: str,
        url: str,
        param: Mapping[str, Any],
        who: Session,
        world: World,
        now: float,
        *,
        verbose: bool,
    ) -> Call:
        """From a param as it came; of an exec the data is listened to as a whole."""
        heard_param = Heard(param, apart=None if method == "exec" else "data")
        path = urls.split(url)
        return cls(method, url, path, heard_param, who, verbose, now, ignored=world.ignored)

    def ignore(self, kind: str, name: str) -> None:
        """Something in this call that is not known here: an option, parameter, field or member."""
        self.ignored.tell(kind, self.url, name)

    def refuse_strange(self) -> None:
        """Before anything is done: parameters that no call has."""
        for name in dict.keys(self.param) - PARAMETERS:
            self.param.asked.add(name)
            self.ignore("parameter", name)

    def tell_unheard(self) -> None:
        """After all is done: what was said and nobody asked for."""
        for name in _unheard(self.param):
            inside = name.removeprefix("data.")
            self.ignore("parameter" if inside == name else "member", inside)
        if self.method == "move":
            return  # there `option` is a place
        for word in self.options() - self.options().asked:
            self.ignore("option", word)

    @property
    def data(self) -> Any:
        """The param's data, None when absent."""
        return self.param.get("data")

    def options(self) -> Options:
        """`option` as a set; a single word and a list are the same."""
        if self._options is None:
            option = self.param.get("option")
            words = [option] if isinstance(option, str) else option
            words = words if isinstance(words, list) else []
            self._options = Options(word for word in words if isinstance(word, str))
        return self._options

    def record(self) -> Mapping[str, Any]:
        """Data that must be one object, given bare or as a list of one."""
        data = self.data
        if isinstance(data, list) and len(data) == 1:
            data = data[0]
        if not isinstance(data, dict):
            raise bad_data()
        found: Mapping[str, Any] = self._hear([data])[0]
        return found

    def records(self) -> list[Mapping[str, Any]]:
        """Data that may be one object or a list of them."""
        found: list[Mapping[str, Any]] = self._hear(self.rows())
        return found

    def rows(self) -> list[Mapping[str, Any]]:
        """The same for configuration rows, of whose members the catalogue knows which there are."""
        data = self.data
        items = data if isinstance(data, list) else [data]
        if not items or not all(isinstance(item, dict) for item in items):
            raise bad_data()
        return items

    def _hear(self, data: Any) -> Any:
        found = heard(data)
        dict.__setitem__(self.param, "data", found)
        return found

    def text(self, name: str) -> str:
        """A text member of the record; refused when absent or of another type."""
        value = self.record().get(name)
        if not isinstance(value, str) or not value:
            raise Refusal(-10)
        return value


def _unheard(param: Heard) -> Iterator[str]:
    """Names of what was said to no effect; an empty value says nothing."""
    for name in param.unheard():
        if "." in name or dict.get(param, name) not in (None, "", [], {}):
            yield name

"""A question about a pod, an address, a group or a device, as people and programs put it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fmgsync import errors
from fmgsync.assessing import explain
from fmgsync.assessing.explanation import Explanation, Scene
from fmgsync.model import address
from fmgsync.model.address import Address

KINDS = ("pod", "ip", "group", "device")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about: its kind and name; about a pod perhaps one group alone.

    Raises UsageError for a name that can be none.
    """

    kind: str
    name: str
    group: str | None = None

    def __post_init__(self) -> None:
        if self.kind == "pod" and not all(self.pod):
            raise errors.UsageError(f"{self.name!r} names no pod", next_step="write NAMESPACE/NAME")
        if self.kind == "ip":
            self.address  # noqa: B018 - is it one?

    @property
    def pod(self) -> tuple[str, str]:
        """Namespace and name."""
        namespace, _, name = self.name.partition("/")
        return namespace, name

    @property
    def address(self) -> Address:
        """The address asked about."""
        try:
            return address.parse(self.name)
        except ValueError as error:
            raise errors.UsageError(
                f"{self.name!r} is no address", next_step="write 10.1.0.9 or 2001:db8::9"
            ) from error

    def answer(self, scene: Scene) -> Explanation:
        """The answer in what was seen."""
        match self.kind:
            case "pod":
                return explain.pod(scene, *self.pod, group=self.group)
            case "ip":
                return explain.ip(scene, self.address)
            case "group":
                return explain.group(scene, self.name)
            case _:
                return explain.device(scene, self.name)


def asked(words: Mapping[str, str]) -> Question:
    """From the parameters of a request: one kind, and `in` for the one group. Raises UsageError."""
    kinds = [kind for kind in KINDS if words.get(kind)]
    if len(kinds) != 1:
        raise errors.UsageError("ask about one thing", next_step=f"?{'=..., ?'.join(KINDS)}=...")
    return Question(kinds[0], words[kinds[0]], words.get("in"))

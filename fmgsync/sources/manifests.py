"""Reads what `kubectl get pods,nodes,namespaces -A -o yaml|json` printed.

Taken are a file, a folder (its own `*.yaml`, `*.yml` and `*.json`, by name; not the folders in
it, as with `kubectl apply -f`) and standard input, each also compressed with gzip; in each a List,
a PodList, NodeList or NamespaceList (also as `kubectl get --raw /api/v1/pods` prints it), single
objects, and several of them one after the other. Other kinds are passed over.

What `kubectl get --raw /apis` prints (an APIGroupList) says which network plug-ins a cluster lacks:
of their kinds there is nothing.

What a dump cannot say: which kinds were asked for when one has no object, and whether it was
restricted to a namespace or by a selector. The first is met by not taking an absent kind for an
empty one; the second is the caller's to keep in mind: dump with `-A` and without selectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import msgspec

from fmgsync.errors import ManifestError
from fmgsync.model.endpoint import ALWAYS, ClusterSnapshot, Kind
from fmgsync.sources import documents, jsontext, recognising, streams, yamltext
from fmgsync.sources import kinds as kinds_read
from fmgsync.sources.convert.objects import quoted
from fmgsync.sources.convert.parsed import is_null
from fmgsync.sources.documents import Document, Item
from fmgsync.sources.gathering import Gathering
from fmgsync.sources.kinds import SYSTEM, row
from fmgsync.sources.source import Source

_ONE_PAGE: Final = "this is one page of a longer list: leave `limit` out when making the dump"
_UNPROVEN: Final = (
    "the list ends with its last item, and nothing says that all are there: end the file with a"
    " line `...` if they are, or make the dump as JSON"
)
_NO_VERSION: Final = "an object has no apiVersion: its beginning is cut off, or it was not dumped"
_INSIDE_A_LINE: Final = (
    "the file ends inside a line, so it may be cut off: end it with a line break if it is not"
)


def read_snapshot(
    cluster: str,
    manifests: Path | Literal["-"],
    *,
    stdin: BinaryIO | None = None,
    kinds: Iterable[Kind] = ALWAYS,
) -> ClusterSnapshot:
    """What the dump says of these kinds; `-` reads `stdin`, by default standard input.

    Standard input can be read once only. Raises `ManifestError` if the dump is cut off, garbled
    or cannot be opened; a single bad object only leaves its kind unsynced.
    """
    gathering, wanted, served = Gathering(), frozenset(kinds), set[str]()
    for name, stream in streams.listed(manifests, stdin):
        served |= _read_stream(gathering, Source(stream, name), wanted)
    for kind in kinds_read.listed(wanted):
        if served and recognising.is_lacking(row(kind), served) and not gathering.holds(kind):
            gathering.complete(kind)
        _judge(gathering, kind)
    return gathering.snapshot(cluster)


def _read_stream(gathering: Gathering, source: Source, kinds: frozenset[Kind]) -> set[str]:
    """The API groups that it says are served, if it does."""
    reading = _Reading(gathering, source, kinds)
    try:
        for part in _parts(source):
            source.object_ended()
            if isinstance(part, Item):
                reading.item(part)
            else:
                reading.document(part)
    except documents.Unreadable as error:
        raise source.fault(str(error)) from error
    if not reading.objects:
        raise source.fault("it holds no Kubernetes object")
    return reading.served


def _parts(source: Source) -> Iterator[Item | Document]:
    if not source.start:
        raise ManifestError(
            "it is empty: kubectl printed nothing",
            where=source.name,
            next_step="see what kubectl complained of, and make the dump again",
        )
    if source.start.startswith(b"{"):
        return jsontext.read(source)
    return documents.read(yamltext.events(source))


class _Reading:
    """One stream's objects, told apart by kind."""

    def __init__(self, gathering: Gathering, source: Source, kinds: frozenset[Kind]) -> None:
        self.objects = 0
        self.served: set[str] = set()
        self._kinds: Final = kinds
        self._all: Final = kinds_read.listed(kinds)
        self._whole: Final = any(kind.is_destination for kind in self._all)
        self._gathering: Final = gathering
        self._source: Final = source
        self._documents = 1
        self._latest: tuple[Item, str] | None = None
        self._waiting: list[tuple[Mapping[str, Any], str]] = []

    def item(self, item: Item) -> None:
        """Keep it until the next one, or the end of the list, shows that it is whole."""
        self._take_latest()
        self._latest = item, f"{self._place()} .items[{item.index}]"

    def document(self, document: Document) -> None:
        content = document.content
        if is_null(content):  # nothing, or only comments, between two `---`
            return
        if not isinstance(content, dict):
            raise self._fault("is not a Kubernetes object, nor a list of them")
        self.objects += 1
        kind, version = content.get("kind"), content.get("apiVersion")
        if kind == "Status" and content.get("status") == "Failure":
            self._doubt_all(
                f"the API server refused something: {quoted(str(content.get('message', '')))}"
            )
        if not isinstance(kind, str):
            raise self._fault("has no kind: it is cut off, or is no Kubernetes object")
        if kind == "APIGroupList" and document.proven:
            self.served |= {str(each.get("name")) for each in content.get("groups") or () if each}
        if document.last in ("kind", "apiVersion") and not self._source.ends_line:
            self._doubt_kind(kind, version)
        if document.is_list:
            self._end_list(document, kind, version)
        elif kind.endswith("List") and "items" in content:
            raise self._fault("has items that are no list")
        else:
            self._single(document, kind, version)
        self._documents += 1

    def _doubt_kind(self, kind: str, version: Any) -> None:
        """The text ends within what says what this is: `PodLi` may be pods."""
        if kind != "List" and not self._candidates(version, kind.removesuffix("List")):
            self._doubt_all(_INSIDE_A_LINE)

    def _doubt_all(self, why: str) -> None:
        """Nobody can say which kind it concerns."""
        for each in self._all:
            self._cut(each, self._place(), why)

    def _single(self, document: Document, kind: str, version: Any) -> None:
        for known in recognising.known(self._candidates(version, kind), document.content):
            if not document.proven and not self._source.ends_line:
                self._cut(known, self._place(), _INSIDE_A_LINE)
                continue
            if version is None:
                self._cut(known, self._place(), _NO_VERSION)
                continue
            self._gathering.add_mapping(
                known, document.content, self._place(), last=not document.proven
            )

    def _end_list(self, document: Document, kind: str, version: Any) -> None:
        listed = self._candidates(version, kind.removesuffix("List")) if version else ()
        concerned = listed or self._all
        if document.proven or self._source.ends_line:
            self._take_latest(last=not document.proven)
        self._latest = None
        for content, place in self._waiting:
            self._add_untyped(kind, version, content, place)
        self._waiting = []
        if _continues(document.content):
            for each in concerned:
                self._cut(each, self._place(), _ONE_PAGE)
        if not document.proven:
            for each in concerned:
                self._cut(each, self._place(), _UNPROVEN)
        elif kind.endswith("List"):
            for each in listed:
                self._gathering.complete(each)

    def _cut(self, kind: Kind, place: str, why: str) -> None:
        self._gathering.problem(kind, f"{kind} in {place}", why)

    def _take_latest(self, *, last: bool = False) -> None:
        """`last`: the text ends after it, and perhaps should not."""
        if self._latest is None:
            return
        (item, place), self._latest = self._latest, None
        if isinstance(item.content, str) and item.content.startswith("{"):
            self._take_text(item, item.content, place)
            return
        if not isinstance(item.content, dict):
            raise self._fault(f"has in .items[{item.index}] something that is no object")
        self._take(item, item.content, place, last=last)

    def _take_text(self, item: Item, text: str, place: str) -> None:
        """The text of an item, decoded no further than its kind needs."""
        try:
            text = jsontext.mended(text)
            head = _head_decoder.decode(text)
        except RecursionError as error:
            raise self._fault("is nested deeper than any object is") from error
        kind, version = (item.list_kind, item.list_version) if head.kind is None else head
        if not isinstance(kind, str) or kind in ("", "List"):
            self._take(item, msgspec.json.decode(text), place)
            return
        self._refuse_nested(item, head.kind)
        kind = kind if head.kind is not None else kind.removesuffix("List")
        if kind in recognising.WITH_NAMES:
            self._add(version, kind, msgspec.json.decode(text), place)
            return
        for known in self._candidates(version, kind):
            self._gathering.add_json(known, text, place)

    def _refuse_nested(self, item: Item, kind: Any) -> None:
        if isinstance(kind, str) and kind.endswith("List"):
            raise self._fault(
                f"has in .items[{item.index}] a list ({kind}): write lists one after the other, not"
                " into one another"
            )

    def _take(self, item: Item, content: dict[str, Any], place: str, *, last: bool = False) -> None:
        if not is_null(content.get("kind")):
            self._refuse_nested(item, content["kind"])
            self._add(content.get("apiVersion"), content["kind"], content, place, last=last)
        elif item.list_kind is not None:
            self._add_untyped(item.list_kind, item.list_version, content, place, last=last)
        else:
            self._waiting.append((content if self._whole else _slim(content), place))

    def _add_untyped(
        self,
        list_kind: Any,
        version: Any,
        content: Mapping[str, Any],
        place: str,
        *,
        last: bool = False,
    ) -> None:
        kind = list_kind.removesuffix("List") if isinstance(list_kind, str) else None
        self._add(version, kind, content, place, last=last)

    def _add(
        self, version: Any, kind: Any, content: Mapping[str, Any], place: str, *, last: bool = False
    ) -> None:
        found = self._candidates(version, kind)
        for known in recognising.known(found, content):
            self._gathering.add_mapping(known, content, place, last=last)
        for each in found if recognising.is_of_system(content) else ():
            if row(each).only:  # those that are looked at are in this list, or there are none
                self._gathering.complete(each)
        if not isinstance(kind, str) or not kind:
            self._doubt_all(f"{place} has no kind: it is cut off, or is no Kubernetes object")

    def _candidates(self, version: Any, kind: Any) -> tuple[Kind, ...]:
        return recognising.candidates(version, kind, self._kinds)

    def _fault(self, message: str) -> ManifestError:
        return self._source.fault(f"document {self._documents} {message}")

    def _place(self) -> str:
        number = f", document {self._documents}" if self._documents > 1 else ""
        return f"{self._source.name}{number}"


class _Head(msgspec.Struct, frozen=True, gc=False):
    """What an object says it is."""

    kind: Any = None
    version: Any = msgspec.field(name="apiVersion", default=None)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.kind, self.version))


_head_decoder: Final = msgspec.json.Decoder(_Head)


def _continues(head: Mapping[str, Any]) -> bool:
    metadata = head.get("metadata")
    return isinstance(metadata, dict) and not is_null(metadata.get("continue") or None)


def _slim(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """An item that waits for its list's kind, without what is large and never looked at."""
    return {
        part: {key: each for key, each in fields.items() if not isinstance(each, list | dict)}
        | {key: fields[key] for key in _NEEDED if key in fields}
        for part, fields in content.items()
        if isinstance(fields, dict)
    }


_OF_POLICIES: Final = ("ingress", "egress", "nets", "allowedUses", "rules", "policies")
_OF_EGRESSES: Final = (
    *("namespaceSelector", "podSelector", "selectors", "appliedTo", "egressIPs", "externalIPs"),
    *("items", "destinationCIDRs", "excludedCIDRs", "egressGateway", "egressGateways"),
    *("template", "aws", "natOutgoingPolicyRules"),
)
_NEEDED: Final = (
    *("labels", "annotations", "podIPs", "addresses"),
    *_OF_POLICIES,
    *_OF_EGRESSES,
)


def _judge(gathering: Gathering, kind: Kind) -> None:
    """A kind of which something was seen is complete; an absent one is not known to be empty."""
    if gathering.holds(kind):
        gathering.complete(kind)
    if not gathering.is_complete(kind) and not gathering.has_problem(kind):
        version, asked = row(kind).resource.api_version, streams.DUMP
        if row(kind).only:
            asked = f"kubectl get {row(kind).resource.plural} -n {SYSTEM} -o json"
        elif kind not in ALWAYS:
            asked = f"kubectl get {kind} -A -o json"
        if row(kind).spare:
            gathering.problem(
                kind,
                str(kind),
                f"the dump holds no {kind}: add `{asked}`, or, if the cluster has no such kind,"
                " `kubectl get --raw /apis`, which says so",
            )
            return
        gathering.problem(
            kind,
            str(kind),
            f"the dump holds no {kind}: either none were asked for ({asked}), or there are none, "
            f"which another document says: "
            f'{{"apiVersion":"{version}","kind":"{row(kind).name}List","items":[]}}',
        )

"""Lists come in pages of one moment, are begun again when that moment is forgotten."""

from __future__ import annotations

import msgspec
import pytest

from fmgsync.errors import SourceExpired, SourceUnavailable
from fmgsync.kube import listing, tables
from fmgsync.kube.client import ApiSession
from fmgsync.kube.listing import Garbled, Scope
from fmgsync.kube.requests import PODS
from fmgsync.simulator.kubernetes import KubernetesSimulator
from tests.builders import namespace, pod


class Named(msgspec.Struct):
    name: str
    labels: dict[str, str] = {}


class Thing(msgspec.Struct):
    metadata: Named


def fill(simulator: KubernetesSimulator, count: int) -> None:
    for number in range(count):
        simulator.add(pod(f"web-{number}", labels={"odd": str(number % 2)}))


def names(pages: list[listing.Page[Thing]]) -> list[list[str]]:
    return [[each.metadata.name for each in page.items] for page in pages]


def test_pages_hold_at_most_their_size(simulator: KubernetesSimulator, session: ApiSession) -> None:
    fill(simulator, 5)
    pages = list(listing.pages(session, PODS, Thing, page_size=2))
    assert names(pages) == [["web-0", "web-1"], ["web-2", "web-3"], ["web-4"]]
    assert [page.starts for page in pages] == [True, False, False]
    assert [page.ends for page in pages] == [False, False, True]
    assert len({page.version for page in pages}) == 1


def test_an_empty_list_is_one_page(session: ApiSession) -> None:
    (page,) = listing.pages(session, PODS, Thing)
    assert (page.items, page.starts, page.ends) == ((), True, True)
    assert page.version


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}',
        b'{"kind":"PodList","apiVersion":"v1","items":[]}',
        b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":""},"items":[]}',
        b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"}}',
        b'{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}',
        b'{"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}',
    ],
)
def test_what_is_no_list_is_not_taken_for_an_empty_one(
    simulator: KubernetesSimulator, session: ApiSession, answer: bytes
) -> None:
    """As something on the way may answer: 200, and JSON."""
    fill(simulator, 1)
    simulator.faults.hollow("pods", answer)
    with pytest.raises(SourceUnavailable, match="not what an API server gives"):
        list(listing.pages(session, PODS, Thing))
    with pytest.raises(SourceUnavailable, match="not what an API server gives"):
        listing.cached(session, PODS, Thing, Scope())


def test_a_scope_is_asked_of_the_server(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    fill(simulator, 4)
    simulator.add(namespace("prod"))
    simulator.add(pod("other", namespace="prod", labels={"odd": "1"}))
    scope = Scope(namespace="default", labels="odd=1", fields="metadata.name!=web-1")
    assert names(list(listing.pages(session, PODS, Thing, scope))) == [["web-3"]]


def test_a_list_whose_moment_is_forgotten_is_begun_again(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    fill(simulator, 4)
    pages = listing.pages(session, PODS, Thing, page_size=2)
    found = [next(pages)]
    simulator.delete("Pod", "web-0")
    simulator.expire_history()
    found += pages
    assert names(found) == [["web-0", "web-1"], ["web-1", "web-2"], ["web-3"]]
    assert [page.starts for page in found] == [True, True, False]


def test_a_list_that_always_expires_is_given_up(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    fill(simulator, 4)
    begun = []

    def read_all() -> None:
        for page in listing.pages(session, PODS, Thing, page_size=2):
            begun.append(page.starts)
            simulator.expire_history()

    with pytest.raises(SourceExpired):
        read_all()
    assert begun == [True] * 4


def test_one_object_of_the_wrong_shape_is_named_and_the_others_are_read(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    fill(simulator, 1)
    bad = pod("bad")
    simulator.add(bad)
    simulator.patch("Pod", "bad", {"metadata": {"labels": {"a": 1}}})
    (page,) = listing.pages(session, PODS, Thing)
    assert names([page]) == [["web-0"]]
    (garbled,) = page.garbled
    assert isinstance(garbled, Garbled)
    assert (garbled.namespace, garbled.name) == ("default", "bad")
    assert "Expected `str`" in garbled.reason


def test_an_answer_that_breaks_off_is_no_short_list(
    simulator: KubernetesSimulator, session: ApiSession
) -> None:
    fill(simulator, 4)
    simulator.faults.garble("pods")
    with pytest.raises(SourceUnavailable, match="not what an API server gives"):
        list(listing.pages(session, PODS, Thing))


@pytest.mark.parametrize(
    "row", ["5", "{}", '{"cells":5}', '{"cells":null}', '{"cells":{"Name":"a"}}']
)
def test_a_row_without_cells_is_an_error(
    simulator: KubernetesSimulator, session: ApiSession, row: str
) -> None:
    columns = '"columnDefinitions":[{"name":"Name"}]'
    answer = f'{{"kind":"Table",{columns},"rows":[{{"cells":["a"]}},{row}]}}'
    simulator.faults.hollow("pods", answer.encode())
    with pytest.raises((SourceUnavailable, tables.NoTable)):
        list(tables.cached(session, PODS, Scope(), ("Name",)))

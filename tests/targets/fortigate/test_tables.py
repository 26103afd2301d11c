"""Tables are read whole, in one state, whatever their pages do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmgsync import errors
from fmgsync.targets.fortigate import tables
from fmgsync.targets.fortigate.tables import Known
from fmgsync.targets.fortigate.urls import Table
from tests.targets.fortigate.conftest import Branch


def addresses(count: int) -> list[dict[str, Any]]:
    return [{"name": f"a{n:03}", "subnet": f"10.0.0.{n}/32"} for n in range(count)]


def names(rows: tables.Rows) -> list[str]:
    return [row["name"] for row in rows.rows if row["name"].startswith("a0")]


@pytest.mark.parametrize("version", ["6.2.10", "6.4.9", "7.2.5", "7.4.5", "7.6.1"])
@pytest.mark.parametrize("page", [1, 2, 7, 1000])
def test_every_row_once_in_every_release(
    boot: Callable[..., Branch], version: str, page: int
) -> None:
    """Old releases tell neither how many rows there are nor which was the last."""
    branch = boot(version=version, addresses=addresses(9))
    with branch.session() as session:
        read = tables.read(session, Table.ADDRESS, "root", ("name", "subnet"), page=page)
    assert names(read) == [f"a{n:03}" for n in range(9)]
    assert read.revision


def test_a_table_that_changes_between_two_pages_is_read_again(boot: Callable[..., Branch]) -> None:
    branch = boot(addresses=addresses(9))
    with branch.session() as session:
        original, asked = session.ask, []

        def ask(url: Any) -> Any:
            asked.append(url)
            if len(asked) == 2:
                branch.box.drift("firewall address", "a009", subnet=("10.0.0.9", "255.255.255.255"))
            return original(url)

        session.ask = ask  # type: ignore[method-assign]
        read = tables.read(session, Table.ADDRESS, "root", ("name",), page=8)
    assert names(read) == [f"a{n:03}" for n in range(10)]


def test_rows_that_move_between_pages_are_no_table(boot: Callable[..., Branch]) -> None:
    fault = {"kind": "reorder", "method": "GET", "times": 0}
    branch = boot(addresses=addresses(9), faults={"faults": [fault]})
    with branch.session() as session, pytest.raises(errors.ChangedMeanwhile) as caught:
        tables.read(session, Table.ADDRESS, "root", ("name",), page=4)
    assert caught.value.retryable


def test_what_has_the_same_revision_is_not_read_again(boot: Callable[..., Branch]) -> None:
    branch, known = boot(addresses=addresses(9)), Known()
    with branch.session() as session:
        first = tables.read(session, Table.ADDRESS, "root", ("name",), known=known, page=4)
        mark = branch.simulator.requests.mark()
        again = tables.read(session, Table.ADDRESS, "root", ("name",), known=known, page=4)
    assert again is first
    assert len(branch.asked(since=mark)) == 1


def test_what_is_known_of_one_unit_says_nothing_of_another(boot: Callable[..., Branch]) -> None:
    branch, known = boot(addresses=addresses(2)), Known()
    with branch.session() as session:
        tables.read(session, Table.ADDRESS, "root", ("name",), known=known)
    branch.box.fail_over()
    with branch.session() as session:
        tables.read(session, Table.GROUP, "root", ("name",), known=known)
        assert known.of(session.serial, "root", Table.ADDRESS) is None


def test_a_table_that_the_key_may_not_see_is_refused(branch: Branch) -> None:
    with branch.session() as session, pytest.raises(errors.PermissionDenied):
        tables.read(session, "firewall/policy", "root", ("policyid",))

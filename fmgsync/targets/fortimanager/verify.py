"""What the devices hold: FortiManager's copy of each device, and the FortiGates themselves.

Both are read by value: members are addresses, nested groups are flattened, both families count.
A FortiGate is asked through `sys/proxy/json`, many per request; one that cannot be reached has no
`response` while the call as a whole says OK ("How to FortiManager API", 016).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fmgsync.model.address import Family
from fmgsync.model.adom import Reading
from fmgsync.model.target import DeviceVdom
from fmgsync.targets import flatten, wire
from fmgsync.targets.fortimanager import answers, tables, urls
from fmgsync.targets.fortimanager.answers import Place, Result
from fmgsync.targets.fortimanager.reads import Read
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.tables import Query, Table
from fmgsync.targets.wire import Row

DEVICES_PER_REQUEST = 20
_DEVICE_TIMEOUT_S = 60
_VALUE_FIELDS = {
    Family.IPV4: ("name", "type", "subnet"),
    Family.IPV6: ("name", "type", "ip6"),
}
_GROUP_FIELDS = ("name", "member", "exclude", "exclude-member")


def reading_databases(
    place: Place, targets: Iterable[DeviceVdom], group_names: Iterable[str]
) -> Read[dict[DeviceVdom, Reading]]:
    """Members by group in FortiManager's copy of each device."""
    wanted = sorted(set(group_names))
    readings: dict[DeviceVdom, Reading] = {}
    for batch in _batches(sorted(set(targets))):
        queries = [query for target in batch for query in _database_queries(place, target)]
        read = yield from tables.reading(queries)
        per_target = len(queries) // len(batch)
        for position, target in enumerate(batch):
            mine = read[position * per_target : (position + 1) * per_target]
            readings[target] = _database_reading(mine, wanted)
    return readings


def _database_queries(place: Place, target: DeviceVdom) -> Iterator[Query]:
    place = replace(place, device=target.device)
    for family in Family:
        addresses = urls.device_addresses(target, family)
        yield Query(addresses, _VALUE_FIELDS[family], place, page=5000)
        yield Query(urls.device_address_groups(target, family), _GROUP_FIELDS, place)


def _database_reading(read: Sequence[Table], wanted: Iterable[str]) -> Reading:
    problem = next((table.error for table in read if table.error is not None), None)
    if problem is not None:
        return Reading(None, problem.message)
    rows = [table.rows for table in read]
    return flatten.reading(wanted, _families(rows))


def read_devices(
    session: Session, adom: str, targets: Iterable[DeviceVdom], group_names: Iterable[str]
) -> dict[DeviceVdom, Reading]:
    """Members by group as each FortiGate itself answers."""
    wanted = sorted(set(group_names))
    by_vdom: defaultdict[str, list[DeviceVdom]] = defaultdict(list)
    for target in sorted(set(targets)):
        by_vdom[target.vdom].append(target)
    readings: dict[DeviceVdom, Reading] = {}
    for vdom, members in by_vdom.items():
        for batch in _batches(members):
            readings.update(_ask(session, adom, vdom, batch, wanted))
    return readings


def _ask(
    session: Session, adom: str, vdom: str, batch: Sequence[DeviceVdom], wanted: Iterable[str]
) -> dict[DeviceVdom, Reading]:
    """One request: every table from every device of the batch."""
    names = [urls.proxy_target(adom, target.device) for target in batch]
    params = [
        {
            "url": urls.PROXY,
            "data": {
                "action": "get",
                "resource": resource,
                "target": names,
                "timeout": _DEVICE_TIMEOUT_S,
            },
        }
        for family in Family
        for resource in (urls.fortios_addresses(family, vdom), urls.fortios_groups(family, vdom))
    ]
    answered = [_by_device(result, session.place) for result in session.query("exec", params)]
    return {target: _device_reading(target, answered, wanted) for target in batch}


def ask_for(adom: str, target: DeviceVdom, resource: str) -> Row:
    """The call that asks one FortiGate for one resource."""
    data = {
        "action": "get",
        "resource": resource,
        "target": [urls.proxy_target(adom, target.device)],
        "timeout": _DEVICE_TIMEOUT_S,
    }
    return {"url": urls.PROXY, "data": data}


def rows_of(result: Result, place: Place, target: DeviceVdom) -> list[Row]:
    """The rows one FortiGate answered; none if it did not."""
    found = _by_device(result, place)
    rows = found if isinstance(found, str) else _fortios_rows(found.get(target.device))
    return [] if isinstance(rows, str) else rows


def _by_device(result: Result, place: Place) -> Mapping[str, Row] | str:
    """The answers of one resource by device name, or why there are none."""
    if not result.ok:
        return answers.error_for(result, place).message
    return {wire.text(row.get("target")): row for row in tables.decode_rows(result.data, place)}


def _device_reading(
    target: DeviceVdom, answered: Sequence[Mapping[str, Row] | str], wanted: Iterable[str]
) -> Reading:
    rows: list[list[Row]] = []
    for resource in answered:
        if isinstance(resource, str):
            return Reading(None, resource)
        found = _fortios_rows(resource.get(target.device))
        if isinstance(found, str):
            return Reading(None, found)
        rows.append(found)
    return flatten.reading(wanted, _families(rows))


def _fortios_rows(answer: Row | None) -> list[Row] | str:
    """The rows of a FortiOS REST answer, or in words why there are none."""
    if answer is None:
        return "FortiManager has no answer for this device"
    status: Any = answer.get("status")
    response: Any = answer.get("response")
    if not isinstance(status, dict) or status.get("code") != answers.OK or response is None:
        words = status.get("message") if isinstance(status, dict) else None
        return wire.printable(words or "the device did not answer")
    if not isinstance(response, dict) or response.get("status") != "success":
        code = response.get("http_status") if isinstance(response, dict) else None
        return f"the device answered with HTTP status {code}"
    results = response.get("results")
    if not isinstance(results, list) or not all(isinstance(row, dict) for row in results):
        return "the device's answer is no table"
    if response.get("limit_reached") is True:
        return "the device's answer was cut short"
    return results


def _families(rows: Sequence[list[Row]]) -> list[flatten.FamilyTables]:
    """Address and group rows per family, in the order they were asked for."""
    return [
        flatten.family_tables(rows[2 * position], rows[2 * position + 1], family)
        for position, family in enumerate(Family)
    ]


def _batches(targets: Sequence[DeviceVdom]) -> Iterator[Sequence[DeviceVdom]]:
    for start in range(0, len(targets), DEVICES_PER_REQUEST):
        yield targets[start : start + DEVICES_PER_REQUEST]

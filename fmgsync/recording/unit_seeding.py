"""From a recording with FortiGates back to seeds: what must have been there for each to answer so.

As for a FortiManager only what was read before it was written counts. Rows that a FortiGate has
from the start are the simulator's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from fmgsync.recording import questions, rest
from fmgsync.recording.cassette import Exchange
from fmgsync.recording.jsonrpc import Question, Result
from fmgsync.recording.vocabulary import SCRUBBED

Seed = dict[str, Any]

KEY: Final = SCRUBBED
"""Scrubbing leaves nothing else of a key, so it is the key of the simulated administrator."""

_TABLES: Final = {
    "firewall/address": "addresses",
    "firewall/address6": "addresses",
    "firewall/addrgrp": "addressGroups",
    "firewall/addrgrp6": "addressGroups",
}
_FORBIDDEN: Final = 403
_MANAGED: Final = {"system/central-management/status", "system/fortimanager/status"}


def hosts(exchanges: Sequence[Exchange]) -> list[str]:
    """The FortiGates that were spoken to, in the order of their first exchange."""
    return list(
        dict.fromkeys(urlsplit(one.uri).netloc for one in exchanges if rest.is_rest(one.uri))
    )


def seeds_of(exchanges: Sequence[Exchange], held: frozenset[tuple[str, str]]) -> list[Seed]:
    """One seed for each FortiGate; `held` are objects that every one has, by table and name."""
    found = {host: _Unit(host, held) for host in hosts(exchanges)}
    for exchange in exchanges:
        unit, question = found.get(urlsplit(exchange.uri).netloc), questions.of(exchange)
        if unit is None or question is None:
            continue
        unit.version = unit.version or rest.version(exchange.response_body)
        for result in questions.answers(exchange):
            unit.note(question, result)
    return [unit.seed() for unit in found.values()]


class _Unit:
    """What is known of one FortiGate; the first word on a thing counts."""

    def __init__(self, host: str, held: frozenset[tuple[str, str]]) -> None:
        self._name = host
        self._held = held
        self.version = ""
        self._vdoms: dict[str, None] = {}
        self._sees_policies = True
        self._managed = "no"
        self._made: set[tuple[str, str, str]] = set()
        self._rows: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        self._policies: dict[tuple[str, Any], Mapping[str, Any]] = {}

    def note(self, question: Question, result: Result) -> None:
        """One envelope."""
        vdom = str(result.element.get("vdom") or question.params[0]["query"].get("vdom", "root"))
        if result.code == 200:
            self._vdoms[vdom] = None
        path = question.urls[0].removeprefix(f"{rest.ROOT}cmdb").strip("/")
        table = next((one for one in _TABLES if f"{path}/".startswith(f"{one}/")), None)
        if table is not None and question.method != "GET":
            data = question.params[0].get("data")
            key = path.removeprefix(table).strip("/").partition("/")[0]
            made = data if isinstance(data, list) else [data]
            names = [one.get("name") for one in made if isinstance(one, dict)]
            self._made |= {(table, vdom, str(name)) for name in ([unquote(key)] if key else names)}
        elif table is not None:
            self._note_rows(table, vdom, result)
        elif path == "firewall/policy" and question.method == "GET":
            self._sees_policies = result.code != _FORBIDDEN
            for row in _rows(result):
                self._policies.setdefault((vdom, row.get("policyid")), row)
        elif question.urls[0].removeprefix(f"{rest.ROOT}monitor/") in _MANAGED:
            self._managed = _managed(result.data)

    def _note_rows(self, table: str, vdom: str, result: Result) -> None:
        for row in _rows(result):
            key = (table, vdom, str(row.get("name")))
            if (
                key not in self._made
                and (table.removeprefix("firewall/"), key[2]) not in self._held
            ):
                before = self._rows.get(key, {})
                self._rows[key] = {**row, **before}

    def seed(self) -> Seed:
        """As `docs/simulator.md` describes it."""
        made: Seed = {
            "name": self._name,
            "vdoms": list(self._vdoms) or ["root"],
            "managed": self._managed,
            "apiUsers": [
                {
                    "name": "api",
                    "key": KEY,
                    "profile": "advised" if self._sees_policies else "minimal",
                }
            ],
        }
        if released := re.match(r"v(\d+\.\d+\.\d+)", self.version):
            made["version"] = released[1]
        for (table, vdom, name), row in self._rows.items():
            seed = _group(name, table, row) if "addrgrp" in table else _address(name, row)
            if seed is not None:
                made.setdefault(_TABLES[table], []).append({**seed, "vdom": vdom})
        policies = [_policy(row) | {"vdom": vdom} for (vdom, _), row in self._policies.items()]
        return made | ({"policies": policies} if policies else {})


def _rows(result: Result) -> list[Mapping[str, Any]]:
    rows = result.data if isinstance(result.data, list) else [result.data]
    return [row for row in rows if isinstance(row, dict)]


def _managed(data: Any) -> str:
    told = data if isinstance(data, dict) else {}
    status = told.get("registration_status", told.get("fortimanager_registration_status_id"))
    if status not in ("registered", "in_progress", 1, 2):
        return "no"
    return "backup" if told.get("mode") == "backup" else "yes"


def _address(name: str, row: Mapping[str, Any]) -> Seed | None:
    """None for a kind that a seed does not know."""
    made: Seed = {"name": name}
    if isinstance(row.get("ip6"), str):
        made["ip6"] = row["ip6"]
    elif isinstance(row.get("subnet"), str):
        made["subnet"] = row["subnet"].replace(" ", "/")
    elif isinstance(row.get("fqdn"), str):
        made["fqdn"] = row["fqdn"]
    else:
        return None
    return made | _comment(row)


def _group(name: str, table: str, row: Mapping[str, Any]) -> Seed:
    family = "ipv6" if table.endswith("6") else "ipv4"
    return {"name": name, "family": family, "members": _names(row.get("member"))} | _comment(row)


def _policy(row: Mapping[str, Any]) -> Seed:
    made: Seed = {"policyid": row.get("policyid"), "action": row.get("action", "accept")}
    made |= {
        name: _names(row[name])
        for name in ("srcaddr", "dstaddr", "srcaddr6", "dstaddr6")
        if name in row
    }
    if isinstance(row.get("name"), str) and row["name"]:
        made["name"] = row["name"]
    for name in ("srcaddr", "dstaddr"):
        if row.get(f"{name}-negate") == "enable":
            made[f"{name}Negate"] = True
    return made


def _comment(row: Mapping[str, Any]) -> Seed:
    comment = row.get("comment")
    return {"comment": comment} if isinstance(comment, str) and comment else {}


def _names(value: Any) -> list[str]:
    rows = value if isinstance(value, list) else []
    return [str(one["name"]) for one in rows if isinstance(one, dict) and "name" in one]

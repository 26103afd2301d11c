"""From a recording back to a seed: what must have been there for the unit to answer as it did.

Only what was read before anything was written counts, and objects nobody made during the recording.
What an object is worth is unknown where only its name was seen; it then gets a documentation
address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fmgsync.recording import jsonrpc, unit_seeding, urls
from fmgsync.recording.adom_seed import Adom, Held, Seed, adom_seed, strings
from fmgsync.recording.cassette import Exchange
from fmgsync.recording.jsonrpc import MISSING, Question, Result

_EXISTS: Final = -2


EVERYWHERE: Final[Held] = frozenset(
    (table, name) for table in ("address", "address6") for name in ("all", "none")
)
_OURS: Final = ("fos", 1)
"""The product of an ADOM that a seed may hold; those of other products every unit has."""

_MODES: Final = {0: "disabled", 1: "normal", 2: "workflow", 3: "per-adom"}


def seed_of(exchanges: Sequence[Exchange], held: Held = EVERYWHERE) -> Seed:
    """A seed for the simulator, as `docs/simulator.md` describes it."""
    collector = _Collector(held)
    for exchange in exchanges:
        question = jsonrpc.decode(exchange.request_body)
        if question is None:
            continue
        collector.note_caller(question, dict(exchange.request_headers))
        results = jsonrpc.results(exchange.response_body)
        for param, result in zip(question.params, results, strict=False):
            collector.note(question.method, param, result)
    direct = unit_seeding.seeds_of(exchanges, held)
    return collector.seed() | ({"fortigates": direct} if direct else {})


class _Collector:
    """Facts in the order in which the recording shows them; the first word on a thing counts."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._version: str | None = None
        self._mode: str | None = None
        self._admins: dict[str, dict[str, Any]] = {}
        self._adoms: dict[str, Adom] = {}

    def note_caller(self, question: Question, headers: Mapping[str, str]) -> None:
        """Who asks: a login with its scrubbed password, or a scrubbed API key."""
        if question.is_login:
            data = question.params[0].get("data")
            data = data[0] if isinstance(data, list) and data else data
            if isinstance(data, Mapping):
                user = str(data.get("user"))
                self._admins.setdefault(user, {"password": str(data.get("passwd"))})
            return
        key = headers.get("Authorization", "").removeprefix("Bearer ")
        if key:
            self._admins.setdefault("api", {"apiKey": key})

    def note(self, method: str, param: Mapping[str, Any], result: Result) -> None:
        """One question and its answer."""
        url = str(param.get("url", ""))
        name = urls.adom_of(url)
        if name is not None and result.code in (0, -2, -3, -10, -10131):
            self._adom(name)
        found = urls.firewall_object(url)
        if found is not None and method != "get":
            self._note_write(method, found, param, result)
        elif result.code != 0 or method != "get" or result.data is MISSING:
            return
        elif found is not None:
            self._note_rows(found, result)
        else:
            self._note_read(urls.parts(url), result.data)

    def _adom(self, name: str) -> Adom:
        return self._adoms.setdefault(name, Adom())

    def _note_read(self, parts: list[str], data: Any) -> None:
        match parts:
            case ["sys", "status"] | ["cli", "global", "system", "status"]:
                self._version = self._version or _version(data)
            case ["cli", "global", "system", "global"] if isinstance(data, dict):
                self._mode = self._mode or _mode(data.get("workspace-mode"))
            case ["dvmdb", "adom", *rest]:
                self._note_dvmdb(rest, data)
            case ["pm", "pkg", "adom", name] if isinstance(data, list):
                self._note_packages(self._adom(name), data, "")
            case ["pm", "config", "adom", name, "_package", "status"] if isinstance(data, list):
                self._note_status(self._adom(name), data)
            case ["pm", "config", "adom", name, "pkg", *path, "firewall", "policy"] if path:
                self._note_policies(self._adom(name), "/".join(path), data)

    def _note_dvmdb(self, rest: list[str], data: Any) -> None:
        match rest:
            case [] if isinstance(data, list):
                for row in data:
                    if isinstance(row.get("name"), str) and row.get("restricted_prds") in _OURS:
                        self._note_adom(self._adom(row["name"]), row)
            case [name] if isinstance(data, dict):
                self._note_adom(self._adom(name), data)
            case [name, "device"] if isinstance(data, list):
                for row in data:
                    self._note_device(self._adom(name), row)
            case [name, "device", _] if isinstance(data, dict):
                self._note_device(self._adom(name), data)
            case [name, "group"] if isinstance(data, list):
                for row in data:
                    self._note_group(self._adom(name), row)

    def _note_adom(self, adom: Adom, data: Mapping[str, Any]) -> None:
        if "os_ver" in data and "mr" in data and adom.os_version is None:
            adom.os_version = f"{str(data['os_ver']).partition('.')[0]}.{data['mr']}"
        if "workspace_mode" in data and adom.mode is None:
            adom.mode = _mode(data["workspace_mode"])
        for member in data.get("object member") or []:
            if member.get("vdom"):
                adom.note_vdom(str(member["name"]), str(member["vdom"]))

    def _note_device(self, adom: Adom, row: Mapping[str, Any]) -> None:
        name = str(row.get("name"))
        adom.devices.setdefault(name, dict(row))
        for vdom in row.get("vdom") or []:
            adom.note_vdom(name, str(vdom.get("name")))

    def _note_group(self, adom: Adom, row: Mapping[str, Any]) -> None:
        members = row.get("object member")
        if row.get("name") != "All_FortiGate" and members is not None:
            adom.groups.setdefault(str(row["name"]), [_target(one) for one in members])

    def _note_packages(self, adom: Adom, rows: Iterable[Any], path: str) -> None:
        for row in rows:
            full = f"{path}{row.get('name')}"
            if row.get("type") in ("folder", 1):
                self._note_packages(adom, row.get("subobj") or [], f"{full}/")
            elif full not in adom.packages:
                members = row.get("scope member") or []
                adom.packages[full] = {"targets": [_target(one) for one in members], "policies": []}

    def _note_status(self, adom: Adom, rows: Iterable[Any]) -> None:
        if adom.statuses is None:
            adom.statuses = {str(row.get("dev")): str(row.get("status")) for row in rows}

    def _note_policies(self, adom: Adom, path: str, data: Any) -> None:
        package = adom.packages.setdefault(path, {"targets": [], "policies": []})
        if package["policies"] or not isinstance(data, list):
            return
        for row in data:
            policy = {"policyid": row.get("policyid"), "name": row.get("name")}
            for key in ("srcaddr", "dstaddr", "srcaddr6", "dstaddr6"):
                policy[key] = [str(one) for one in row.get(key) or []]
                adom.needed |= dict.fromkeys(policy[key])
            if row.get("action") in ("accept", "deny"):
                policy["action"] = row["action"]
            package["policies"].append({k: v for k, v in policy.items() if v})

    def _note_rows(self, found: tuple[str, str, list[str]], result: Result) -> None:
        name, table, rest = found
        if len(rest) <= 1:
            rows = result.data if isinstance(result.data, list) else [result.data]
            for row in rows:
                self._note_row(self._adom(name), table, row)

    def _note_write(
        self,
        method: str,
        found: tuple[str, str, list[str]],
        param: Mapping[str, Any],
        result: Result,
    ) -> None:
        """What was made during the recording, as far as it can be told, and what that needed.

        A refused list may have been written in part, so it counts as written.
        """
        name, table, rest = found
        adom, data = self._adom(name), param.get("data")
        if method == "add" and result.code == _EXISTS and isinstance(data, dict) and not rest:
            # Taken before the recording began, unless the recording took it, in whichever table.
            taken = str(data.get("name"))
            if all(taken != made for _, made in adom.made):
                self._note_row(adom, table, {"name": taken})
        elif result.code == 0 or isinstance(data, list):
            for row in data if isinstance(data, list) else [data]:
                self._note_written(adom, table, rest, row)

    def _note_row(self, adom: Adom, table: str, row: Any) -> None:
        key = (table, str(row.get("name"))) if isinstance(row, dict) else None
        if key is not None and "name" in row and key not in adom.made:
            adom.objects.setdefault(key, row)
            adom.needed |= dict.fromkeys(_members(row))

    def _note_written(self, adom: Adom, table: str, rest: list[str], row: Any) -> None:
        """What was made during the recording, and what it needed."""
        names = rest[:1] or ([str(row["name"])] if isinstance(row, dict) and "name" in row else [])
        adom.made |= {(table, one) for one in names if (table, one) not in adom.objects}
        if isinstance(row, dict):
            adom.needed |= dict.fromkeys(_members(row))
            if isinstance(row.get("name"), str):
                adom.made.add((table, row["name"]))

    def seed(self) -> Seed:
        """Everything known, in the seed's own words."""
        made: Seed = {
            "workspaceMode": self._mode or "disabled",
            "admins": [
                {"user": user, "superAdmin": True, **secret}
                for user, secret in self._admins.items()
            ],
            "adoms": [
                adom_seed(name, adom, self._mode, self._held) for name, adom in self._adoms.items()
            ],
        }
        if self._version is not None:
            made["version"] = self._version
        return {key: value for key, value in made.items() if value}


def _members(row: Mapping[str, Any]) -> list[str]:
    """Everything an object refers to, its mappings included."""
    found = strings(row.get("member")) + strings(row.get("exclude-member"))
    for mapping in row.get("dynamic_mapping") or []:
        if isinstance(mapping, Mapping):
            found += strings(mapping.get("member"))
    return found


def _target(member: Mapping[str, Any]) -> str:
    """A scope member as a seed writes it."""
    if member.get("vdom"):
        return f"{member.get('name')}/{member['vdom']}"
    return f"group:{member.get('name')}"


def _mode(value: Any) -> str | None:
    if isinstance(value, str) and value in _MODES.values():
        return value
    return _MODES.get(value) if isinstance(value, int) else None


def _version(data: Any) -> str | None:
    found = re.match(r"v(\d+\.\d+\.\d+)", str(data.get("Version", ""))) if data else None
    return found[1] if found else None

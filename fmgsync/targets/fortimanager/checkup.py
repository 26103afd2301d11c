"""Reads what decides whether this administrator and this unit will do; judges nothing.

Tables and fields are those that Fortinet's Ansible collection and Terraform provider configure:
`system global`, `system admin setting`, `system admin user` and `system admin profile`. A
restricted administrator may be refused any of them: then the answer is None.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fmgsync import errors
from fmgsync.model.target import TargetRef
from fmgsync.targets import wire
from fmgsync.targets.fortimanager import tables, unit_version, urls
from fmgsync.targets.fortimanager.access import Access
from fmgsync.targets.fortimanager.answers import Place, Result
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.tables import Query

_MAY_INSTALL = ("read-write", 2)


@dataclass(frozen=True, slots=True)
class Administrator:
    """One administrator: what JSON-RPC permits, and the name of the profile; None if not told."""

    user: str
    rpc_permit: str | None
    profile: str | None
    installs: bool


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """What one FortiManager says of itself. None: it may not be read.

    `time` is the unit's own, in UTC epoch seconds.
    """

    user: str
    version: unit_version.Version | None
    time: float | None
    settings: Mapping[str, Any] | None
    admin_settings: Mapping[str, Any] | None
    administrators: tuple[Administrator, ...] | None


@dataclass(frozen=True, slots=True)
class Scheduled:
    """An install that FortiManager will start by itself; `at` as the unit wrote it."""

    package: str
    at: str


def read_unit(session: Session) -> UnitFacts:
    """Everything that concerns the unit as a whole."""
    own, settings, admin_settings, users, profiles = session.call(
        "get",
        [
            {"url": urls.SESSION},
            {"url": urls.GLOBAL_SETTINGS},
            {"url": urls.ADMIN_SETTINGS},
            {"url": urls.ADMINISTRATORS, "fields": ["userid", "profileid", "rpc-permit"]},
            {"url": urls.PROFILES, "fields": ["profileid", "deploy-management"]},
        ],
    )
    about = _row(own) or {}
    return UnitFacts(
        user=str(about.get("login_user") or session.access.username or ""),
        version=unit_version.read_version(session),
        time=time_of(own),
        settings=_row(settings),
        admin_settings=_row(admin_settings),
        administrators=_administrators(users, profiles),
    )


def time_of(own: Result) -> float | None:
    """The unit's own clock, UTC epoch seconds, as the answer about our session tells it."""
    moment = (_row(own) or {}).get("timestamp")
    return float(moment) if isinstance(moment, int) else None


def read_firmware(session: Session, ref: TargetRef) -> Mapping[str, tuple[int, ...]]:
    """The FortiOS releases of an ADOM's devices, as far as they are told."""
    fields = ("name", "os_ver", "mr", "patch")
    place = Place(session.access.name, ref.domain)
    found: dict[str, tuple[int, ...]] = {}
    for row in tables.read(session, Query(urls.devices(ref.domain), fields, place)):
        major = wire.text(row.get("os_ver")).partition(".")[0]
        rest = (row.get("mr"), row.get("patch"))
        if major.isdigit() and all(isinstance(one, int) and one >= 0 for one in rest):
            found[wire.text(row.get("name"))] = (int(major), *(int(one or 0) for one in rest))
    return found


def read_scheduled(session: Session, adom: str) -> tuple[Scheduled, ...]:
    """Installs planned in FortiManager itself ("How to FortiManager API", 006: the `schedule`
    option of the package tree)."""
    param = {"url": urls.package_tree(adom), "option": ["schedule"]}
    rows = session.read(param, place=Place(session.access.name, adom))
    return tuple(_plans(rows, ""))


def expires_at(access: Access) -> datetime | None:
    """When the unit's certificate ends; None behind a proxy. Raises ConnectionFailed."""
    if access.proxy is not None:
        return None
    address = access.address
    context = ssl.create_default_context(cafile=str(access.ca_file) if access.ca_file else None)
    if not access.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(address, timeout=access.connect_timeout_s) as raw,
            context.wrap_socket(raw, server_hostname=address[0]) as secured,
        ):
            shown = secured.getpeercert(binary_form=True)
    except OSError as error:
        raise errors.ConnectionFailed(
            "the certificate cannot be looked at", fortimanager=access.name
        ) from error
    from cryptography import x509

    return x509.load_der_x509_certificate(shown).not_valid_after_utc if shown else None


def _row(result: Result) -> Mapping[str, Any] | None:
    return result.data if result.ok and isinstance(result.data, dict) else None


def _rows(result: Result) -> list[Mapping[str, Any]] | None:
    if not result.ok:
        return None
    found = result.data if isinstance(result.data, list) else []
    return [row for row in found if isinstance(row, dict)]


def _administrators(users: Result, profiles: Result) -> tuple[Administrator, ...] | None:
    """Whoever's profile is not known counts as one who installs."""
    listed, known = _rows(users), _rows(profiles)
    if listed is None:
        return None
    rights = {_word(row.get("profileid")): row.get("deploy-management") for row in known or ()}
    return tuple(
        Administrator(
            user=wire.text(row.get("userid")),
            rpc_permit=_word(row.get("rpc-permit")),
            profile=_word(row.get("profileid")),
            installs=rights.get(_word(row.get("profileid")), "read-write") in _MAY_INSTALL,
        )
        for row in listed
    )


def _word(value: Any) -> str | None:
    """A reference comes as a text or as a list of one."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str) else None


def _plans(rows: Any, folder: str) -> Iterator[Scheduled]:
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            continue
        path = f"{folder}/{wire.text(row.get('name'))}".lstrip("/")
        plan = row.get("schedule")
        for each in plan if isinstance(plan, list) else [plan]:
            if isinstance(each, dict):
                yield Scheduled(path, wire.text(each.get("datetime")))
        yield from _plans(row.get("subobj"), path)

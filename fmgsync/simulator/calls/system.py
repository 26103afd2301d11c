"""The unit itself: login, sessions, status, what it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fmgsync.simulator.calls.plain import answer_row
from fmgsync.simulator.codes import bad_data, bad_url
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

_BUILDS = {(7, 2): 1575, (7, 4): 2702, (7, 6): 3654, (8, 0): 21}
LABEL_SINCE = (8, 0, 0)


def login(world: World, call: Call) -> Members:
    """User and password, bare or as a list of one; the token goes to the top of the answer."""
    record = call.record()
    user, password = record.get("user"), record.get("passwd")
    if not isinstance(user, str) or not isinstance(password, str):
        raise bad_data()
    session = world.sessions.login(user, password, call.now)
    call.extra["session"] = session.token
    return {}


def logout(world: World, call: Call) -> Members:
    """Ends the session and everything it held; an API key's stays."""
    if not call.session.by_key:
        world.sessions.end(call.session)
    return {}


def read_session(world: World, call: Call) -> Members:
    """Who is logged in here."""
    session, admin = call.session, call.session.admin
    shown: dict[str, Any] = {
        "admin_adom": "root",
        "admin_prof": admin.profile_name,
        "admin_user": admin.user,
        "adom_access": 0,
        "adom_list": sorted(admin.adoms or ()),
        "adom_override": 0,
        "current_adom_name": "root",
        "email": "",
        "first_name": "",
        "last_name": "",
        "login_user": admin.user,
        "time_left": world.sessions.time_left(session, call.now),
        "timestamp": int(call.now),
        "valid": 1,
    }
    if world.version >= LABEL_SINCE:
        shown["custom_session_label"] = session.label
    call.param.get("fields")  # heard, and yet the answer is whole: so it was recorded
    return {"data": shown}


def label(world: World, call: Call) -> Members:
    """A label that stands beside what this session does, in the unit's own log."""
    if world.version < LABEL_SINCE:
        raise bad_url()
    text = call.record().get("custom_session_label")
    if not isinstance(text, str) or len(text) > 255:
        raise bad_data()
    call.session.label = text
    return {}


def status(world: World, call: Call) -> Members:
    """What the unit is."""
    major, minor, patch = world.version
    build = _BUILDS.get((major, minor), 1000) + patch
    when = datetime.fromtimestamp(call.now, UTC)
    shown = {
        "Admin Domain Configuration": "Enabled",
        "BIOS version": "04000002",
        "Branch Point": str(build),
        "Build": str(build),
        "Current Time": f"{when:%a %b %d %H:%M:%S} UTC {when:%Y}",
        "Daylight Time Saving": "Yes",
        "FIPS Mode": "Disabled",
        "HA Mode": world.ha_role,
        "Hostname": world.hostname,
        "License Status": "Valid",
        "Major": major,
        "Max Number of Admin Domains": 10_000,
        "Max Number of Device Groups": 10_000,
        "Minor": minor,
        "Offline Mode": "Disabled",
        "Patch": patch,
        "Platform Full Name": "FortiManager-VM64",
        "Platform Type": "FMG-VM64",
        "Release Version Information": " (GA.M)",
        "Serial Number": world.serial,
        "TZ": "GMT",
        "Time Zone": "(GMT) Greenwich Mean Time.",
        "Version": f"v{major}.{minor}.{patch}-build{build:04} 250527 (GA.M)",
        "x86-64 Applications": "Yes",
    }
    return answer_row(call, shown, always=())


ROUTES = (
    Route("exec", "/sys/login/user", login),
    Route("exec", "/sys/logout", logout),
    Route("get", "/sys/session", read_session),
    Route("set update", "/sys/session/custom_session_label", label),
    Route("get", "/sys/status", status),
    Route("get", "/cli/global/system/status", status),
)

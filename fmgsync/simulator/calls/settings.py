"""The unit's own configuration that clients read or set: `/cli/global/system/...`."""

from __future__ import annotations

from typing import Any, Final

from fmgsync.simulator.calls.plain import PlainRow, Words, answer_row, answer_table
from fmgsync.simulator.codes import bad_data, no_permission
from fmgsync.simulator.state.rights import NAMES as RIGHTS
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire.call import Call, Members
from fmgsync.simulator.wire.route import Route

_OFF_ON: Final = {"disable": 0, "enable": 1}
_SWITCHES: Final = (
    "adom-status",
    "lock-preempt",
    "object-revision-mandatory-note",
    "objects-force-deletion",
    "partial-install",
    "partial-install-force",
    "partial-install-rev",
    "per-policy-lock",
    "workspace-unlock-after-install",
)
_GLOBAL_WORDS: Final[Words] = {
    "workspace-mode": {"disabled": 0, "normal": 1, "workflow": 2, "per-adom": 3},
    **dict.fromkeys(_SWITCHES, _OFF_ON),
}
_PERMITS: Final = {"none": 0, "read": 1, "read-write": 2}
_ADMIN_WORDS: Final[Words] = {"rpc-permit": _PERMITS, **dict.fromkeys(RIGHTS, _PERMITS)}
_DM_WORDS: Final[Words] = dict.fromkeys(("force-remote-diff", "retry", "verify-install"), _OFF_ON)


def read_global(world: World, call: Call) -> Members:
    """`config system global`: workspace mode, ADOMs, partial install and the rest."""
    shown = {
        **dict.fromkeys(_SWITCHES, "disable"),
        "adom-status": "enable",
        "hostname": world.hostname,
        "objects-force-deletion": "enable",
        "per-policy-lock": "enable" if world.switches.per_policy_lock else "disable",
        "partial-install": "enable" if world.switches.partial_install else "disable",
        "task-list-size": 2000,
        "timezone": "00",
        "workspace-mode": world.mode,
        "workspace-unlock-after-install": (
            "enable" if world.switches.workspace_unlock_after_install else "disable"
        ),
    }
    return answer_row(call, shown, always=(), words=_GLOBAL_WORDS)


def write_global(world: World, call: Call) -> Members:
    """What of it can be changed while the unit runs."""
    require_super(call)
    record = call.record()
    for name in ("partial-install", "per-policy-lock", "workspace-unlock-after-install"):
        wanted = record.get(name)
        if wanted is None:
            continue
        if isinstance(wanted, bool) or wanted not in ("enable", "disable", 0, 1):
            raise bad_data()
        setattr(world.switches, name.replace("-", "_"), wanted in ("enable", 1))
    return {}


def require_super(call: Call) -> None:
    """-11 for everybody else."""
    if not call.session.admin.super_admin:
        raise no_permission()


def read_dm(world: World, call: Call) -> Members:
    """`config system dm`: how devices are managed and installed."""
    shown = {
        "concurrent-install-limit": 480,
        "concurrent-install-image-limit": 500,
        "concurrent-install-script-limit": 480,
        "fgfm-sock-timeout": 360,
        "force-remote-diff": "disable",
        "install-image-timeout": 3600,
        "install-tunnel-retry-itvl": 60,
        "max-revs": 100,
        "nr-retry": 1,
        "retry": "enable",
        "retry-intvl": 15,
        "rollback-allow-reboot": "disable",
        "script-logsize": 100,
        "verify-install": "enable",
    }
    return answer_row(call, shown, always=(), words=_DM_WORDS)


def read_admin_setting(world: World, call: Call) -> Members:
    """`config system admin setting`: idle limits and what FortiManager does on its own."""
    shown: dict[str, Any] = {
        "auto-update": "enable",
        "idle_timeout": 900,
        "idle_timeout_api": int(world.sessions.idle_limit_s),
        "auto_push_cfg": "enable" if world.switches.auto_push else "disable",
    }
    words: Words = {"auto-update": _OFF_ON, "auto_push_cfg": _OFF_ON}
    return answer_row(call, shown, always=(), words=words)


def read_admins(world: World, call: Call) -> Members:
    """`config system admin user`, for super administrators: names, profiles, what RPC permits."""
    require_super(call)
    rows = [
        {
            "userid": admin.user,
            "profileid": admin.profile_name,
            "rpc-permit": admin.rpc_permit,
            "user_type": "api" if admin.api_key else "local",
        }
        for admin in world.admins.values()
    ]
    return answer_table(call, rows, always=("userid",), words=_ADMIN_WORDS)


def read_profiles(world: World, call: Call) -> Members:
    """`config system admin profile`: of many rights, those that matter here."""
    require_super(call)
    rows: list[PlainRow] = [{"profileid": n, **given} for n, given in world.profiles.items()]
    return answer_table(call, rows, always=("profileid",), words=_ADMIN_WORDS)


def adom_limit(world: World, call: Call) -> Members:
    """How many ADOMs the licence allows; 0 is no limit."""
    return {"data": {"max": 0, "warning": 0}}


_SYSTEM = "/cli/global/system"
ROUTES = (
    Route("get", _SYSTEM + "/global", read_global),
    Route("set update", _SYSTEM + "/global", write_global),
    Route("get", _SYSTEM + "/dm", read_dm),
    Route("get", _SYSTEM + "/admin/setting", read_admin_setting),
    Route("get", _SYSTEM + "/admin/user", read_admins),
    Route("get", _SYSTEM + "/admin/profile", read_profiles),
    Route("get", "/dvmdb/query/adomlimit", adom_limit),
)

"""Where names become FortiManager urls: the only place, so that escaping cannot be forgotten.

A `/` inside a name is written `\\/` ("How to FortiManager API", 002); names with spaces are used as
they are. Control characters are refused: nothing legitimate has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from fmgsync import errors
from fmgsync.model.address import Family
from fmgsync.model.target import DeviceVdom

_ADDRESS = {Family.IPV4: "firewall/address", Family.IPV6: "firewall/address6"}
_GROUP = {Family.IPV4: "firewall/addrgrp", Family.IPV6: "firewall/addrgrp6"}

GLOBAL_SETTINGS = "/cli/global/system/global"
ADMIN_SETTINGS = "/cli/global/system/admin/setting"
ADMINISTRATORS = "/cli/global/system/admin/user"
PROFILES = "/cli/global/system/admin/profile"
LOGIN = "sys/login/user"
LOGOUT = "sys/logout"
PROXY = "/sys/proxy/json"
SESSION = "/sys/session"
STATUS = "/sys/status"
CLI_STATUS = "/cli/global/system/status"
TASKS = "/task/task"
INSTALL_PACKAGE = "/securityconsole/install/package"
INSTALL_PREVIEW = "/securityconsole/install/preview"
PREVIEW_RESULT = "/securityconsole/preview/result"
PACKAGE_COMMIT = "/securityconsole/package/commit"
INSTALL_OBJECTS = "/securityconsole/install/objects/v2"
CANCEL_INSTALL = "/securityconsole/package/cancel/install"
NO_SUCH_ADOM = "/pm/pkg/adom/fmgsync-no-such-adom"


def escape(name: str) -> str:
    """One name as a part of a url."""
    if not name or not name.isprintable():
        raise errors.InvalidData(
            f"{name!a} cannot be a name on FortiManager",
            next_step="names are not empty and have no control characters",
        )
    return name.replace("/", "\\/")


def adom(name: str) -> str:
    """The ADOM itself."""
    return f"/dvmdb/adom/{escape(name)}"


def devices(adom_name: str) -> str:
    """The devices of an ADOM."""
    return f"{adom(adom_name)}/device"


def device_groups(adom_name: str) -> str:
    """The device groups of an ADOM."""
    return f"{adom(adom_name)}/group"


def workspace(adom_name: str, verb: str) -> str:
    """`lock`, `commit`, `unlock` (exec) or `lockinfo`, `dirty` (get)."""
    return f"{adom(adom_name)}/workspace/{verb}"


def part_lockinfo(adom_name: str, kind: str, name: str) -> str:
    """Who holds the lock of a package (`pkg`, by its full path), a device (`dev`), or an object
    (`obj/` and its table)."""
    path = "/".join(escape(part) for part in name.split("/")) if kind == "pkg" else escape(name)
    return f"{workspace(adom_name, 'lockinfo')}/{kind}/{path}"


def workflow(adom_name: str, verb: str = "", number: int | None = None) -> str:
    """Workflow sessions (get), or a verb on one of them (exec)."""
    parts = (f"{adom(adom_name)}/workflow", verb, "" if number is None else str(number))
    return "/".join(part for part in parts if part)


def objects(adom_name: str) -> str:
    """Root of an ADOM's object database."""
    return f"/pm/config/adom/{escape(adom_name)}/obj"


def addresses(adom_name: str, family: Family) -> str:
    """The address table of one family."""
    return f"{objects(adom_name)}/{_ADDRESS[family]}"


def groups(adom_name: str, family: Family) -> str:
    """The address group table of one family."""
    return f"{objects(adom_name)}/{_GROUP[family]}"


def relative_group(family: Family, name: str) -> str:
    """One address group, relative to its ADOM."""
    return f"obj/{_GROUP[family]}/{escape(name)}"


def item(table: str, name: str) -> str:
    """One object of a table."""
    return f"{table}/{escape(name)}"


def mappings(table: str, name: str) -> str:
    """The per-device mapping table of one object."""
    return f"{item(table, name)}/dynamic_mapping"


def mapping(table: str, name: str, target: DeviceVdom) -> str:
    """One per-device mapping of one object."""
    return f"{mappings(table, name)}/{escape(target.device)}/{escape(target.vdom)}"


def package_tree(adom_name: str) -> str:
    """Folders and policy packages of an ADOM."""
    return f"/pm/pkg/adom/{escape(adom_name)}"


def policies(adom_name: str, package: str, table: str) -> str:
    """A policy table (`firewall/policy`) of a package given by its full path."""
    path = "/".join(escape(part) for part in package.split("/"))
    return f"/pm/config/adom/{escape(adom_name)}/pkg/{path}/{table}"


def policy_blocks(adom_name: str) -> str:
    """The policy blocks of an ADOM."""
    return f"/pm/pblock/adom/{escape(adom_name)}"


def block_policies(adom_name: str, block: str, table: str) -> str:
    """A policy table of a policy block."""
    return f"/pm/config/adom/{escape(adom_name)}/pblock/{escape(block)}/{table}"


def package_status(adom_name: str) -> str:
    """The status of every package on every DeviceVdom it was installed on."""
    return f"/pm/config/adom/{escape(adom_name)}/_package/status"


def device_addresses(target: DeviceVdom, family: Family) -> str:
    """The address table in FortiManager's copy of a device."""
    return f"{_device_database(target)}/{_ADDRESS[family]}"


def device_address_groups(target: DeviceVdom, family: Family) -> str:
    """The address group table in FortiManager's copy of a device."""
    return f"{_device_database(target)}/{_GROUP[family]}"


def _device_database(target: DeviceVdom) -> str:
    return f"/pm/config/device/{escape(target.device)}/vdom/{escape(target.vdom)}"


def task(task_id: int) -> str:
    """One task with its lines."""
    return f"{TASKS}/{task_id}"


def proxy_target(adom_name: str, device: str) -> str:
    """How `sys/proxy/json` names one device of an ADOM."""
    return f"adom/{escape(adom_name)}/device/{escape(device)}"


def fortios_addresses(family: Family, vdom: str) -> str:
    """The FortiOS REST resource of the address table."""
    fields = "name|type|subnet" if family is Family.IPV4 else "name|type|ip6"
    return _fortios(_ADDRESS[family], vdom, fields)


def fortios_groups(family: Family, vdom: str) -> str:
    """The FortiOS REST resource of the address group table."""
    return _fortios(_GROUP[family], vdom, "name|member|exclude|exclude-member")


def fortios_named(family: Family, vdom: str, names: Iterable[str], *, is_group: bool) -> str:
    """The objects of these names with their comments, and what is in groups; a comma means or
    (FortiOS REST API)."""
    table = (_GROUP if is_group else _ADDRESS)[family]
    named = ",".join(f"name=={quote(name, safe='')}" for name in names)
    fields = "name|comment|member" if is_group else "name|comment"
    return f"{_fortios(table, vdom, fields)}&filter={named}"


def _fortios(table: str, vdom: str, fields: str) -> str:
    return f"/api/v2/cmdb/{table}?vdom={quote(vdom, safe='')}&format={fields}"

"""Makes a world from a seed: the same rows that writes would make, without anybody logging in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fmgsync.simulator.calls import metafields
from fmgsync.simulator.calls.adoms import fill
from fmgsync.simulator.calls.baseline import Baselines, keep_predefined
from fmgsync.simulator.calls.copying import CopyFailed
from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.life.units import Units
from fmgsync.simulator.schema.attributes import take_in
from fmgsync.simulator.schema.catalog import POLICY, TABLES
from fmgsync.simulator.state import references
from fmgsync.simulator.state.adom import PACKAGES, Adom, DeviceGroup, Mode, write
from fmgsync.simulator.state.devices import Vdom, policies_table
from fmgsync.simulator.state.misfits import misfits
from fmgsync.simulator.state.problems import SeedError, Source
from fmgsync.simulator.state.reserved import ROOT_OID, add_reserved
from fmgsync.simulator.state.rights import PREDEFINED, Right
from fmgsync.simulator.state.seed import (
    AddressSeed,
    AdminSeed,
    AdomSeed,
    DeviceSeed,
    GroupSeed,
    MappingSeed,
    PackageSeed,
    PolicySeed,
    Seed,
)
from fmgsync.simulator.state.seeddevices import new_device, version_of
from fmgsync.simulator.state.sessions import Admin
from fmgsync.simulator.state.store import Change, Row, Scope
from fmgsync.simulator.state.world import World

Path = tuple[str | int, ...]


def build(seed: Seed, source: Source, clock: Callable[[], float], secret: str) -> World:
    """The world a seed describes; raises SeedError for what does not fit together."""
    wrong = [source.problem(*misfit) for misfit in misfits(seed)]
    if wrong:
        raise SeedError(wrong)
    return _Builder(seed, source, clock, secret).build()


def set_switches(world: World, switches: Mapping[str, Any]) -> None:
    """Set behaviours by their Python names."""
    for name, value in switches.items():
        setattr(world.switches, name, value)


def _rights(seed: Seed, admin: AdminSeed) -> Mapping[str, Right]:
    """What the administrator's profile gives; all of it to one who has none by name."""
    return {} if admin.profile is None else _profiles(seed)[admin.profile]


def _profiles(seed: Seed) -> dict[str, Mapping[str, Right]]:
    """Those that every unit has, and the seed's own."""
    own = {
        profile.name: {
            name.replace("_", "-"): value
            for name, value in profile.model_dump(exclude={"name"}).items()
        }
        for profile in seed.profiles
    }
    return {**PREDEFINED, **own}


class _Builder:
    def __init__(self, seed: Seed, source: Source, clock: Callable[[], float], secret: str) -> None:
        self._seed = seed
        self._source = source
        admins = {
            admin.user: Admin(
                admin.user,
                admin.password,
                admin.api_key,
                admin.rpc_permit,
                None if admin.adoms is None else frozenset(admin.adoms),
                admin.super_admin,
                admin.approver,
                admin.profile,
                _rights(seed, admin),
            )
            for admin in seed.admins
        }
        self._world = World(
            version=version_of(seed.version),
            mode=seed.workspace_mode,
            admins=admins,
            clock=clock,
            idle_limit_s=seed.idle_timeout_seconds,
            secret=secret,
        )
        self._world.profiles.update(_profiles(seed))
        set_switches(self._world, seed.switches)

    def _fail(self, path: Path, message: str) -> SeedError:
        return SeedError([self._source.problem(path, message)])

    def build(self) -> World:
        world = self._world
        self._adom("global", None, "disabled")
        for table, names in metafields.PREDEFINED.items():
            world.meta_fields(table).update({name: metafields.new_field(name) for name in names})
        for at, adom in enumerate(self._seed.adoms):
            self._fill(adom, ("adoms", at))
        if "root" not in world.adoms:
            self._adom("root", None, self._mode(None))
        add_reserved(world, self._mode(None))
        units = Units(world, self._source)
        for at, unit in enumerate(self._seed.fortigates):
            units.add(unit, ("fortigates", at))
        return world

    def _mode(self, wanted: Mode | None) -> Mode:
        """In mode per-adom each ADOM has its own, normal unless it says otherwise."""
        if self._seed.workspace_mode == "per-adom":
            return wanted or "normal"
        return self._seed.workspace_mode

    def _adom(self, name: str, os_version: str | None, mode: Mode) -> Adom:
        world = self._world
        major, minor = world.version[:2]
        if os_version is not None:
            major, minor = (int(part) for part in os_version.split("."))
        oid = ROOT_OID if name == "root" else world.next_oid()
        adom = world.adoms[name] = Adom(name, oid, (major, minor), mode)
        fill(self._world, adom)
        return adom

    def _put(
        self,
        adom: Adom,
        store: str,
        key: str | int,
        attrs: Mapping[str, Any],
        maps: Mapping[Scope, Row] | None = None,
    ) -> Row:
        oid, now = self._world.next_oid(), int(self._world.started)
        row = Row(key, oid, dict(attrs), maps or {}, created=now, modified=now)
        write(adom.ground, Change(store, key, None, row))
        return row

    def _fill(self, seed: AdomSeed, path: Path) -> None:
        adom = self._adom(seed.name, seed.os_version, self._mode(seed.workspace_mode))
        adom.backup = seed.backup
        for at, device in enumerate(seed.devices):
            self._device(adom, device, (*path, "devices", at))
        adom.groups["All_FortiGate"].members.extend(
            (name, vdom) for name, vdoms in adom.members.items() for vdom in vdoms
        )
        for group in seed.device_groups:
            adom.groups[group.name] = DeviceGroup(group.name, self._world.next_oid())
        for at, group in enumerate(seed.device_groups):
            where = (*path, "deviceGroups", at, "members")
            adom.groups[group.name].members = self._scopes(adom, group.members, where)
        for interface in seed.interfaces:
            if interface not in adom.ground.rows("dynamic interface"):
                self._put(adom, "dynamic interface", interface, {})
        self._objects(adom, seed, path)
        for at, package in enumerate(seed.packages):
            self._package(adom, package, (*path, "packages", at))
        adom.journal.clear()
        self._install(adom, seed, path)

    def _device(self, adom: Adom, seed: DeviceSeed, path: Path) -> None:
        """A device may stand in several ADOMs, with different VDOMs."""
        world = self._world
        device = world.devices.get(seed.name)
        if device is None:
            device = world.devices[seed.name] = new_device(self._world, adom, seed)
        for vdom in seed.vdoms:
            if any(other.has(seed.name, vdom) for other in world.adoms.values()):
                raise self._fail((*path, "vdoms"), f"{seed.name}/{vdom} is in an ADOM already")
            oid = 3 if vdom == "root" else world.next_oid()
            held = device.vdoms[vdom] = Vdom(vdom, oid)
            keep_predefined(adom, held)
            adom.members.setdefault(seed.name, []).append(vdom)

    def _scopes(self, adom: Adom, names: Sequence[str], path: Path) -> list[tuple[str, str | None]]:
        """`device/vdom`, `device` with one VDOM, `group:NAME`, or a group's bare name."""
        return [self._scope(adom, name, (*path, at)) for at, name in enumerate(names)]

    def _scope(self, adom: Adom, text: str, path: Path) -> tuple[str, str | None]:
        name, slash, vdom = text.removeprefix("group:").rpartition("/")
        if slash and adom.has(name, vdom) and not text.startswith("group:"):
            return name, vdom
        bare = text.removeprefix("group:")
        if bare in adom.groups:
            return bare, None
        vdoms = adom.members.get(bare, [])
        if len(vdoms) == 1:
            return bare, vdoms[0]
        if len(vdoms) > 1:
            raise self._fail(path, f"{bare!r} has several VDOMs: write {bare}/{vdoms[0]}")
        raise self._fail(path, f"no device, VDOM or device group {text!r} in ADOM {adom.name!r}")

    def _objects(self, adom: Adom, seed: AdomSeed, path: Path) -> None:
        for at, address in enumerate(seed.addresses):
            self._address(adom, address, (*path, "addresses", at))
        made = []
        for at, group in enumerate(seed.address_groups):
            made.append(self._group(adom, group, (*path, "addressGroups", at)))
        # Groups may contain groups that come later, so references are checked and indexed last.
        for at, (store, row) in enumerate(made):
            where = (*path, "addressGroups", at)
            self._require(adom, store, row, where)
            write(adom.ground, Change(store, row.key, None, row))

    def _address(self, adom: Adom, seed: AddressSeed, path: Path) -> None:
        store = seed.table
        self._free(adom, store, seed.name, path)
        attrs = self._attrs(store, seed.attributes(), path)
        maps = self._maps(adom, store, seed.mappings, path)
        self._put(adom, store, seed.name, attrs, maps)

    def _group(self, adom: Adom, seed: GroupSeed, path: Path) -> tuple[str, Row]:
        store = seed.table
        self._free(adom, store, seed.name, path)
        attrs = self._attrs(store, seed.attributes(), path)
        maps = self._maps(adom, store, seed.mappings, path)
        oid, now = self._world.next_oid(), int(self._world.started)
        row = Row(seed.name, oid, attrs, maps, created=now, modified=now)
        # In place at once, so that other groups find it; its references follow.
        adom.ground.write(Change(store, seed.name, None, row))
        return store, row

    def _free(self, adom: Adom, store: str, name: str, path: Path) -> None:
        for table in (store, *TABLES[store].rivals):
            if name in adom.ground.rows(table):
                raise self._fail((*path, "name"), f"{name!r} exists already")

    def _attrs(self, store: str, given: Mapping[str, Any], path: Path) -> dict[str, Any]:
        table = POLICY if store == POLICY.name else TABLES[store]
        attrs = {}
        for name, value in given.items():
            if value is None:
                continue
            if name not in table.attributes:
                raise self._fail(path, f"{name}: not an attribute of a {store}")
            try:
                attrs[name] = take_in(table.attributes[name], value)
            except Refusal:
                raise self._fail(path, f"{name}: {value!r} is not valid") from None
        return attrs

    def _maps(
        self, adom: Adom, store: str, seeds: Sequence[MappingSeed], path: Path
    ) -> dict[Scope, Row]:
        maps: dict[Scope, Row] = {}
        for at, seed in enumerate(seeds):
            where = (*path, "mappings", at)
            device, vdom = self._scope(adom, seed.device, (*where, "device"))
            if vdom is None:
                raise self._fail((*where, "device"), "a mapping is for one device/vdom")
            given = {"subnet": seed.subnet, "ip6": seed.ip6, "member": seed.members}
            attrs = self._attrs(store, given, where)
            maps[(device, vdom)] = Row(f"{device}/{vdom}", self._world.next_oid(), attrs)
        return maps

    def _require(self, adom: Adom, store: str, row: Row, path: Path) -> None:
        table = references.table_of(store)
        if table is None:
            return
        try:
            for part in references.changed_parts(None, row):
                references.require(adom.ground, table, part, row.key)
                references.refuse_cycle(adom.ground, table, part, row.key)
        except Refusal as refusal:
            inside = f"{row.key!r} would be a member of itself"
            raise self._fail(path, inside if refusal.code == -10 else refusal.message) from None

    def _package(self, adom: Adom, seed: PackageSeed, path: Path) -> None:
        parts = seed.name.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            held = adom.ground.rows(PACKAGES).get(folder)
            if held is None:
                folder_attrs = {"type": "folder", "scope": (), "settings": {}, "order": ()}
                self._put(adom, PACKAGES, folder, folder_attrs)
            elif held.attrs["type"] != "folder":
                raise self._fail((*path, "name"), f"{folder!r} is a package, not a folder")
        if seed.name in adom.ground.rows(PACKAGES) or not all(parts):
            raise self._fail((*path, "name"), f"{seed.name!r} cannot be a package's path")
        scope = tuple(self._scopes(adom, seed.targets, (*path, "targets")))
        attrs: dict[str, Any] = {"type": "pkg", "scope": scope, "settings": {}, "order": ()}
        package = self._put(adom, PACKAGES, seed.name, attrs)
        order: list[int] = []
        for at, policy in enumerate(seed.policies):
            policy_id = policy.policyid or max(order, default=0) + 1
            if policy_id in order:
                raise self._fail((*path, "policies", at), f"a second policy {policy_id}")
            self._policy(adom, package, policy, policy_id, (*path, "policies", at))
            order.append(policy_id)
        after = replace(package, attrs={**attrs, "order": tuple(order)})
        write(adom.ground, Change(PACKAGES, package.key, package, after))

    def _policy(
        self, adom: Adom, package: Row, seed: PolicySeed, policy_id: int, path: Path
    ) -> None:
        given = {
            name: value
            for name, value in seed.model_dump(exclude={"policyid", "install_on"}).items()
            if value is not None and not isinstance(value, bool) and value != []
        }
        for name in ("srcaddr", "dstaddr"):
            if getattr(seed, f"{name}_negate"):
                given[f"{name}-negate"] = "enable"
        attrs = self._attrs(POLICY.name, given, path)
        if seed.install_on is not None:
            attrs["install-on"] = tuple(self._scopes(adom, seed.install_on, (*path, "installOn")))
        now = int(self._world.started)
        row = Row(policy_id, self._world.next_oid(), attrs, created=now, modified=now)
        self._require(adom, policies_table(package.oid), row, path)
        write(adom.ground, Change(policies_table(package.oid), policy_id, None, row))

    def _install(self, adom: Adom, seed: AdomSeed, path: Path) -> None:
        """Devices marked `installed` hold their (first) package and are in sync."""
        installed = {device.name for device in seed.devices if device.installed}
        limit = self._world.switches.member_limit
        baselines = Baselines(adom, member_limit=limit)
        for package in adom.packages(adom.ground):
            for scope in adom.expand(package.attrs["scope"]):
                if scope[0] not in installed or scope in adom.installed:
                    continue
                vdom = self._world.devices[scope[0]].vdoms[scope[1]]
                try:
                    baselines.install(package, vdom, scope)
                except CopyFailed as failed:
                    raise self._fail(path, str(failed)) from None

"""An administrator at the unit: the same calls and the same rules, without network or log."""

from __future__ import annotations

from typing import Any

from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.state.sessions import Admin, Session
from fmgsync.simulator.state.world import World
from fmgsync.simulator.wire import urls
from fmgsync.simulator.wire.call import Call
from fmgsync.simulator.wire.route import Router


class Console:
    """One session. Refused calls raise `Refusal`; what is done here is not in the request log."""

    def __init__(self, world: World, router: Router, user: str) -> None:
        self._world = world
        self._router = router
        with world.lock:
            admin = world.admins.get(user) or Admin(user, super_admin=True)
            self._session: Session = world.sessions.open(admin, world.now())

    @property
    def sid(self) -> int:
        """The session's number, as lockinfo shows it."""
        return self._session.sid

    def call(self, method: str, url: str, data: Any = None, **members: Any) -> Any:
        """One param; returns its data. Members with spaces: pass a dictionary with `**`."""
        param = {"url": url, **members} | ({} if data is None else {"data": data})
        with self._world.lock:
            now = self._world.now()
            self._session.last_seen = now
            if self._world.sessions.find(self._session.token) is None:
                raise Refusal(-11)
            call = Call.made(method, url, param, self._session, self._world, now, verbose=True)
            found = self._router.answer(self._world, call).get("data")
            call.tell_unheard()
            return found

    def get(self, url: str, **members: Any) -> Any:
        """Read, with words for enumerations; an empty list where there is no data."""
        found = self.call("get", url, **members)
        return [] if found is None else found

    def lock(self, adom: str, what: str = "") -> None:
        """Take a workspace lock; `what` like `pkg/edge/default`, else the ADOM."""
        self.call("exec", f"/dvmdb/adom/{adom}/workspace/lock/{what}")

    def commit(self, adom: str, what: str = "") -> None:
        """Save."""
        self.call("exec", f"/dvmdb/adom/{adom}/workspace/commit/{what}")

    def unlock(self, adom: str, what: str = "") -> None:
        """Give the lock back; unsaved changes are gone."""
        self.call("exec", f"/dvmdb/adom/{adom}/workspace/unlock/{what}")

    def object(self, adom: str, table: str, name: str) -> dict[str, Any] | None:
        """An object as a get answers it, None if there is none; `table` like `addrgrp`."""
        try:
            found = self.get(
                urls.join("pm", "config", "adom", adom, "obj", "firewall", table, name)
            )
        except Refusal as refusal:
            if refusal.code == -3:
                return None
            raise
        return dict(found)

    def objects(self, adom: str, table: str) -> dict[str, dict[str, Any]]:
        """All objects of a firewall table by name."""
        rows = self.get(f"/pm/config/adom/{adom}/obj/firewall/{table}")
        return {row["name"]: row for row in rows}

    def add_policy(self, adom: str, package: str, **attributes: Any) -> int:
        """A new policy at the end of a package; underscores stand for hyphens. Returns its id."""
        data = {
            "srcintf": ["any"],
            "dstintf": ["any"],
            "service": ["ALL"],
            "schedule": ["always"],
            "action": "accept",
            **{name.replace("_", "-"): value for name, value in attributes.items()},
        }
        answer = self.call("add", f"/pm/config/adom/{adom}/pkg/{package}/firewall/policy", data)
        return int(answer["policyid"])

    def log_out(self) -> None:
        """End the session: its locks and unsaved changes go with it."""
        with self._world.lock:
            self._world.sessions.end(self._session)

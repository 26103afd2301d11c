"""Administrators and their sessions: login, API keys, idle time-outs, what each may do."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.state.rights import Right
from fmgsync.simulator.state.timeline import Timeline

Permit = Literal["none", "read", "read-write"]


@dataclass(slots=True)
class Admin:
    """One administrator; `adoms` None means all of them."""

    user: str
    password: str | None = None
    api_key: str | None = None
    rpc_permit: Permit = "read-write"
    adoms: frozenset[str] | None = None
    super_admin: bool = False
    approver: bool = False
    profile: str | None = None
    rights: Mapping[str, Right] = field(default_factory=dict)
    """What the profile gives, by right; what is not named is given whole."""

    @property
    def profile_name(self) -> str:
        """The profile that gives this administrator rights."""
        return self.profile or ("Super_User" if self.super_admin else "Standard_User")

    def may_enter(self, adom: str) -> bool:
        """Whether the ADOM is this administrator's."""
        return self.super_admin or self.adoms is None or adom in self.adoms


@dataclass(slots=True)
class Session:
    """One login; locks and drafts belong to it, not to the user. `sid` is what lockinfo shows."""

    sid: int
    token: str
    admin: Admin
    started: float
    last_seen: float
    by_key: bool = False
    label: str = ""
    caches: dict[str, object] = field(default_factory=dict)
    """Things that live as long as the session: where-used searches, diffs, previews."""


class Sessions:
    """Who is logged in. `ended` is told about every session that goes, and why."""

    def __init__(
        self,
        admins: dict[str, Admin],
        timeline: Timeline,
        *,
        idle_limit_s: float,
        secret: str,
        ended: Callable[[Session], None],
    ) -> None:
        self._admins = admins
        self._timeline = timeline
        self.idle_limit_s = idle_limit_s
        self._secret = secret.encode()
        self._ended = ended
        self._by_token: dict[str, Session] = {}
        self._by_key: dict[str, Session] = {}
        self._last_sid = 30_000

    def login(self, user: str, password: str, now: float) -> Session:
        """Open a session; -22 for wrong credentials, -11 where JSON-RPC is not permitted."""
        admin = self._admins.get(user)
        if admin is None or admin.password is None:
            raise Refusal(-22)
        if not hmac.compare_digest(admin.password.encode(), password.encode("utf-8", "replace")):
            raise Refusal(-22)
        if admin.rpc_permit == "none":
            raise Refusal(-11)
        return self.open(admin, now)

    def open(self, admin: Admin, now: float, *, by_key: bool = False) -> Session:
        """A session for this administrator, no questions asked."""
        self._last_sid += 7
        digest = hashlib.sha256(self._secret + str(self._last_sid).encode()).hexdigest()
        session = Session(self._last_sid, f"{digest[:44]}==", admin, now, now, by_key)
        self._by_token[session.token] = session
        if not by_key:
            self._watch(session)
        return session

    def _watch(self, session: Session) -> None:
        self._timeline.plan(
            session.last_seen + self.idle_limit_s, lambda at: self._expire(session, at)
        )

    def _expire(self, session: Session, at: float) -> None:
        if session.token not in self._by_token:
            return
        if session.last_seen + self.idle_limit_s > at:
            self._watch(session)
        else:
            self.end(session)

    def find(self, token: object) -> Session | None:
        """The session of a token; None if unknown, expired or killed."""
        return self._by_token.get(token) if isinstance(token, str) else None

    def by_key(self, key: str, now: float) -> Session | None:
        """The one implicit session of an API key."""
        known = self._by_key.get(key)
        if known is not None:
            return known
        for admin in self._admins.values():
            if admin.api_key is not None and hmac.compare_digest(
                admin.api_key.encode(), key.encode("utf-8", "replace")
            ):
                session = self._by_key[key] = self.open(admin, now, by_key=True)
                return session
        return None

    def end(self, session: Session) -> None:
        """Log out, expire or kill: locks and uncommitted changes go with it."""
        if self._by_token.pop(session.token, None) is None:
            return
        self._by_key = {key: held for key, held in self._by_key.items() if held is not session}
        self._ended(session)

    def all(self) -> list[Session]:
        """Everybody logged in, oldest first."""
        return list(self._by_token.values())

    def time_left(self, session: Session, now: float) -> int:
        """Seconds until the session expires when nothing more comes."""
        return max(0, int(session.last_seen + self.idle_limit_s - now))

    def alive(self, sid: int) -> bool:
        """Whether the session with this number still exists."""
        return any(session.sid == sid for session in self._by_token.values())

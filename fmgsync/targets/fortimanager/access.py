"""How to reach one FortiManager: host, credentials, TLS, proxy, time-outs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from fmgsync import errors
from fmgsync.targets import authority, credentials

HTTPS = 443
CLOUD = "fortimanager.forticloud.com"


@dataclass(frozen=True, slots=True)
class Access:
    """One FortiManager and one administrator's credentials: a password or an API key.

    `name` is the configuration's name for it, `host` is `host[:port]`. Secrets stay out of every
    text made from this value; `reread` reads the password or key where it is kept. `refused` is
    shared by all sessions that are made from this value. `proxy` is the only proxy ever used.

    The two times for writing are for ADOMs of which no lock is held, where FortiManager takes a
    request of whoever sends it: the first is at most the margin with which a replica must still
    hold its Lease, so that nothing is sent after that has ended; the second bounds how long a
    request may be under way. Under a lock FortiManager itself sees to it that only one writes.
    """

    name: str
    host: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    verify: bool = True
    proxy: str | None = field(default=None, repr=False)
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 180.0
    write_connect_timeout_s: float = 2.0
    write_timeout_s: float = 15.0
    reread: credentials.Reread | None = field(default=None, repr=False, compare=False)
    refused: credentials.Refused = field(
        default_factory=credentials.Refused, repr=False, compare=False
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must appear nowhere."""
        through = urlsplit(self.proxy).password if self.proxy else None
        return tuple(text for text in (self.password, self.api_key, through) if text)

    @property
    def address(self) -> tuple[str, int]:
        """The name or number, without brackets, and the port."""
        found = urlsplit(f"//{self.host}")
        return found.hostname or "", found.port or HTTPS

    def renewed(self) -> Access:
        """The same, with the password or key, and the authority, as they are kept now."""
        found = authority.renewed(self)
        if self.password is not None:
            return replace(found, password=credentials.now(self.reread, self.password))
        key = credentials.now(self.reread, self.api_key)
        return replace(found, api_key=key) if key and credentials.is_token(key) else found

    def for_writing(self) -> Access:
        """The same, with the patience that a write without a lock may have."""
        return replace(
            self,
            connect_timeout_s=min(self.connect_timeout_s, self.write_connect_timeout_s),
            read_timeout_s=min(self.read_timeout_s, self.write_timeout_s),
        )

    def check(self) -> None:
        """Refuse what could only fail obscurely later: no credentials, a CA file without CAs."""
        if self.password is None and self.api_key is None:
            raise errors.LoginRefused(
                "there are no credentials",
                fortimanager=self.name,
                next_step="configure 'username' and 'password', or 'apiKey'",
            )
        if self.api_key is not None and not credentials.is_token(self.api_key):
            raise errors.LoginRefused(
                "the API key has characters no key has",
                fortimanager=self.name,
                next_step="check the file or variable it comes from",
            )
        if self.api_key is not None and self.host.endswith(CLOUD):
            raise errors.LoginRefused(
                "FortiManager Cloud takes no API keys",
                fortimanager=self.name,
                next_step="configure 'username' and 'password' of an IAM API user",
            )
        if self.verify and self.ca_file is not None:
            self._check_ca_file(self.ca_file)

    def _check_ca_file(self, ca_file: Path) -> None:
        if why := credentials.ca_problem(ca_file):
            raise errors.UntrustedCertificate(
                f"CA file {ca_file}: {why}",
                fortimanager=self.name,
                next_step="tls.caFile names a PEM file with the CA that signed the FortiManager",
            )

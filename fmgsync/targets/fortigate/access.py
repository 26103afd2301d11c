"""How to reach one FortiGate: host, key, TLS, time-outs, connections."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path

from fmgsync import errors
from fmgsync.targets import authority, credentials
from fmgsync.targets.fortigate import answers
from fmgsync.targets.fortigate.answers import Place
from fmgsync.targets.http_failures import Peer


@dataclass(frozen=True, slots=True)
class Access:
    """One FortiGate and the key of one REST API administrator.

    `name` is the configuration's name for it, `host` is `host[:port]`. The key stays out of every
    text made from this value, and travels in a header only: urls end up in logs; `reread` reads it
    where it is kept. `client_cert` is what an administrator with `peer-auth` demands besides the
    key. `serials` are the units that may answer there; empty: any. At most `connections` requests
    are under way at a time; the HTTP daemon of a small unit has few workers.
    """

    name: str
    host: str
    api_key: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    verify: bool = True
    client_cert: tuple[Path, Path] | None = None
    serials: frozenset[str] = frozenset()
    connections: int = 2
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    write_timeout_s: float = 30.0
    reread: credentials.Reread | None = field(default=None, repr=False, compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must appear nowhere."""
        return (self.api_key,) if self.api_key else ()

    def renewed(self) -> Access:
        """The same, with the key and the authority as they are kept now."""
        found = authority.renewed(self)
        key = credentials.now(self.reread, self.api_key)
        return replace(found, api_key=key) if key and credentials.is_token(key) else found

    def is_another(self, serial: str) -> bool:
        """Whether the configuration says which units answer here, and this is none of them."""
        return bool(self.serials) and serial not in self.serials

    @property
    def place(self) -> Place:
        """This FortiGate, for errors."""
        return Place(self.name)

    def peer(self, *, read_timeout_s: float | None = None) -> Peer:
        """This FortiGate, for what fails on the way to it."""
        return Peer(
            "FortiGate",
            self.host,
            {"fortigate": self.name},
            self.connect_timeout_s,
            read_timeout_s or self.read_timeout_s,
            lambda what: answers.protocol_error(what, self.place),
            self.secrets,
            shows_certificate=self.client_cert is not None,
            client_certificate="tls.clientCert names a certificate and its key that the unit's"
            " administrator with peer-auth is known by",
        )

    def check(self) -> None:
        """Refuse what could only fail obscurely later: no key, files without certificates."""
        if not self.api_key or not credentials.is_token(self.api_key):
            lacks = "has characters no key has" if self.api_key else "is missing"
            raise errors.LoginRefused(
                f"the API key {lacks}",
                fortigate=self.name,
                next_step="check the file or variable that 'apiKey' names",
            )
        trusted = self.ca_file if self.verify else None
        if trusted is not None and (why := credentials.ca_problem(trusted)):
            raise errors.UntrustedCertificate(
                f"CA file {trusted}: {why}",
                fortigate=self.name,
                next_step="tls.caFile names a PEM file with the CA that signed the FortiGate",
            )
        if self.client_cert is not None:
            self._check_client_cert(*self.client_cert)

    def _check_client_cert(self, cert_file: Path, key_file: Path) -> None:
        try:
            ssl.create_default_context().load_cert_chain(cert_file, key_file, password=lambda: "")
        except (OSError, ssl.SSLError, ValueError) as error:
            # The library's words may quote the file.
            raise errors.UntrustedCertificate(
                f"the client certificate in {cert_file} and {key_file} cannot be used",
                fortigate=self.name,
                next_step="tls.clientCert names two PEM files: the certificate, and its key without"
                " a passphrase",
            ) from (error if isinstance(error, OSError) else None)

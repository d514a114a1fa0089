"""Certificates, good and bad, from a certificate authority of the tests' own."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import trustme


@dataclass
class Authority:
    """Issues certificates; whoever is given its `ca_file` trusts them."""

    folder: Path

    def __post_init__(self) -> None:
        self._ca = trustme.CA()
        self.ca_file = self.folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def context(self, host: str = "localhost", **dates: datetime) -> ssl.SSLContext:
        """What a server needs to speak TLS as `host`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(host, **dates).configure_cert(context)
        return context

    def expired(self) -> ssl.SSLContext:
        return self.context(not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=datetime(2021, 1, 1, tzinfo=UTC))

    def not_yet_valid(self) -> ssl.SSLContext:
        return self.context(not_before=datetime(2090, 1, 1, tzinfo=UTC), not_after=datetime(2091, 1, 1, tzinfo=UTC))

"""A certificate authority of the tests' own, and certificates that it signs."""

from __future__ import annotations

import subprocess
from pathlib import Path

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """`certificate` is the file that a client trusts."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.certificate = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        signed = ("-x509", "-days", "2", "-subj", f"/CN={name}")
        openssl("req", *CURVE, *signed, "-keyout", self._key, "-out", self.certificate)

    def sign(self, host: str, address: str | None = None) -> tuple[Path, Path]:
        """A certificate for a host, and its key."""
        certificate, key = self._folder / f"{host}.pem", self._folder / f"{host}.key"
        names = f"subjectAltName=DNS:{host}" + (f",IP:{address}" if address else "")
        issuer = ("-CA", self.certificate, "-CAkey", self._key)
        request = ("-x509", "-days", "2", "-subj", f"/CN={host}", "-addext", names)
        openssl("req", *CURVE, *request, *issuer, "-keyout", key, "-out", certificate)
        return certificate, key


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

"""The coordinator's own certificate: made once, and pinned by everybody through the invitation."""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from antiphon.errors import OutputError

DAYS = 3_650


def certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Files of the certificate for `host` (and loopback) and of its key, both PEM. Raises `OutputError`."""
    chain, key = folder / "certificate.pem", folder / "certificate.key"
    if not (chain.exists() and key.exists()):
        private = ec.generate_private_key(ec.SECP256R1())
        signed = _signed(private, host).public_bytes(serialization.Encoding.PEM)
        secret = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file, content in ((key, secret), (chain, signed)):
                handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
                with os.fdopen(handle, "wb") as stream:
                    stream.write(content)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written: {error.strerror}", "Check its owner.") from error
    return chain, key


def _signed(private: ec.EllipticCurvePrivateKey, host: str) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "antiphon genki")])
    now = datetime.datetime.now(datetime.UTC)
    names = [_general(one) for one in dict.fromkeys((host, "127.0.0.1", "::1", "localhost"))]
    public = private.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(private, hashes.SHA256())
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)

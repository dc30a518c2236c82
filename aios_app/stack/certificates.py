"""Certificates by which machines of one cluster know one another: an authority, and one for each service.

Who connects holds the certificate of the authority or the certificate itself: no name of a host is trusted.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import os
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aios_app.domain.errors import StackError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

#: Ten years: there is nobody who would renew them, and a machine is put out by taking its key away.
_DAYS = 3650
#: Clocks of the machines may differ.
_EARLIER_DAYS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Who signs: its certificate is public, its key stays in its directory."""

    certificate: Path
    key: Path


def make_authority(directory: Path, name: str) -> Authority:
    """The authority in this directory, made where there is none."""
    found = Authority(certificate=directory / "authority.pem", key=directory / "authority.key")
    if not (found.certificate.is_file() and found.key.is_file()):
        _write(found.certificate, found.key, *_signed(f"AIOS {name}", (), None))
    return found


def make_certificate(
    directory: Path, names: Sequence[str], authority: Authority | None = None
) -> tuple[Path, Path]:
    """A certificate for these host names and addresses, and its key; what is there already is taken.

    Without an authority it is signed by itself: who connects must know it. With one, the file holds the
    authority's certificate, too.
    """
    certificate, key = directory / "service.pem", directory / "service.key"
    if not (certificate.is_file() and key.is_file() and _is_for(certificate, names)):
        issuer = None if authority is None else _read(authority)
        _write(certificate, key, *_signed(names[0], names, issuer))
    return certificate, key


def fingerprint(pem: str) -> str:
    """The SHA-256 of the certificate."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def expires(certificate: Path) -> datetime.datetime:
    """When the certificate stops to be accepted."""
    return _loaded(certificate).not_valid_after_utc


def _signed(
    subject: str, names: Sequence[str], issuer: tuple[x509.Certificate, EllipticCurvePrivateKey] | None
) -> tuple[list[x509.Certificate], EllipticCurvePrivateKey]:
    """The certificate, before that of its issuer, and its key."""
    from cryptography import x509  # noqa: PLC0415 - heavy, and rarely wanted
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject[:64])])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(issuer[0].subject if issuer else named)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(secrets.token_bytes(16)) | 1)
        .not_valid_before(now - datetime.timedelta(days=_EARLIER_DAYS))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        .add_extension(_usage(is_authority=not names), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer:
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key())
        builder = builder.add_extension(signer, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(_names(names)), critical=False)
    signed = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    return [signed, issuer[0]] if issuer else [signed], key


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    from cryptography import x509  # noqa: PLC0415 - heavy, and rarely wanted

    no = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"),
        False,
    )
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        decipher_only=False,
        **no,
    )


def _names(names: Sequence[str]) -> list[x509.GeneralName]:
    from cryptography import x509  # noqa: PLC0415 - heavy, and rarely wanted

    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name.encode("idna").decode("ascii")))
    return found


def _is_for(certificate: Path, names: Sequence[str]) -> bool:
    """Whether it is for these names, and for a month to come."""
    from cryptography import x509  # noqa: PLC0415 - heavy, and rarely wanted

    loaded = _loaded(certificate)
    least = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)
    held = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return loaded.not_valid_after_utc > least and list(held) == _names(names)


def _loaded(path: Path) -> x509.Certificate:
    from cryptography import x509  # noqa: PLC0415 - heavy, and rarely wanted

    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StackError(f"the certificate {path} cannot be read ({error}): remove it") from error


def _read(authority: Authority) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - heavy, and rarely wanted
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    try:
        key = serialization.load_pem_private_key(authority.key.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise StackError(f"the key {authority.key} cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StackError(f"{authority.key} is no key of AIOS")
    return _loaded(authority.certificate), key


def _write(
    certificate: Path, key: Path, chain: Sequence[x509.Certificate], private: EllipticCurvePrivateKey
) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - heavy, and rarely wanted

    pem = serialization.Encoding.PEM
    secret = private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, data in ((key, secret), (certificate, b"".join(one.public_bytes(pem) for one in chain))):
        fresh = path.with_suffix(f".{os.getpid()}.tmp")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        fresh.replace(path)

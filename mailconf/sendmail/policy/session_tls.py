"""What the rulesets know of TLS and of the client's login: the macros {verify}, {cert_subject}, {auth_type} and theirs.

Source: Sendmail Installation and Operation Guide 5.2 (macros), 5.1.4.13 (tls_client); sendmail 8.17.1.9 -bD.
"""

from __future__ import annotations

from mailconf.model.session import Proof, Session
from mailconf.sendmail.policy.settings import Compiled
from mailconf.smtp.certificates import BadCertificate, Names, fingerprint, names
from mailconf.smtp.xtext import encoded

_LONGEST = 256  # characters of a common name
_VERIFIED = {Proof.NOT_ASKED: "NOT", Proof.NONE: "NO", Proof.GOOD: "OK", Proof.BAD: "FAIL"}
_MD5 = "md5"


def tls_macros(policy: Compiled | None, session: Session) -> dict[str, str | None]:
    """The macros of TLS that is in force."""
    certificate = session.certificate
    bits = str(session.tls_bits)
    found: dict[str, str | None] = {
        "verify": _VERIFIED[session.proof],
        "tls_version": session.tls_protocol,
        "cipher": session.tls_cipher,
        "cipher_bits": bits,
        "alg_bits": bits,
    }
    if certificate is None:
        return found
    try:
        known = names(certificate.data)
    except BadCertificate:
        known = Names(b"", b"", b"", b"")
    found["cert_subject"], found["cert_issuer"] = encoded(known.subject), encoded(known.issuer)
    found["cn_subject"], found["cn_issuer"] = common(known.subject_name), common(known.issuer_name)
    named = "" if policy is None else policy.book.options.get("CertFingerprintAlgorithm", "").strip().lower()
    algorithm, given = named or _MD5, bool(named)
    try:
        found["cert_fp" if given else "cert_md5"] = fingerprint(certificate.data, algorithm)
    except ValueError:  # a digest that the library does not have
        pass
    return found


def common(name: bytes) -> str:
    """A common name; words of sendmail's own for one that could mislead."""
    if b"\0" in name:
        return "BadCertificateContainsNUL"
    if len(name) > _LONGEST:
        return "BadCertificateTooLong"
    return encoded(name) if name else "BadCertificateUnknown"


def login_macros(session: Session) -> dict[str, str | None]:
    """The macros of the client's login."""
    if not session.sasl_username:
        return {}
    user = session.sasl_username.encode("utf-8", "surrogateescape")
    return {"auth_type": session.sasl_method, "auth_authen": encoded(user, also="="), "auth_ssf": "0"}


def protocol(session: Session) -> str:
    """As the macro r has it (RFC 3848); HELO knows no more than SMTP."""
    if session.protocol != "ESMTP":
        return session.protocol
    return f"ESMTP{'S' if session.tls_protocol else ''}{'A' if session.sasl_username else ''}"

"""What the smtp client meets at the next host when TLS and logins are asked for; record_secure_hops.py asks Postfix.

In settings @TOP@ is a folder with certificates, @PORT@ the server's port, @LOCALHOST@ and @LOCALHOST_KEY@ fingerprints
of its certificate and key.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from tests.secure_server import Script


class Hop(NamedTuple):
    """``certificate`` is a file's name, ``handshake`` as `SecureServer` has it."""

    settings: Mapping[str, str] = MappingProxyType({})
    script: Script = MappingProxyType({})
    certificate: str = "localhost"
    handshake: str = ""
    wrapper: bool = False


NO_TLS = "250-sink.example\n250 PIPELINING"
CA = {"smtp_tls_CAfile": "@TOP@/ca.pem"}
MAY, ENCRYPT = {"smtp_tls_security_level": "may"}, {"smtp_tls_security_level": "encrypt"}
VERIFY, SECURE = {**CA, "smtp_tls_security_level": "verify"}, {**CA, "smtp_tls_security_level": "secure"}
PRINT = {"smtp_tls_security_level": "fingerprint", "smtp_tls_fingerprint_digest": "sha256"}
LOGIN = {
    "smtp_sasl_auth_enable": "yes",
    "smtp_sasl_password_maps": "inline:{ {[localhost]:@PORT@=ann:secret} }",
    "smtp_sasl_security_options": "noanonymous",
}


def policy(value: str, **others: str) -> Mapping[str, str]:
    return {**CA, "smtp_tls_policy_maps": f"inline:{{ {{[localhost]:@PORT@={value}}} }}", **others}


def offers(words: str, tls: bool = False) -> Script:
    line = f"250-sink.example\n250-AUTH {words}\n250 PIPELINING"
    return {"EHLO, TLS": line} if tls else {"EHLO": line}


HOPS: dict[str, Hop] = {
    "none": Hop({"smtp_tls_security_level": "none"}),
    "nothing said": Hop(),
    "may": Hop(MAY),
    "may, not offered": Hop(MAY, {"EHLO": NO_TLS}),
    "may, refused": Hop(MAY, {"STARTTLS": "454 4.7.0 not now"}),
    "may, refused for good": Hop(MAY, {"STARTTLS": "502 5.5.1 never"}),
    "may, no handshake": Hop(MAY, handshake="garbage"),
    "may, closed in the handshake": Hop(MAY, handshake="close"),
    "may, nobody vouches": Hop(MAY, certificate="self"),
    "may, expired": Hop({**MAY, **CA}, certificate="expired"),
    "may, of another time": Hop({"smtp_use_tls": "yes"}),
    "encrypt": Hop(ENCRYPT),
    "encrypt, of another time": Hop({"smtp_enforce_tls": "yes", **CA}),
    "encrypt, not offered": Hop(ENCRYPT, {"EHLO": NO_TLS}),
    "encrypt, refused": Hop(ENCRYPT, {"STARTTLS": "454 4.7.0 not now"}),
    "encrypt, refused for good": Hop(ENCRYPT, {"STARTTLS": "502 5.5.1 never"}),
    "encrypt, no handshake": Hop(ENCRYPT, handshake="garbage"),
    "encrypt, closed in the handshake": Hop(ENCRYPT, handshake="close"),
    "encrypt, nobody vouches": Hop(ENCRYPT, certificate="self"),
    "encrypt, HELO alone": Hop(ENCRYPT, {"EHLO": "502 5.5.1 what", "HELO": "250 sink.example"}),
    "may, EHLO refused after TLS": Hop(MAY, {"EHLO, TLS": "502 5.5.1 what", "HELO": "250 sink.example"}),
    "more than a reply": Hop(MAY, {"STARTTLS": "220 go\n250-evil.example\n250 AUTH PLAIN"}),
    "verify": Hop(VERIFY),
    "verify, another name": Hop(VERIFY, certificate="other"),
    "verify, nobody vouches": Hop(VERIFY, certificate="self"),
    "verify, expired": Hop(VERIFY, certificate="expired"),
    "verify, no CA": Hop({"smtp_tls_security_level": "verify"}),
    "verify, names given": Hop({**VERIFY, "smtp_tls_verify_cert_match": "mail.other.example"}, certificate="other"),
    "verify, a domain given": Hop({**VERIFY, "smtp_tls_verify_cert_match": ".other.example"}, certificate="other"),
    "verify, a wildcard": Hop({**VERIFY, "smtp_tls_verify_cert_match": "a.wild.example"}, certificate="wild"),
    "verify, a wildcard of two": Hop({**VERIFY, "smtp_tls_verify_cert_match": "a.b.wild.example"}, certificate="wild"),
    "secure": Hop(SECURE),
    "secure, another name": Hop(SECURE, certificate="other"),
    "fingerprint": Hop({**PRINT, "smtp_tls_fingerprint_cert_match": "@LOCALHOST@"}),
    "fingerprint of the key": Hop({**PRINT, "smtp_tls_fingerprint_cert_match": "@LOCALHOST_KEY@"}),
    "fingerprint, small letters": Hop({**PRINT, "smtp_tls_fingerprint_cert_match": "@LOCALHOST_SMALL@"}),
    "fingerprint, several": Hop({**PRINT, "smtp_tls_fingerprint_cert_match": "AA:BB @LOCALHOST@"}),
    "fingerprint, another": Hop({**PRINT, "smtp_tls_fingerprint_cert_match": "AA:BB:CC"}),
    "fingerprint, none": Hop(PRINT),
    "policy none": Hop(policy("none", **ENCRYPT)),
    "policy may": Hop(policy("may", **ENCRYPT), {"EHLO": NO_TLS}),
    "policy encrypt": Hop(policy("encrypt"), {"EHLO": NO_TLS}),
    "policy verify": Hop(policy("verify"), certificate="other"),
    "policy verify, match": Hop(policy("verify match=mail.other.example:x.example"), certificate="other"),
    "policy secure, match nexthop": Hop(policy("secure match=hostname"), certificate="other"),
    "policy fingerprint": Hop(policy("fingerprint match=@LOCALHOST@", smtp_tls_fingerprint_digest="sha256")),
    "policy fingerprint, two": Hop(policy("fingerprint match=AA:BB|@LOCALHOST@", smtp_tls_fingerprint_digest="sha256")),
    "policy unknown": Hop(policy("whatever")),
    "policy with an unknown attribute": Hop(policy("encrypt foo=bar")),
    "policy protocols": Hop(policy("encrypt protocols=TLSv1.2")),
    "policy of a name without a port": Hop(
        {"smtp_tls_policy_maps": "inline:{ {localhost=encrypt} }"}, {"EHLO": NO_TLS}
    ),
    "wrapper": Hop({**ENCRYPT, "smtp_tls_wrappermode": "yes"}, wrapper=True),
    "wrapper, level may": Hop({**MAY, "smtp_tls_wrappermode": "yes"}, wrapper=True),
    "wrapper, verify": Hop({**VERIFY, "smtp_tls_wrappermode": "yes"}, wrapper=True, certificate="other"),
    "plain": Hop(LOGIN, offers("PLAIN LOGIN")),
    "plain, with an equals sign": Hop(LOGIN, {"EHLO": "250-sink.example\n250 AUTH=PLAIN LOGIN"}),
    "login": Hop(LOGIN, {**offers("LOGIN"), "AUTH": "334 VXNlcm5hbWU6", "response": ["334 UGFzc3dvcmQ6", "235 ok"]}),
    "cram-md5": Hop(LOGIN, {**offers("CRAM-MD5"), "AUTH": "334 PDEuMkBtYWlsLmV4YW1wbGUuY29tPg=="}),
    "cram-md5 before plain": Hop(LOGIN, {**offers("PLAIN CRAM-MD5"), "AUTH": "334 PDEuMkBtYWlsLmV4YW1wbGUuY29tPg=="}),
    "plain before login": Hop(LOGIN, offers("LOGIN PLAIN")),
    "no plaintext by default": Hop({k: v for k, v in LOGIN.items() if "options" not in k}, offers("PLAIN LOGIN")),
    "mechanisms filtered": Hop(
        {**LOGIN, "smtp_sasl_mechanism_filter": "login"},
        {**offers("PLAIN LOGIN"), "AUTH": "334 VXNlcm5hbWU6", "response": ["334 UGFzc3dvcmQ6", "235 ok"]},
    ),
    "unknown mechanisms": Hop(LOGIN, offers("FOO GSSAPI")),
    "no AUTH": Hop(LOGIN, {"EHLO": NO_TLS}),
    "no entry": Hop({**LOGIN, "smtp_sasl_password_maps": "inline:{ x=y:z }"}, offers("PLAIN")),
    "by the host's name": Hop(
        {**LOGIN, "smtp_sasl_password_maps": "inline:{ {localhost=host:secret} }"}, offers("PLAIN")
    ),
    "host and nexthop": Hop(
        {**LOGIN, "smtp_sasl_password_maps": "inline:{ {localhost=host:secret} {[localhost]:@PORT@=hop:secret} }"},
        offers("PLAIN"),
    ),
    "by the sender": Hop(
        {
            **LOGIN,
            "smtp_sasl_password_maps": "inline:{ {a@b.example=sender:s} {localhost=host:s} }",
            "smtp_sender_dependent_authentication": "yes",
        },
        offers("PLAIN"),
    ),
    "by the sender's domain": Hop(
        {
            **LOGIN,
            "smtp_sasl_password_maps": "inline:{ {@b.example=sender:s} {localhost=host:s} }",
            "smtp_sender_dependent_authentication": "yes",
        },
        offers("PLAIN"),
    ),
    "by the sender, not asked for": Hop(
        {**LOGIN, "smtp_sasl_password_maps": "inline:{ {a@b.example=sender:s} {localhost=host:s} }"}, offers("PLAIN")
    ),
    "no password": Hop({**LOGIN, "smtp_sasl_password_maps": "inline:{ {localhost=ann} }"}, offers("PLAIN")),
    "a colon in the password": Hop(
        {**LOGIN, "smtp_sasl_password_maps": "inline:{ {localhost=ann:se:cret} }"}, offers("PLAIN")
    ),
    "refused": Hop(LOGIN, {**offers("PLAIN"), "AUTH": "535 5.7.8 no"}),
    "refused, bounced": Hop({**LOGIN, "smtp_sasl_auth_soft_bounce": "no"}, {**offers("PLAIN"), "AUTH": "535 5.7.8 no"}),
    "refused for now": Hop(LOGIN, {**offers("PLAIN"), "AUTH": "454 4.7.0 later"}),
    "refused, another mechanism is there": Hop(LOGIN, {**offers("PLAIN LOGIN"), "AUTH": "535 5.7.8 no"}),
    "closed at AUTH": Hop(LOGIN, {**offers("PLAIN"), "AUTH": "<close>"}),
    "a challenge that is no base64": Hop(LOGIN, {**offers("CRAM-MD5"), "AUTH": "334 !!!!"}),
    "a challenge to PLAIN": Hop(LOGIN, {**offers("PLAIN"), "AUTH": "334 ", "response": "235 ok"}),
    "mail refused without a login": Hop({}, {**offers("PLAIN"), "MAIL": "530 5.7.0 Authentication required"}),
    "login under TLS": Hop({**LOGIN, **MAY}, offers("PLAIN", tls=True)),
    "login under TLS alone": Hop(
        {
            **LOGIN,
            **MAY,
            "smtp_sasl_security_options": "noplaintext, noanonymous",
            "smtp_sasl_tls_security_options": "noanonymous",
        },
        offers("PLAIN", tls=True),
    ),
    "login under TLS that is verified": Hop(
        {
            **LOGIN,
            **VERIFY,
            "smtp_sasl_tls_security_options": "noplaintext",
            "smtp_sasl_tls_verified_security_options": "",
        },
        offers("PLAIN", tls=True),
    ),
    "login, no handshake": Hop({**LOGIN, **MAY}, handshake="garbage"),
    "passwords that cannot be looked up": Hop({**LOGIN, "smtp_sasl_password_maps": "fail:now"}, offers("PLAIN")),
    "policies that cannot be looked up": Hop({**MAY, "smtp_tls_policy_maps": "fail:now"}),
}

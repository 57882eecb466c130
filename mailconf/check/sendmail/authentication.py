"""SMTP AUTH: what is offered, and what an authenticated client may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import error, warning

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink

SM028 = warning("SM028", "a mechanism of SMTP AUTH that is trusted and not offered, or offered and not trusted")
"""Why: clients may relay that have authenticated by a mechanism of TRUST_AUTH_MECH, and they can choose among those of
confAUTH_MECHANISMS alone, which are EXTERNAL, GSSAPI, KERBEROS_V4, DIGEST-MD5 and CRAM-MD5 where it is not set. A
mechanism of the one that is not in the other is of no use: it cannot be chosen, or who has authenticated by it may not
relay.

Example:
    # sendmail.mc
    TRUST_AUTH_MECH(`LOGIN PLAIN')dnl

Remedy: name the same mechanisms in both.

Source: cf/README, "SMTP AUTHENTICATION"; observed with sendmail 8.17.1.9 -bs, EHLO.
"""

SM031 = error("SM031", "SMTP AUTH that cannot be offered")
"""Why: with p in confAUTH_OPTIONS sendmail does not offer PLAIN and LOGIN on a connection without TLS. Where it has no
certificate, no connection has TLS, and with these mechanisms alone AUTH is not offered at all.

Example:
    # sendmail.mc
    define(`confAUTH_OPTIONS', `A p')dnl
    define(`confAUTH_MECHANISMS', `LOGIN PLAIN')dnl

Remedy: set confSERVER_CERT, confSERVER_KEY, confCACERT and confCACERT_PATH.

Source: Sendmail Installation and Operation Guide, 5.6, AuthOptions; observed with sendmail 8.17.1.9 -bs, EHLO.
"""

OFFERED = ("EXTERNAL", "GSSAPI", "KERBEROS_V4", "DIGEST-MD5", "CRAM-MD5")  # AuthMechanisms where it is not set
_CLEAR = frozenset({"PLAIN", "LOGIN"})
_BY_OTHER_MEANS = frozenset({"EXTERNAL", "ANONYMOUS"})  # a certificate decides, or relaying is not meant
_SEPARATORS = str.maketrans(dict.fromkeys(",;", " "))


def mechanisms(subject: Written, sink: Sink) -> None:
    """SM028: the mechanisms of TRUST_AUTH_MECH against those that are offered."""
    setting = subject.site.options.get("AuthMechanisms")
    offered = [word.upper() for word in setting.value.split()] if setting is not None else list(OFFERED)
    trusted = subject.words("TrustAuthMech")
    by_place: dict[int, list[str]] = {}
    places = {}
    for word in trusted:
        if word.span is not None and word.value.upper() not in offered:
            by_place.setdefault(word.span.start, []).append(word.value)
            places[word.span.start] = word.span
    option = subject.write("confAUTH_MECHANISMS", "AuthMechanisms")
    for start, words in by_place.items():
        names = " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
        message = f"{names} {'are' if len(words) > 1 else 'is'} trusted, and {option} does not offer "
        message += "them" if len(words) > 1 else "it"
        usual = [] if setting is None else setting.value.split()
        value = " ".join(dict.fromkeys((*usual, *(word.value for word in trusted))))
        hint = subject.write(f"write define(`confAUTH_MECHANISMS', `{value}')dnl", f"write O AuthMechanisms={value}")
        if any("," in word for word in (*words, *usual)):
            hint = "part the mechanisms by blanks, not by commas"
        sink.report(SM028, message, places[start], hint=hint)
    if setting is not None and "," in setting.value and setting.span is not None:
        message = f"{option} is `{setting.value}': a mechanism with a comma is none, and is not offered"
        hint = f"part the mechanisms by blanks: `{' '.join(setting.value.replace(',', ' ').split())}'"
        sink.report(SM028, message, setting.span, hint=hint)
    relayed = [word for word in offered if word not in _BY_OTHER_MEANS]
    if setting is not None and setting.span is not None and not trusted and relayed and not _is_client(subject):
        names = " ".join(relayed)
        message = f"who authenticates by {names} may not relay: no mechanism is trusted"
        hint = subject.write(f"write TRUST_AUTH_MECH(`{names}')dnl", f"write C{{TrustAuthMech}}{names}")
        sink.report(SM028, message, setting.span, hint=hint)


def _is_client(subject: Written) -> bool:
    """Whether the mechanisms may be meant for what is sent to other servers: this one has a password for them."""
    maps = subject.cf.maps
    return "authinfo" in subject.features or "authinfo" in maps or bool(subject.option("DefaultAuthInfo").value)


def offered(subject: Written, sink: Sink) -> None:
    """SM031: mechanisms that are offered with TLS alone, and no TLS."""
    mechanisms_, options = subject.option("AuthMechanisms"), subject.option("AuthOptions")
    words = {word.upper() for word in mechanisms_.value.split()} - _BY_OTHER_MEANS
    if "p" not in options.value or options.span is None or not words or not words <= _CLEAR:
        return
    if _is_client(subject):
        return
    if subject.option("ServerCertFile").value and subject.option("ServerKeyFile").value:
        return
    names = " and ".join(sorted(words))
    are = "are" if len(words) > 1 else "is"
    message = f"AUTH is never offered: with p, {names} {are} for connections with TLS, and there is no certificate"
    hint = subject.write(
        "set confSERVER_CERT, confSERVER_KEY, confCACERT and confCACERT_PATH",
        "set ServerCertFile, ServerKeyFile, CACertFile and CACertPath",
    )
    sink.report(SM031, message, options.span, hint=hint)

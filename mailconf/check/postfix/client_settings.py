"""What smtp(8) and lmtp(8) need to send mail, by the service of master.cf: passwords, TLS, the address to send from."""

from __future__ import annotations

from collections.abc import Iterator

from mailconf.check.postfix.written import Seen, is_on, place_of, seen_by, setter
from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, error, warning
from mailconf.postfix.settings.configuration import Configuration

PF261 = error("PF261", "a setting that needs another one, which is not set")
"""Why: the setting alone does nothing, or ends the program that reads it. smtp_sasl_auth_enable without
smtp_sasl_password_maps ends smtp(8) ("fatal: specify a password table via the `smtp_sasl_password_maps' configuration
parameter"). Without DNSSEC, smtp(8) logs "dane configured with dnssec lookups disabled" and sends as with the level
may, also in clear text; with dane-only it defers the mail ("client TLS configuration problem", 4.7.5). virtual(8) needs
the owner of each mailbox ("not found in virtual_uid_maps", 4.3.5).

Example:
    # main.cf
    relayhost = [smtp.example.net]:587
    smtp_sasl_auth_enable = yes

Remedy: set the parameter that the hint names.

Source: postconf(5), the parameters; SASL_README, "Enabling SASL authentication in the Postfix SMTP client"; TLS_README,
"DANE TLS authentication"; virtual(8); observed with Postfix 3.7.11.
"""

PF285 = error("PF285", "the client may use none of the mechanisms that the server offers")
"""Why: servers offer the mechanisms PLAIN and LOGIN, which noplaintext forbids. It is the default without TLS, and
smtp_sasl_tls_security_options repeats it for TLS. smtp(8) logs "SASL authentication failed; cannot authenticate to
server ...: no mechanism available", and defers the mail (4.7.0).

Example:
    # main.cf
    relayhost = [smtp.example.net]:587
    smtp_sasl_auth_enable = yes
    smtp_sasl_password_maps = hash:/etc/postfix/passwords
    # /etc/postfix/passwords
    [smtp.example.net]:587 name:secret

Remedy: set smtp_tls_security_level = encrypt and smtp_sasl_tls_security_options = noanonymous.

Source: postconf(5) smtp_sasl_security_options, smtp_sasl_tls_security_options; SASL_README, "SASL authentication:
common errors"; observed with Postfix 3.7.11 and a server that offers PLAIN and LOGIN.
"""

PF280 = error("PF280", "mail for other hosts is sent from the loopback address")
"""Why: smtp(8) binds its socket to the address before it connects. From the loopback address no other host is
reached: each connection fails ("Invalid argument"), and all mail is deferred.

Example:
    # main.cf
    smtp_bind_address = 127.0.0.1

Remedy: remove the line, or write an address of the interface that reaches the other hosts.

Source: postconf(5) smtp_bind_address; observed with Postfix 3.7.11 on Linux.
"""

PF255 = warning("PF255", "a password that others get")
"""Why: without TLS everybody on the way can read the password that smtp(8) sends, and a server that asks for TLS
refuses it ("530 5.7.0 Must issue a STARTTLS command first"). A table that has an answer for each server gives the
password to all of them.

Example:
    # main.cf
    relayhost = [smtp.example.net]:587
    smtp_sasl_auth_enable = yes
    smtp_sasl_security_options = noanonymous
    smtp_sasl_password_maps = hash:/etc/postfix/passwords
    # /etc/postfix/passwords
    [smtp.example.net]:587 name:secret

Remedy: set smtp_tls_security_level = encrypt.

Source: SASL_README, "Enabling SASL authentication in the Postfix SMTP client"; RFC 4954 4; postconf(5)
smtp_tls_security_level.
"""

CLIENTS = ("smtp", "lmtp")
_REQUIRED = frozenset({"encrypt", "dane-only", "fingerprint", "verify", "secure"})
_LOOPBACK = ("127.", "::1", "[::1]", "[127.")


def clients(subject: Subject, sink: Sink) -> None:
    """Report what the settings of delivery over SMTP and LMTP lack."""
    for program in CLIENTS:
        for seen in seen_by(subject, program) if subject.configuration.services or program == "smtp" else ():
            _passwords(seen.view, program, sink)
            _dane(seen.view, program, sink)
            _wrapped(seen.view, program, sink)
            _authorities(seen.view, program, sink)
            _in_clear(seen.view, program, sink)
    for seen in seen_by(subject, "smtp"):
        _bound(subject, seen, sink)


def level_of(view: Configuration, program: str = "smtp") -> str:
    """The level of TLS of a client: "none", "may", "encrypt", ..."""
    level = view.value(f"{program}_tls_security_level").lower()
    if level:
        return level
    if is_on(view, f"{program}_enforce_tls"):
        return "encrypt" if not is_on(view, f"{program}_tls_enforce_peername") else "verify"
    return "may" if is_on(view, f"{program}_use_tls") else "none"


def _passwords(view: Configuration, program: str, sink: Sink) -> None:
    enable, maps = f"{program}_sasl_auth_enable", f"{program}_sasl_password_maps"
    if not is_on(view, enable):
        return
    if not view.value(maps):
        message = f"{enable} is yes, and {maps} is empty: {program} ends at its first mail"
        sink.report(PF261, message, view.place(enable), hint=f"set {maps} to a table of hosts, names and passwords")
    elif view.value(f"{program}_sasl_type").lower() == "cyrus" and not view.value(f"{program}_sasl_mechanism_filter"):
        _mechanisms(view, program, sink)


def _mechanisms(view: Configuration, program: str, sink: Sink) -> None:
    """noplaintext leaves the usual servers' PLAIN and LOGIN out."""
    clear, secured = f"{program}_sasl_security_options", f"{program}_sasl_tls_security_options"
    encrypted = level_of(view, program) != "none" or bool(view.value(f"{program}_tls_policy_maps"))
    decides = secured if encrypted else clear
    if "noplaintext" not in view.words(decides):
        return
    enable = f"{program}_sasl_auth_enable"
    if encrypted:
        message = f"noplaintext of {decides} forbids PLAIN and LOGIN, which most servers offer alone"
        hint = f"set {secured} = noanonymous"
    else:
        message = f"noplaintext of {clear} forbids PLAIN and LOGIN, and {program} uses no TLS"
        hint = f"set {program}_tls_security_level = encrypt and {secured} = noanonymous"
    severity = Severity.WARNING if not view.is_set(decides) else Severity.NOTE
    sink.report(PF285, message, view.place(enable), hint=hint, severity=severity)


def _dane(view: Configuration, program: str, sink: Sink) -> None:
    level, support = f"{program}_tls_security_level", f"{program}_dns_support_level"
    if view.value(level).lower() not in ("dane", "dane-only") or view.value(support).lower() == "dnssec":
        return
    written = view.value(support) or "not set"
    message = f"{level} is {view.value(level)}, which needs DNSSEC: {support} is {written}"
    severity = Severity.WARNING if view.value(level).lower() == "dane" else None  # the mail goes as with "may"
    sink.report(PF261, message, view.place(level), hint=f"set {support} = dnssec", severity=severity)


def _wrapped(view: Configuration, program: str, sink: Sink) -> None:
    wrapper, level = f"{program}_tls_wrappermode", f"{program}_tls_security_level"
    if (
        is_on(view, wrapper)
        and level_of(view, program) not in _REQUIRED
        and not view.value(f"{program}_tls_policy_maps")
    ):
        message = f"{wrapper} is yes, which needs {level} = encrypt or a stronger level: mail is deferred"
        sink.report(PF261, message, view.place(wrapper), hint=f"set {level} = encrypt")


def _authorities(view: Configuration, program: str, sink: Sink) -> None:
    """Levels that verify the certificate of the server, without anybody to trust."""
    level = level_of(view, program)
    known = ("CAfile", "CApath", "trust_anchor_file")
    if level not in ("verify", "secure") or any(view.value(f"{program}_tls_{name}") for name in known):
        return
    if is_on(view, "tls_append_default_CA"):
        return
    name = setter(view, (f"{program}_tls_security_level", f"{program}_enforce_tls"))
    message = f"{name} is {view.value(name)}, and no authority is trusted: no certificate is verified, mail is deferred"
    hint = f"set {program}_tls_CAfile = /etc/ssl/certs/ca-certificates.crt, or where the authorities are"
    sink.report(PF261, message, view.place(name), hint=hint)


def _in_clear(view: Configuration, program: str, sink: Sink) -> None:
    """Passwords that are sent where everybody on the way, or every server, gets them."""
    maps, options = f"{program}_sasl_password_maps", f"{program}_sasl_security_options"
    if not is_on(view, f"{program}_sasl_auth_enable") or not view.value(maps) or program != "smtp":
        return
    relay = view.value("relayhost")
    if relay and level_of(view, program) == "none" and not view.value(f"{program}_tls_policy_maps"):
        if "noplaintext" not in view.words(options) and not relay.startswith(_LOCAL):
            message = f"the password for {relay} is sent without encryption: {program}_tls_security_level is not set"
            if relay.endswith((":587", ":submission")):
                message += ", and most servers ask for TLS on port 587"
            hint = f"set {program}_tls_security_level = encrypt"
            sink.report(PF255, message, view.place(f"{program}_sasl_auth_enable"), hint=hint)
    elif not relay and view.value(maps).startswith("static:") and not view.value("default_transport").partition(":")[2]:
        message = f"{maps} is {view.value(maps).partition(':')[0]}: every server that offers AUTH gets the password"
        hint = "use a table with the name of the server as its key, or set relayhost"
        sink.report(PF255, message, view.place(maps), hint=hint)


def _bound(subject: Subject, seen: Seen, sink: Sink) -> None:
    """The source address of a service that sends to the world."""
    view, service = seen
    outward = {view.value("default_transport").partition(":")[0], view.value("relay_transport").partition(":")[0]}
    if service is not None and service.name not in outward:
        return  # it may be for a filter on this machine
    for name in ("smtp_bind_address", "smtp_bind_address6"):
        address = view.value(name)
        if address.startswith(_LOOPBACK) and not all(host.startswith(_LOCAL) for host in _relays(view)):
            message = f"{name} is {address}: from the loopback no other host is reached"
            hint = f"remove it, or set {name} to an address of this host in the network"
            sink.report(PF280, message, place_of(view, name, address), hint=hint)


_LOCAL = (*_LOOPBACK, "[localhost]", "localhost:")


def _relays(view: Configuration) -> Iterator[str]:
    """Where all mail goes, if it goes to one place; "" for the world."""
    _, _, nexthop = view.value("default_transport").partition(":")
    yield nexthop if nexthop else view.value(setter(view, ("relayhost",)))

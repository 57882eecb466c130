"""What smtpd(8) needs to offer TLS and AUTH, by the service of master.cf, and what it asks of the clients of a port."""

from __future__ import annotations

from mailconf.check.postfix.written import Seen, is_on, place_of, seen_by, setter, view_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, error, warning
from mailconf.model.site import Service
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.listeners import SMTP_PORT, listeners

PF265 = error("PF265", "AUTH can never be offered, or no client can ever authenticate")
"""Why: the server asks for something that it does not offer. smtpd_tls_auth_only hides AUTH until the session is
encrypted, which it never is without TLS; a list that lets only authenticated clients pass refuses everybody where
smtpd_sasl_auth_enable is no; a SASL plug-in that is not reached ends smtpd ("fatal: no SASL authentication
mechanisms").

Example:
    # main.cf
    smtpd_sasl_auth_enable = yes
    smtpd_tls_auth_only = yes

Remedy: set the parameter that the hint names.

Source: postconf(5) smtpd_tls_auth_only, smtpd_sasl_auth_enable, smtpd_sasl_path; SASL_README; observed with Postfix
3.7.11.
"""

PF266 = error("PF266", "TLS is switched on without a certificate")
"""Why: without a certificate and its key smtpd logs "No server certs available. TLS won't be enabled", and answers
STARTTLS by "454 4.7.0 TLS not available due to local problem". Where TLS is required, no mail is taken; in wrapper mode
no client gets an answer.

Example:
    # main.cf
    smtpd_tls_security_level = may

Remedy: set smtpd_tls_chain_files, or smtpd_tls_cert_file and smtpd_tls_key_file.

Source: postconf(5) smtpd_tls_chain_files, smtpd_tls_cert_file; TLS_README; observed with Postfix 3.7.11.
"""

PF276 = error("PF276", "TLS from the first byte on a port where clients begin without, or the other way round")
"""Why: on port 465 TLS begins with the first byte; on the ports 25 and 587 a client waits for a greeting in clear text
and sends STARTTLS. A client without TLS on port 465 waits for a greeting until the time is up ("timed out while
receiving the initial server greeting"); one that begins with TLS on another port has a "handshake failure". The mail is
deferred.

Example:
    # master.cf
    2587 inet n - n - - smtpd
    587 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes

Remedy: use wrapper mode for port 465 alone, and smtpd_tls_security_level = encrypt for port 587.

Source: RFC 8314 3.3; postconf(5) smtpd_tls_wrappermode, smtp_tls_wrappermode; observed with Postfix 3.7.11.
"""

PF284 = warning("PF284", "port 25 refuses every server without TLS")
"""Why: mail from other domains comes to port 25. With TLS required, smtpd answers "530 5.7.0 Must issue a STARTTLS
command first" to servers that have no TLS, and their mail is lost to the users.

Example:
    # main.cf
    smtpd_tls_security_level = encrypt

Remedy: set smtpd_tls_security_level = may in main.cf, and encrypt for the submission service in master.cf.

Source: RFC 3207 4; postconf(5) smtpd_tls_security_level, which says so; observed with Postfix 3.7.11.
"""

PF224 = warning("PF224", "a submission service without AUTH")
"""Why: on the ports 587 and 465 mail programs hand in the mail of users, who are known by their passwords. Without
smtpd_sasl_auth_enable no AUTH is offered; a client that sends it gets "503 5.5.1 Error: authentication not enabled",
and mail to other domains is refused with "Relay access denied", unless the client is in mynetworks.

Example:
    # master.cf
    587 inet n - n - - smtpd -o smtpd_tls_security_level=may

Remedy: add -o smtpd_sasl_auth_enable=yes to the service, and set smtpd_sasl_type and smtpd_sasl_path. A service for
networks or certificates alone says so by restrictions of its own: -o smtpd_client_restrictions=permit_mynetworks,reject

Source: SASL_README, "Enabling SASL authentication"; RFC 6409 4.3; observed with Postfix 3.7.11:
tests/live/test_certificates_live.py.
"""

PF290 = warning("PF290", "passwords are taken without encryption")
"""Why: the server offers AUTH before the session is encrypted, and clients send names and passwords that everybody on
the way can read.

Example:
    # main.cf
    smtpd_sasl_auth_enable = yes

Remedy: set smtpd_tls_auth_only = yes, and smtpd_tls_security_level with a certificate.

Source: postconf(5) smtpd_tls_auth_only; SASL_README, "Encrypted SMTP session (TLS)"; RFC 4954 4; observed with Postfix
3.7.11: "250-AUTH PLAIN LOGIN" without TLS.
"""

PF291 = warning("PF291", "clients may authenticate, and gain nothing by it")
"""Why: AUTH is offered, but no list of restrictions has permit_sasl_authenticated: clients that have given their
password may not send mail to other domains either, and are refused with "Relay access denied".

Example:
    # main.cf
    smtpd_sasl_auth_enable = yes
    smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination

Remedy: add permit_sasl_authenticated to smtpd_relay_restrictions, before reject_unauth_destination.

Source: postconf(5) permit_sasl_authenticated; SASL_README, "Mail relay authorization"; observed with Postfix 3.7.11.
"""

_LISTS = (
    *("smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions"),
    *("smtpd_relay_restrictions", "smtpd_recipient_restrictions"),
)
_PERMIT = "permit_sasl_authenticated"
_LETTING = ("permit", "check_", "defer_if", "ok")
_CERTIFICATES = (
    *("smtpd_tls_chain_files", "smtpd_tls_cert_file", "smtpd_tls_dcert_file", "smtpd_tls_eccert_file"),
    *("tls_server_sni_maps",),
)
_WRAPPED_PORT = 465
_PLAIN_PORTS = (SMTP_PORT, 587)
_SUBMISSION = (587, _WRAPPED_PORT)
_LOOPBACK = ("127.", "localhost", "[::1]", "[127.")


def servers(subject: Subject, sink: Sink) -> None:
    """Report what the SMTP servers of master.cf cannot offer."""
    seen = seen_by(subject, "smtpd")
    for each in seen:
        view = each.view
        level, switch = level_of(view)
        if level != "none" and not any(view.value(name) for name in _CERTIFICATES):
            _no_certificate(view, level, switch, sink)
        _auth(each, level, sink)
        _only_logins(each, sink)
    if subject.configuration.services:
        for service in listeners(subject.configuration):
            _port(subject, service, sink)


def level_of(view: Configuration) -> tuple[str, str]:
    """The level of TLS of a server ("none", "may", "encrypt"), and the parameter that sets it."""
    if is_on(view, "smtpd_tls_wrappermode"):
        return "encrypt", "smtpd_tls_wrappermode"
    level = view.value("smtpd_tls_security_level").lower()
    if level:
        return level, "smtpd_tls_security_level"
    if is_on(view, "smtpd_enforce_tls"):
        return "encrypt", "smtpd_enforce_tls"
    return ("may", "smtpd_use_tls") if is_on(view, "smtpd_use_tls") else ("none", "smtpd_tls_security_level")


def _no_certificate(view: Configuration, level: str, switch: str, sink: Sink) -> None:
    does = "smtpd answers STARTTLS by 454" if level == "may" else "no mail is taken"
    message = f"{switch} is {view.value(switch)}, and there is no certificate: {does}"
    hint = "set smtpd_tls_chain_files, or smtpd_tls_cert_file and smtpd_tls_key_file"
    sink.report(PF266, message, view.place(switch), hint=hint)


def _auth(seen: Seen, level: str, sink: Sink) -> None:
    """Whether AUTH is offered, in clear or at all, and to any use."""
    view, service = seen
    if not is_on(view, "smtpd_sasl_auth_enable"):
        return
    _plug_in(view, sink)
    if level == "none" and is_on(view, "smtpd_tls_auth_only"):
        message = "smtpd_tls_auth_only is yes, and no session is encrypted: AUTH is never offered"
        hint = "set smtpd_tls_security_level = may, with a certificate"
        sink.report(PF265, message, view.place("smtpd_tls_auth_only"), hint=hint)
    elif level != "encrypt" and not _is_inside(service) and not is_on(view, "smtpd_tls_auth_only"):
        _in_clear(view, level, sink)
    lists = [view.value(name).lower() for name in _LISTS]
    classes = [view.value(name).lower() for name in view.words("smtpd_restriction_classes")]
    if not view.services:
        return  # those of master.cf, which is not here, may let them pass
    if not any(_PERMIT in text for text in (*lists, *classes)) and not any("permit_tls" in text for text in lists):
        name = setter(view, ("smtpd_relay_restrictions", "smtpd_recipient_restrictions"))
        if not {"check_policy_service", "check_sasl_access"} & set(" ".join(lists).replace(",", " ").split()):
            message = f"smtpd_sasl_auth_enable is yes, and no list has {_PERMIT}: clients gain nothing by AUTH"
            hint = f"add {_PERMIT} to {name}, before reject_unauth_destination"
            sink.report(PF291, message, view.place("smtpd_sasl_auth_enable"), hint=hint)


def _in_clear(view: Configuration, level: str, sink: Sink) -> None:
    if "noplaintext" not in view.words("smtpd_sasl_security_options"):
        message = "smtpd_sasl_auth_enable is yes, and passwords are taken without encryption"
        hint = "set smtpd_tls_auth_only = yes" + (", and smtpd_tls_security_level = may" if level == "none" else "")
        severity = Severity.NOTE if level == "may" else None
        sink.report(PF290, message, view.place("smtpd_sasl_auth_enable"), hint=hint, severity=severity)


def _plug_in(view: Configuration, sink: Sink) -> None:
    """smtpd_sasl_path is a socket for Dovecot, and the name of a configuration file for Cyrus."""
    kind, path = view.value("smtpd_sasl_type").lower(), view.value("smtpd_sasl_path")
    if kind == "dovecot" and not ("/" in path or path.startswith(("inet:", "unix:"))):
        message = f"smtpd_sasl_type is dovecot, and smtpd_sasl_path is {path}, where no Dovecot listens"
        hint = "set smtpd_sasl_path = private/auth, or the socket that Dovecot has"
        sink.report(PF265, message, view.place(setter(view, ("smtpd_sasl_path", "smtpd_sasl_type"))), hint=hint)
    elif kind == "cyrus" and ("/" in path or path.startswith("inet:")):
        message = f"smtpd_sasl_path is {path}, and smtpd_sasl_type is cyrus, which takes a file's name, not a socket"
        hint = "set smtpd_sasl_type = dovecot, or remove smtpd_sasl_path"
        sink.report(PF265, message, view.place("smtpd_sasl_path"), hint=hint)


def _only_logins(seen: Seen, sink: Sink) -> None:
    """Lists that nobody passes but clients that are logged in, where nobody can log in."""
    view = seen.view
    if is_on(view, "smtpd_sasl_auth_enable"):
        return
    for name in _LISTS:
        words = [word.lower() for word in view.words(name)]
        if _PERMIT not in words or words[-1] not in ("reject", "defer"):
            continue
        if not any(word.startswith(_LETTING) and word != _PERMIT for word in words) and not any(
            word in view.words("smtpd_restriction_classes") for word in words
        ):
            message = f"{name} lets only authenticated clients pass, and smtpd_sasl_auth_enable is no: all are refused"
            sink.report(PF265, message, view.place(name), hint="set smtpd_sasl_auth_enable = yes")


def _is_inside(service: Service | None) -> bool:
    """Whether only programs of this machine reach the service."""
    if service is None:
        return False
    return service.kind == "unix" or (service.kind == "inet" and service.name.startswith(_LOOPBACK))


def _port(subject: Subject, service: Service, sink: Sink) -> None:
    """The port of a service, and the TLS that its clients expect there."""
    host, _, text = service.address.rpartition(":")
    port, view = subject.site.ports.number(text), view_of(subject.configuration, service)
    wrapped = is_on(view, "smtpd_tls_wrappermode")
    if wrapped and port in _PLAIN_PORTS:
        message = f"smtpd_tls_wrappermode is yes on port {port} ({text}), where clients wait for a greeting"
        hint = "remove it, and set smtpd_tls_security_level = encrypt" if port == 587 else "remove it for this service"
        sink.report(PF276, message, view.place("smtpd_tls_wrappermode"), hint=hint)
    elif port == _WRAPPED_PORT and not wrapped and service.front is None:
        message = f"on port 465 ({text}) clients begin with TLS, and smtpd_tls_wrappermode is no"
        sink.report(PF276, message, service.span, hint="add -o smtpd_tls_wrappermode=yes to the service")
    if port in _SUBMISSION and not is_on(view, "smtpd_sasl_auth_enable") and not host.startswith(_LOOPBACK):
        lists = {*_LISTS, "smtpd_client_restrictions", "smtpd_sender_restrictions"}
        certified = any("permit_tls" in view.value(name).lower() for name in lists)
        if lists.isdisjoint(service.overrides) and not certified and service.front is None:
            message = f"on port {port} ({text}) users hand in their mail, and smtpd_sasl_auth_enable is no: none can"
            hint = "add -o smtpd_sasl_auth_enable=yes to the service, or the restrictions that say who may use it"
            sink.report(PF224, message, service.span, hint=hint)
    level, switch = level_of(view)
    if port == SMTP_PORT and level == "encrypt" and not wrapped and not host.startswith(_LOOPBACK):
        message = f"{switch} is {view.value(switch)}: servers without TLS can bring no mail to port 25"
        hint = "set smtpd_tls_security_level = may, and encrypt for submission in master.cf"
        span = place_of(view, switch, view.value(switch)) or service.span
        sink.report(PF284, message, span, hint=hint)

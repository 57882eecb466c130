"""Settings that have no effect because of another one: one table, `ROWS`, and one rule.

A setting of main.cf is dead where it is so for every service that reads it; one of ``-o`` where it is so for its
service. ``when`` is a condition (`Condition`): words that are all true of what the service sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mailconf.check.postfix.written import Seen, seen_by
from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, warning
from mailconf.postfix.settings.configuration import Configuration

PF260 = warning("PF260", "a setting that another one keeps from having any effect")
"""Why: Postfix does not look at the setting, because another parameter decides before it or switches off what it is
for. Nothing is logged, and the server does something else than the file says.

Example:
    # main.cf
    mynetworks = 127.0.0.0/8
    mynetworks_style = subnet

Remedy: remove the setting, or change the one that the message names.

Source: postconf(5), the parameter; the order of the ways to a mailbox is in local(8), "DELIVERY METHOD CONTROLS". The
table of these settings is mailconf/check/postfix/dead_settings.py.
"""

Condition = tuple[str, ...]
_OFF = ("", "no")


class Row(NamedTuple):
    """Settings without effect.

    names     the parameters; % stands for each of ``programs``
    programs  the programs that read them, () for a setting of main.cf alone
    when      words, all of which hold: "name" is set, "name+" has a value, "name-" has none or "no", "name=a|b" has one
              of these values, "!" before any of these for the opposite
    because   what the message says after "has no effect:"
    hint      what to do
    severity  a note where the setting is only left over: no mail is lost, refused or relayed, no protection missed
    """

    names: tuple[str, ...]
    programs: tuple[str, ...]
    when: Condition
    because: str
    hint: str
    severity: Severity | None = None


_CLIENT_TLS_OFF = (
    "%_tls_security_level=|none",
    "%_use_tls-",
    "%_enforce_tls-",
    "%_tls_policy_maps-",
    "%_tls_per_site-",
)
_SERVER_TLS_OFF = ("smtpd_tls_security_level=|none", "smtpd_use_tls-", "smtpd_enforce_tls-", "smtpd_tls_wrappermode-")
_NO_CLIENT_TLS = "%_tls_security_level is not set, and no TLS is used"
_NO_SERVER_TLS = "smtpd_tls_security_level is not set, and no TLS is offered"
_LOCAL_USERS = "local_recipient_maps refuses unknown users before this is asked"
_NO_USERS = "set local_recipient_maps to nothing, or to tables that have these addresses, too"
_ANYONE_LOCAL = ("!local_recipient_maps-", "~users", "!smtpd_reject_unlisted_recipient=no")

ROWS: tuple[Row, ...] = (
    Row(("mynetworks_style",), (), ("mynetworks",), "mynetworks is set", "remove mynetworks_style, or mynetworks"),
    *(
        Row(names, ("local",), (f"{stronger}+",), f"{stronger} takes all mail", f"remove it, or {stronger}")
        for stronger, names in (
            (
                "mailbox_transport",
                ("mailbox_command_maps", "mailbox_command", "home_mailbox", "fallback_transport_maps"),
            ),
            ("mailbox_transport", ("mail_spool_directory", "fallback_transport", "luser_relay")),
            ("mailbox_command", ("home_mailbox", "mail_spool_directory")),
            ("home_mailbox", ("mail_spool_directory",)),
            ("fallback_transport", ("luser_relay",)),
        )
    ),
    Row(
        ("luser_relay", "fallback_transport", "fallback_transport_maps"),
        ("smtpd",),
        _ANYONE_LOCAL,
        _LOCAL_USERS,
        _NO_USERS,
    ),
    Row(
        ("relayhost",),
        (),
        ("~default nexthop",),
        "default_transport has a nexthop of its own",
        "take the nexthop out of default_transport, or remove relayhost",
    ),
    Row(
        (
            *("%_tls_CAfile", "%_tls_CApath", "%_tls_cert_file", "%_tls_key_file", "%_tls_chain_files"),
            *("%_tls_ciphers", "%_tls_mandatory_ciphers", "%_tls_protocols", "%_tls_mandatory_protocols"),
            *("%_tls_exclude_ciphers", "%_tls_mandatory_exclude_ciphers"),
        ),
        ("smtp", "lmtp"),
        _CLIENT_TLS_OFF,
        _NO_CLIENT_TLS,
        "set %_tls_security_level = may, or a stronger level",
        Severity.NOTE,
    ),
    Row(
        (
            *("%_tls_fingerprint_cert_match", "%_tls_verify_cert_match", "%_tls_secure_cert_match"),
            "%_tls_trust_anchor_file",
        ),
        ("smtp", "lmtp"),
        _CLIENT_TLS_OFF,
        _NO_CLIENT_TLS,
        "set %_tls_security_level to fingerprint, verify or secure",
    ),
    Row(
        (
            *("smtpd_tls_req_ccert", "smtpd_tls_ask_ccert", "smtpd_tls_ciphers"),
            *("smtpd_tls_mandatory_ciphers", "smtpd_tls_protocols", "smtpd_tls_mandatory_protocols"),
            *("smtpd_tls_exclude_ciphers", "smtpd_tls_mandatory_exclude_ciphers", "smtpd_tls_received_header"),
            *("smtpd_tls_CAfile", "smtpd_tls_CApath"),
        ),
        ("smtpd", "tlsproxy"),
        (*_SERVER_TLS_OFF, "~no postscreen TLS"),
        _NO_SERVER_TLS,
        "set smtpd_tls_security_level = may",
        Severity.NOTE,
    ),
    Row(
        ("smtpd_tls_cert_file", "smtpd_tls_key_file", "smtpd_tls_chain_files"),
        ("smtpd", "tlsproxy"),
        (*_SERVER_TLS_OFF, "~no postscreen TLS"),
        _NO_SERVER_TLS,
        "set smtpd_tls_security_level = may",
    ),
    Row(
        ("smtpd_tls_auth_only",),
        ("smtpd",),
        (*_SERVER_TLS_OFF, "smtpd_sasl_auth_enable-"),  # where AUTH is on, PF265 reports it
        _NO_SERVER_TLS,
        "set smtpd_tls_security_level = may",
        Severity.NOTE,
    ),
    Row(
        ("%_sasl_password_maps", "%_sasl_security_options", "%_sasl_tls_security_options", "%_sasl_mechanism_filter"),
        ("smtp", "lmtp"),
        ("%_sasl_auth_enable-",),
        "%_sasl_auth_enable is no",
        "set %_sasl_auth_enable = yes",
    ),
    Row(
        (
            *("smtpd_sasl_security_options", "smtpd_sasl_tls_security_options", "smtpd_sasl_path", "smtpd_sasl_type"),
            *("smtpd_sasl_local_domain", "smtpd_sasl_authenticated_header", "smtpd_sasl_exceptions_networks"),
            "broken_sasl_auth_clients",
        ),
        ("smtpd",),
        ("smtpd_sasl_auth_enable-",),
        "smtpd_sasl_auth_enable is no",
        "set smtpd_sasl_auth_enable = yes",
        Severity.NOTE,
    ),
    Row(
        ("relay_recipient_maps",),
        (),
        ("relay_domains=",),
        "relay_domains is empty",
        "name the domains in relay_domains",
    ),
    Row(
        ("virtual_mailbox_maps",),
        (),
        ("virtual_mailbox_domains=",),
        "virtual_mailbox_domains is empty",
        "name the domains in virtual_mailbox_domains",
    ),
    Row(
        (
            "virtual_mailbox_base",
            "virtual_uid_maps",
            "virtual_gid_maps",
            "virtual_mailbox_limit",
            "virtual_minimum_uid",
        ),
        (),
        ("~no virtual",),
        "virtual_transport names another delivery agent, and only virtual(8) reads it",
        "remove it, or set virtual_transport = virtual",
        Severity.NOTE,
    ),
    *(
        Row((classes,), (), (f"{maps}=",), f"{maps} is empty", f"set {maps}, or remove it", Severity.NOTE)
        for maps, classes in (
            ("canonical_maps", "canonical_classes"),
            ("sender_canonical_maps", "sender_canonical_classes"),
            ("masquerade_domains", "masquerade_classes"),
            ("masquerade_domains", "masquerade_exceptions"),
            ("recipient_canonical_maps", "recipient_canonical_classes"),
        )
    ),
    Row(
        ("postscreen_dnsbl_threshold", "postscreen_dnsbl_action", "postscreen_dnsbl_reply_map"),
        ("postscreen",),
        ("postscreen_dnsbl_sites=",),
        "postscreen_dnsbl_sites is empty",
        "name the lists in postscreen_dnsbl_sites",
    ),
    Row(
        ("postscreen_dnsbl_sites", "postscreen_greet_action", "postscreen_access_list", "postscreen_denylist_action"),
        ("postscreen",),
        (),
        "master.cf runs no postscreen",
        "run postscreen in master.cf, as POSTSCREEN_README describes, or remove it",
        Severity.NOTE,
    ),
    Row(
        ("milter_default_action", "milter_protocol", "milter_connect_timeout", "milter_command_timeout"),
        ("smtpd", "cleanup"),
        ("smtpd_milters-", "non_smtpd_milters-"),
        "neither smtpd_milters nor non_smtpd_milters names a filter",
        "name the filter in smtpd_milters, or remove it",
        Severity.NOTE,
    ),
    Row(
        ("%_enforce_tls",),
        ("smtp", "lmtp", "smtpd"),
        ("%_enforce_tls=yes", "%_tls_security_level=none|may"),
        "%_tls_security_level decides, and does not enforce TLS",
        "set %_tls_security_level = encrypt if TLS is to be enforced, or remove it",
    ),
    Row(
        ("smtp_tls_mandatory_protocols", "smtp_tls_mandatory_ciphers"),
        ("smtp",),
        ("smtp_tls_security_level=may", "smtp_tls_policy_maps-", "smtp_tls_per_site-"),
        "it counts where TLS is required, and smtp_tls_security_level is may",
        "set smtp_tls_protocols or smtp_tls_ciphers",
        Severity.NOTE,
    ),
    Row(
        ("smtpd_helo_restrictions",),
        ("smtpd",),
        ("smtpd_helo_required-", "smtpd_helo_restrictions+"),
        "a client that sends no HELO passes it: smtpd_helo_required is no",
        "set smtpd_helo_required = yes",
        Severity.NOTE,
    ),
)
_USUAL_USERS = frozenset({"proxy:unix:passwd.byname", "unix:passwd.byname"})
Told = set[tuple[str, int]]  # the names and places that were reported


def dead(subject: Subject, sink: Sink) -> None:
    """Report settings that have no effect."""
    configuration = subject.configuration
    overridden = {name for service in configuration.services for name in service.overrides}
    told: Told = set()
    for row in ROWS:
        for prefix in row.programs if any("%" in name for name in row.names) else ("",):
            filled = _filled(row, prefix)
            names = [name for name in filled.names if name in overridden or configuration.is_set(name)]
            if names:
                _row(subject, filled, names, told, sink)


def _filled(row: Row, prefix: str) -> Row:
    """The row for the programs whose parameters begin with ``prefix``; itself where it is for all."""
    if not prefix:
        return row
    names, when = (tuple(word.replace("%", prefix) for word in words) for words in (row.names, row.when))
    because, hint = row.because.replace("%", prefix), row.hint.replace("%", prefix)
    return Row(names, (prefix,), when, because, hint, row.severity)


def _row(subject: Subject, row: Row, names: Sequence[str], told: Told, sink: Sink) -> None:
    configuration = subject.configuration
    if row.programs and not configuration.services:
        return  # who knows what its services set
    seen = seen_by(subject, *row.programs) if row.programs else [Seen(configuration, None)]
    if bool(seen) is not bool(row.when):
        return  # a row without a condition is about a program that does not run
    holding = [found for found in seen if _holds(subject, found.view, row.when)]
    for name in names:
        if len(holding) == len(seen) and name in configuration.texts():
            _report(configuration, name, row, told, sink)
        for view, service in holding:
            if service is not None and name in service.overrides:
                _report(view, name, row, told, sink)


def _report(view: Configuration, name: str, row: Row, told: Told, sink: Sink) -> None:
    span = view.span(name)
    if span is None or (name, span.start) in told or not view.value(name) or _is_default(view, name):
        return
    told.add((name, span.start))
    sink.report(PF260, f"{name} has no effect: {row.because}", span, hint=row.hint, severity=row.severity)


def _is_default(view: Configuration, name: str) -> bool:
    """Whether what is set is what would hold anyway: that misleads nobody."""
    return view.value(name).lower() == view.expand(view.default(name), name).lower()


def _holds(subject: Subject, view: Configuration, when: Condition) -> bool:
    return all(_word(subject, view, word) for word in when)


def _word(subject: Subject, view: Configuration, word: str) -> bool:
    """Whether a word of `Row.when` is true."""
    if word.startswith("!"):
        return not _word(subject, view, word[1:])
    if word.startswith("~"):
        return _SPECIAL[word](subject, view)
    if word.endswith("+"):
        return view.value(word[:-1]).strip() != ""
    if word.endswith("-"):
        return view.value(word[:-1]).strip().lower() in _OFF
    name, equals, values = word.partition("=")
    return view.value(name).strip().lower() in values.split("|") if equals else view.is_set(name)


def only_usual_users(view: Configuration) -> bool:
    """Whether local_recipient_maps knows the users and aliases of the machine, and nobody else."""
    aliases = set(view.words("alias_maps"))
    return all(word in _USUAL_USERS or word in aliases for word in view.words("local_recipient_maps"))


def _default_nexthop(subject: Subject, view: Configuration) -> bool:
    transport, _, nexthop = view.value("default_transport").partition(":")
    return nexthop.strip() != "" and transport not in ("error", "retry", "discard")


def _no_postscreen_tls(subject: Subject, view: Configuration) -> bool:
    names = ("postscreen_tls_security_level", "tlsproxy_tls_security_level", "tlsproxy_client_security_level")
    return all(view.value(name).lower() in ("", "none") for name in names)


def _no_virtual(subject: Subject, view: Configuration) -> bool:
    """Whether nothing in main.cf hands mail to virtual(8), as far as main.cf shows."""
    programs = {s.name for s in view.services if s.program == "virtual"}
    parameters = (
        *("virtual_transport", "local_transport", "mailbox_transport", "fallback_transport", "default_transport"),
        *("relay_transport", "content_filter"),
    )
    if not view.services or any(view.value(name).partition(":")[0] in programs for name in parameters):
        return False
    return not any(view.value(name) for name in ("transport_maps", "mailbox_transport_maps", "fallback_transport_maps"))


_SPECIAL = {
    "~users": lambda subject, view: only_usual_users(view),
    "~default nexthop": _default_nexthop,
    "~no postscreen TLS": _no_postscreen_tls,
    "~no virtual": _no_virtual,
}

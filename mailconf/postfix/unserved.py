"""What Postfix does with mail and the reference MTA does not: the parameters by which a site asks for it.

``explain`` and ``serve`` say at the start which of them a configuration sets, so that nobody takes their answer for
Postfix's where it cannot be. Parameters that are in neither this table nor docs/postfix-support.md decide nothing about
a message: names of folders, accounts and programs, resources, timing inside Postfix.
"""

from __future__ import annotations

from collections.abc import Iterable

from mailconf.diagnostics import Sink, warning
from mailconf.model.site import Service
from mailconf.postfix.configuration import Configuration

PF208 = warning("PF208", "the configuration asks for what explain and serve do not do")

POSTSCREEN = "postscreen does not test clients"
UNSERVED: dict[str, tuple[str, ...]] = {
    "mail filters (milter) are not asked": (
        "milter_header_checks",
        "non_smtpd_milters",
        "smtpd_milter_maps",
        "smtpd_milters",
    ),
    "mail is not handed to content filters": ("content_filter", "receive_override_options", "smtpd_proxy_filter"),
    "headers and bodies are not inspected": (
        "body_checks",
        "header_checks",
        "message_reject_characters",
        "message_strip_characters",
        "mime_header_checks",
        "nested_header_checks",
        "smtp_body_checks",
        "smtp_header_checks",
        "smtp_mime_header_checks",
        "smtp_nested_header_checks",
    ),
    "there is no TLS": (
        "smtp_enforce_tls",
        "smtp_tls_policy_maps",
        "smtp_tls_security_level",
        "smtp_tls_wrappermode",
        "smtp_use_tls",
        "smtpd_enforce_tls",
        "smtpd_tls_security_level",
        "smtpd_tls_wrappermode",
        "smtpd_use_tls",
    ),
    "no client can log in to serve": ("smtpd_sasl_auth_enable",),
    "mail goes out without a login": ("smtp_sasl_auth_enable", "smtp_sasl_password_maps"),
    "rates are not limited": (
        "smtpd_client_auth_rate_limit",
        "smtpd_client_connection_rate_limit",
        "smtpd_client_message_rate_limit",
        "smtpd_client_recipient_rate_limit",
    ),
    "commands and replies are not rewritten": (
        "smtp_reply_filter",
        "smtpd_command_filter",
        "smtpd_dns_reply_filter",
        "default_delivery_status_filter",
    ),
    "ETRN is answered without these restrictions": ("smtpd_etrn_restrictions",),
    POSTSCREEN: (
        "postscreen_access_list",
        "postscreen_bare_newline_enable",
        "postscreen_denylist_action",
        "postscreen_dnsbl_sites",
        "postscreen_greet_action",
        "postscreen_non_smtp_command_enable",
        "postscreen_pipelining_enable",
    ),
    "no PROXY header is read": ("smtpd_upstream_proxy_protocol",),
    "outgoing mail does not take these ways": (
        "disable_dns_lookups",
        "smtp_bind_address",
        "smtp_bind_address6",
        "smtp_dns_support_level",
        "smtp_fallback_relay",
        "smtp_helo_name",
        "smtp_host_lookup",
        "smtp_tcp_port",
    ),
}


def report_unserved(configuration: Configuration, services: Iterable[Service], sink: Sink) -> None:
    """One warning (PF208) a subject that the configuration, or one of ``services`` by its overrides, asks for."""
    services = list(services)
    asking = [configuration, *(configuration.for_service(service) for service in services if service.overrides)]
    screened = any(service.front for service in services)
    for subject, parameters in UNSERVED.items():
        if subject == POSTSCREEN and not screened:
            continue
        asked = {name: own.span(name) for own in reversed(asking) for name in parameters if _asks(own, name)}
        if asked:
            names = sorted(asked)
            message = f"{subject}: {', '.join(names)} {'has' if len(names) == 1 else 'have'} no effect here"
            sink.report(PF208, message, asked[names[0]], hint="Postfix may decide otherwise than what is shown")


def _asks(configuration: Configuration, name: str) -> bool:
    """Whether the parameter is known to this version, and set to something else than its default."""
    if not configuration.is_known(name) or not configuration.is_set(name):
        return False
    value = configuration.value(name)
    return value not in ("", "no", "0", "none") and value != configuration.expand(configuration.default(name), name)

"""What Postfix does with mail and the reference MTA does not: the parameters by which a site asks for it.

``explain`` and ``serve`` report at the start which of them a configuration sets, so that nobody takes their answer for
Postfix's where it cannot be. A parameter that is in neither this table nor docs/postfix-support.md is in `SILENT`, with
the reason why nobody needs to be told: a test has each parameter of each version.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable

from mailconf.diagnostics import Sink, warning
from mailconf.model.site import Service
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.security import DOVECOT

PF236 = warning("PF236", "serve lacks the rights to deliver some of the mail")
"""Why: serve delivers to mailboxes, files and commands with the rights of the recipient, which only root can take on.
Without them, such mail waits in the queue.

Example:
    `mailconf serve --listen :2525 /etc/postfix`, started by another user than root.

Remedy: start it as root, deliver by LMTP, or deliver to mailboxes of that user (virtual_uid_maps).

Source: docs/serve.md; local(8) and virtual(8), "SECURITY".
"""

PF208 = warning("PF208", "the configuration asks for what explain and serve do not do")
"""Why: explain and serve do not do what the parameter asks for, so that Postfix may decide otherwise than they do.

Example:
    # main.cf
    smtpd_milters = inet:localhost:8891
    $ mailconf explain --to ann@example.com /etc/postfix

Remedy: nothing, if Postfix serves the configuration.

Source: docs/postfix-support.md, "What explain and serve do not do".
"""

POSTSCREEN = "postscreen knows clients again, to whichever address they come"
# What serve does, and explain does not.
SERVED = ("milter_header_checks", "non_smtpd_milters", "smtpd_milter_maps", "smtpd_milters")
UNSERVED: dict[str, tuple[str, ...]] = {
    "explain asks no mail filters (milter), serve does": SERVED,
    "explain does not hand mail to a proxy before it is queued, serve does": ("smtpd_proxy_filter",),
    "characters are not looked at, nor 8-bit text": (
        "message_reject_characters",
        "message_strip_characters",
        "strict_7bit_headers",
        "strict_8bitmime",
        "strict_8bitmime_body",
        "strict_mime_encoding_domain",
    ),
    "addresses are read as without these parameters": ("strict_rfc821_envelopes", "strict_smtputf8"),
    "commands and replies are not rewritten": (
        "smtp_reply_filter",
        "smtpd_command_filter",
        "default_delivery_status_filter",
        "lmtp_assume_final",
        "lmtp_delivery_status_filter",
        "lmtp_reply_filter",
        "local_delivery_status_filter",
        "pipe_delivery_status_filter",
        "smtp_delivery_status_filter",
        "virtual_delivery_status_filter",
    ),
    "peers that are slow, but not silent, are not cut off": (
        "lmtp_per_request_deadline",
        "smtp_per_request_deadline",
        "smtpd_per_request_deadline",
    ),
    "these limits are not applied": ("duplicate_filter_limit",),
    POSTSCREEN: ("postscreen_allowlist_interfaces",),
    "probes end at the recipient, and have one sender": (
        "address_verify_sender_ttl",
        "lmtp_address_verify_target",
        "smtp_address_verify_target",
    ),
    "outgoing mail does not take these ways": ("best_mx_transport",),
    "hosts are tried in the order of the DNS, IPv4 first": ("lmtp_address_preference", "smtp_address_preference"),
    "connections come from another address where they cannot come from this one": (
        "lmtp_bind_address_enforce",
        "smtp_bind_address_enforce",
    ),
}
UNSERVED |= {
    "addresses are always quoted as RFC 5321 wants it": ("lmtp_quote_rfc821_envelope", "smtp_quote_rfc821_envelope"),
    "old firewalls before other hosts get no other SMTP": tuple(
        f"{program}_pix_{name}"
        for program in ("lmtp", "smtp")
        for name in ("workarounds", "workaround_maps", "workaround_delay_time", "workaround_threshold_time")
    ),
    "hosts are looked up without these": (
        "allow_srv_lookup_fallback",
        "ignore_mx_lookup_error",
        "ignore_srv_lookup_error",
        *(
            f"{program}_{name}"
            for program in ("lmtp", "smtp")
            for name in (
                "balance_inet_protocols",
                "cname_overrides_servername",
                "defer_if_no_mx_address_found",
                "dns_resolver_options",
            )
        ),
        "use_srv_lookup",
    ),
    "mailboxes are locked in one way, for the same time": (
        "deliver_lock_attempts",
        "deliver_lock_delay",
        "mailbox_delivery_lock",
        "stale_lock_time",
        "virtual_mailbox_lock",
    ),
    "local delivery goes without these": (
        "command_execution_directory",
        "command_expansion_filter",
        "default_privs",
        "enable_original_recipient",
        "execution_directory_expansion_filter",
        "frozen_delivered_to",
        "local_command_shell",
        "prepend_delivered_header",
        "require_home_directory",
        "reset_owner_alias",
    ),
    "nobody is told that a delay is over": ("confirm_delay_cleared",),
    "the log has clients without their ports": ("smtpd_client_port_logging",),
    "a message has its queue id from its first recipient on": ("smtpd_delay_open_until_valid_rcpt",),
    "headers are not changed or refused by these": (
        "detect_8bit_encoding_header",
        "force_mime_input_conversion",
        "full_name_encoding_charset",
        "non_empty_end_of_header_action",
        "requiretls_esmtp_header",
        "smtputf8_autodetect_classes",
    ),
    "REQUIRETLS and TLS reports are not served": (
        "requiretls_enable",
        "requiretls_redact_dsn",
        *(
            f"{program}_{name}"
            for program in ("lmtp", "smtp")
            for name in ("requiretls_policy", "tlsrpt_enable", "tlsrpt_skip_reused_handshakes", "tlsrpt_socket_name")
        ),
    ),
    "refusals are not rewritten by tables": ("smtpd_reject_filter_maps",),
    "relocated recipients read the same whatever this says": ("relocated_prefix_enable",),
    "addresses have one form in the log": ("info_log_address_format",),
    "senders of lists are not changed for each recipient (VERP)": ("disable_verp_bounces",),
}

NO_TRANSCRIPTS = "of sessions with other hosts, where mail goes out, the postmaster gets no reports"
UNSERVED[NO_TRANSCRIPTS] = ("notify_classes",)
_TRANSCRIPTS = frozenset(("data", "policy", "protocol", "resource", "software"))
NO_CYRUS = "no client can log in to serve by Cyrus SASL, only by Dovecot's authentication server (smtpd_sasl_type)"
UNSERVED[NO_CYRUS] = ("smtpd_sasl_auth_enable",)
NO_DANE = "certificates are not looked up in the DNS (DANE)"
UNSERVED[NO_DANE] = ("lmtp_tls_security_level", "smtp_tls_security_level")
UNSERVED["TLS by site is not read, only policies"] = ("lmtp_tls_per_site", "smtp_tls_per_site")
# What is done, but not all of it: parameters, and what is missing where they are set.
_PARTLY = {
    "TLS begins by one certificate for all names that clients ask for": ("tls_server_sni_maps",),
    "a client whose certificate nobody vouches for gets no TLS, where Postfix takes it as untrusted": (
        "smtpd_tls_ask_ccert",
        "smtpd_tls_req_ccert",
    ),
    "groups for key exchange and session caches are the TLS library's": (
        "smtpd_tls_dh1024_param_file",
        "smtpd_tls_eecdh_grade",
        "tls_preempt_cipherlist",
        "tls_ssl_options",
    ),
}
UNSERVED |= _PARTLY

# Parameters that need no warning of their own: patterns of names, and the reason.
SILENT: dict[str, str] = {
    r"(?:postscreen|qmqpd|tlsmgr|tlsproxy|postlogd|postmulti|dnsblog)_": "of programs that serve does not stand for",
    r"multi_instance_|alternate_config_directories|fault_injection_code|non_bdb_": "of the same",
    r"authorized_(?:flush|mailq|verp)|smtpd_authorized_verp_clients|fast_flush_": (
        "of commands that serve does not have"
    ),
    r"(?:smtp|lmtp|smtpd)_(?:starttls|tls)_|tls_|(?:smtp|lmtp)_log_tls_": "details of TLS, named where that is on",
    r"(?:smtp|lmtp|smtpd)_sasl_|(?:broken|cyrus|send_cyrus)_sasl_|(?:smtp|lmtp)_send_dummy_mail_auth": (
        "details of logins, which are named where they are on"
    ),
    r"empty_address_local_login_sender_maps_lookup_key": "a key of a table, which is <> unless it is set",
    r"milter_|(?:non_)?smtpd_milter|internal_mail_filter_classes": (
        "details of mail filters, which are named where there are some"
    ),
    r"smtpd_proxy_": "details of the proxy, which is named where there is one",
    r"(?:smtp|lmtp|smtpd)_min_data_rate": "a detail of the deadlines",
    r"(?:smtp|lmtp|smtpd)_per_record_deadline": "what those were called before 3.7",
    r"address_verify_(?:map|cache_cleanup_interval|service_name)": "where Postfix keeps what probes came to",
    r"smtpd_policy_service_": "how a policy service is reached, not what it decides",
    r"connection_cache_(?:protocol|service|status)_": "how mail goes out, not which",
    r"(?:smtp|lmtp)_(?:quit_timeout|skip_quit_response|randomize_addresses)": "of the same",
    r"qmgr_|default_(?:extra_recipient|recipient|recipient_refill)_limit|default_recipient_refill_delay|"
    r"default_delivery_slot_|default_minimum_delivery_slots|destination_concurrency_feedback_debug|"
    r"local_destination_|delay_logging_|queue_file_attribute_count_limit|in_flow_delay|transport_retry_time": (
        "resources inside Postfix"
    ),
    r"(?:ipc_|max_(?:idle|use)|fork_|service_throttle_|daemon_timeout|daemon_table_open|trigger_timeout"
    r"|application_event_|anvil_status_|tcp_windowsize|proxy_(?:read|write)_maps|master_service_disable"
    r"|smtpd_history_flush_|socketmap_max_reply_size)": "of the same",
    r".*_service_name$|service_name$|process_|config_directory|.*_directory$|.*_path$|hash_queue_|lmdb_map_size"
    r"|berkeley_db_|default_cache_db_type|mail_release_date|backwards_bounce_logfile_": "names, folders and files",
    r"syslog_facility|maillog_file|debug|respectful_logging|helpful_warnings|biff$": (
        "of where the log goes and what else is said of what happens: docs/serve.md"
    ),
    r"dns_ncache_|dnssec_probe": "of the resolver's cache and of DANE, which is named",
    r"sendmail_fix_line_endings|sun_mailtool_compatibility|dont_remove|verp_delimiter_filter|default_verp_delimiters": (
        "of commands: docs/sendmail-command.md"
    ),
    r"error_notice_recipient": "of reports to the postmaster, which are named",
    r"cleanup_replace_stray_cr_lf": "yes unless it is set; what leaves has no stray CR and LF here whatever it says",
    r"strict_mailbox_ownership": "yes unless it is set, and no only allows more",
}


def report_unserved(
    configuration: Configuration, services: Iterable[Service], sink: Sink, done: Collection[str] = ()
) -> None:
    """One warning (PF208) a subject that the configuration, or one of ``services`` by its overrides, asks for.

    done  parameters that are acted upon here
    """
    services = list(services)
    fronts = [service.front for service in services if service.front is not None]
    asking = [
        configuration,
        *(configuration.for_service(service) for service in (*services, *fronts) if service.overrides),
    ]
    screened = any(service.front for service in services)
    for subject, parameters in UNSERVED.items():
        if subject == POSTSCREEN and not screened:
            continue
        served = _is_served.get(subject, _never)
        views = [own for own in reversed(asking) if not served(own)]
        asked = {name: own.place(name) for own in views for name in parameters if name not in done and _asks(own, name)}
        if asked:
            names = sorted(asked)
            effect = "not all of the effect" if subject in _PARTLY else "no effect"
            message = f"{subject}: {', '.join(names)} {'has' if len(names) == 1 else 'have'} {effect} here"
            sink.report(PF208, message, asked[names[0]], hint="Postfix may decide otherwise than what is shown")


def report_privileges(configuration: Configuration, sink: Sink, user: int) -> None:
    """What serve cannot do with the rights of ``user``, a numeric id other than root's: such mail waits (PF236).

    Below another root than ``/`` user ids mean nothing, and there is nothing to report.
    """
    programs = {service.program for service in configuration.services if service.kind == "unix"}
    if user == 0 or not configuration.root.is_real or programs.isdisjoint(("local", "virtual")):
        return
    file = configuration.path("master.cf")
    message = f"serve runs as user {user}, not as root: mail for mailboxes, files and commands of other users waits"
    hint = f"start it as root, or deliver by lmtp, or to mailboxes of user {user} (virtual_uid_maps)"
    sink.report(PF236, message, file=file, tree=configuration.root, hint=hint)
    spool = configuration.value("mail_spool_directory")
    by_other_means = any(map(configuration.value, ("home_mailbox", "mailbox_command", "mailbox_transport")))
    if "local" in programs and not by_other_means and not os.access(spool, os.W_OK | os.X_OK):
        message = f"user {user} may not make files in {spool}: mail for a mailbox there waits unless it can be written"
        hint = "set home_mailbox, or let the user's group write there"
        sink.report(PF236, message, file=file, tree=configuration.root, hint=hint)


def _never(configuration: Configuration) -> bool:
    return False


# Subjects that are served after all where this holds.
_is_served: dict[str, Callable[[Configuration], bool]] = {
    NO_CYRUS: lambda own: own.value("smtpd_sasl_type").lower() == DOVECOT,
    NO_TRANSCRIPTS: lambda own: _TRANSCRIPTS.isdisjoint(word.lower() for word in own.words("notify_classes")),
    NO_DANE: lambda own: not any("dane" in own.value(name) for name in UNSERVED[NO_DANE]),
}


def _asks(configuration: Configuration, name: str) -> bool:
    """Whether the parameter is known to this version, and set to something else than its default."""
    if not configuration.is_known(name) or not configuration.is_set(name):
        return False
    value = configuration.value(name)
    return value not in ("", "no", "0", "none") and value != configuration.expand(configuration.default(name), name)

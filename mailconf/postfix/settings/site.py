"""A Postfix configuration as a `Site`: names, address classes, tables by role, limits, services.

Sources: postconf(5), master(5), ADDRESS_CLASS_README. Tables are found where postconf(5) allows ``type:table``: in the
parameters of `TABLE_PARAMETERS`, in the pattern lists of `LIST_PARAMETERS`, and in the restriction lists, those of
restriction classes and of master.cf's overrides included. unionmap and pipemap count with their members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailconf.maps.reference import PROXY, TableRef
from mailconf.model.filtering import NO_FILTERS, FilterHabits, Filtering
from mailconf.model.limits import ClientRates, Limits
from mailconf.model.probing import Probing
from mailconf.model.proxying import ProxySettings
from mailconf.model.site import Masquerade, Milter, Service, Setting, Site, TableUse
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.filters import FilterReader, has_filters
from mailconf.postfix.settings.listeners import listeners
from mailconf.postfix.settings.lists import ListReader
from mailconf.postfix.settings.lookup import MAX_NESTED
from mailconf.postfix.settings.protocol import protocol_options
from mailconf.postfix.settings.security import logins, server_tls
from mailconf.postfix.settings.transports import transports_of
from mailconf.postfix.text.words import split_words, table_spec, unbraced
from mailconf.source import Span
from mailconf.tables.restriction_words import ARGUMENTS, Argument, ArgumentKind

TABLE_PARAMETERS = (
    "alias_database",
    "alias_maps",
    "canonical_maps",
    "fallback_transport_maps",
    "local_login_sender_maps",
    "local_recipient_maps",
    "lmtp_dns_reply_filter",
    "lmtp_generic_maps",
    "mailbox_command_maps",
    "mailbox_transport_maps",
    "rbl_reply_maps",
    "recipient_bcc_maps",
    "recipient_canonical_maps",
    "relay_recipient_maps",
    "relocated_maps",
    "sender_bcc_maps",
    "sender_canonical_maps",
    "sender_dependent_default_transport_maps",
    "sender_dependent_relayhost_maps",
    "smtp_dns_reply_filter",
    "smtp_generic_maps",
    "smtp_sasl_password_maps",
    "smtp_tls_policy_maps",
    "smtpd_discard_ehlo_keyword_address_maps",
    "smtpd_dns_reply_filter",
    "smtpd_reject_footer_maps",
    "smtpd_sender_login_maps",
    "tls_server_sni_maps",
    "transport_maps",
    "virtual_alias_maps",
    "virtual_gid_maps",
    "virtual_mailbox_maps",
    "virtual_uid_maps",
    "header_checks",
    "body_checks",
    "mime_header_checks",
    "nested_header_checks",
    "milter_header_checks",
    "smtp_header_checks",
    "smtp_mime_header_checks",
    "smtp_nested_header_checks",
    "smtp_body_checks",
    "lmtp_header_checks",
    "lmtp_mime_header_checks",
    "lmtp_nested_header_checks",
    "lmtp_body_checks",
)
_CONTENT_CHECKS = ("header_checks", "body_checks", "mime_header_checks", "nested_header_checks")
_TRANSCRIBED = frozenset(("data", "policy", "protocol", "resource", "software"))
LIST_PARAMETERS = (
    "debug_peer_list",
    "mydestination",
    "mynetworks",
    "relay_domains",
    "virtual_alias_domains",
    "virtual_mailbox_domains",
    "smtpd_authorized_xclient_hosts",
    "smtpd_authorized_xforward_hosts",
    "smtpd_client_event_limit_exceptions",
    "smtpd_forbid_bare_newline_exclusions",
    "fast_flush_domains",
    "masquerade_exceptions",
    "postscreen_access_list",
)
RESTRICTION_PARAMETERS = tuple(
    f"smtpd_{stage}_restrictions"
    for stage in ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data", "etrn")
)
# The types that a text file of the same name is built into, and those that read that text themselves.


def site_of(configuration: Configuration) -> Site:
    """The Site that ``configuration`` describes; what is wrong in it has been reported where it was read."""
    c = configuration
    site = Site(
        dialect="postfix",
        directory=c.directory,
        hostname=c.setting("myhostname"),
        domain=c.setting("mydomain"),
        origin=Setting(c.origin(), c.span("myorigin"), "myorigin"),
        listeners=listeners(c),
        local_domains=_listed(c, "mydestination"),
        relay_domains=_listed(c, "relay_domains"),
        virtual_alias_domains=_listed(c, "virtual_alias_domains"),
        virtual_mailbox_domains=_listed(c, "virtual_mailbox_domains"),
        networks=_listed(c, "mynetworks"),
        smart_host=c.setting("relayhost"),
        always_bcc=c.setting("always_bcc"),
        content_filter=c.setting("content_filter"),
        proxy=_proxy(c),
        local_filter=_pickup(c).value("content_filter"),
        is_dropped_at=True,
        local_filtering=_local_filtering(c),
        filters_commands=has_filters(_pickup(c)),
        filtered_notices=frozenset(_cleanup(c).words("internal_mail_filter_classes")),
        maps_commands="no_address_mappings" not in _pickup(c).words("receive_override_options"),
        checks_commands=_checks_commands(c),
        filter_nexthop=c.value("default_filter_nexthop"),
        maps_addresses="no_address_mappings" not in c.words("receive_override_options"),
        ports=c.ports,
        utf8_tables=c.boolean("smtputf8_enable"),
        queue_directory=c.setting("queue_directory"),
        tables=list(tables_of(c)),
        limits=_limits(c),
        protocol=protocol_options(c),
        tls=server_tls(c),
        logins=logins(c),
        peername_lookup=c.boolean("smtpd_peername_lookup"),
        syslog_name=c.value("syslog_name"),
        mail_name=c.value("mail_name"),
        double_bounce_sender=c.value("double_bounce_sender"),
        recipient_delimiter=c.value("recipient_delimiter"),
        remote_header_domain=c.value("remote_header_rewrite_domain"),
        add_missing_headers=c.boolean("always_add_missing_headers"),
        idle_transports=frozenset(c.words("defer_transports")),
        resolves_recipients=True,
        sorts_recipients=True,
        idna2003=c.boolean("enable_idna2003_compatibility"),
        drop_headers=tuple(c.words("message_drop_headers")),
        undisclosed_recipients_header=c.value("undisclosed_recipients_header"),
        probing=_probing(c),
        notify_classes=tuple(c.words("notify_classes")),
        transcribed=_TRANSCRIBED & frozenset(c.words("notify_classes")),
        notice_recipients={
            "error": c.value("error_notice_recipient"),
            "bounce": c.value("bounce_notice_recipient"),
            "2bounce": c.value("2bounce_notice_recipient"),
            "delay": c.value("delay_notice_recipient"),
        },
        luser_relay=c.setting("luser_relay"),
        masquerade=_masquerade(c),
        milters=list(_milters(c)),
    )
    site.transports = transports_of(c, site.limits, _limits)
    return site


def _pickup(c: Configuration) -> Configuration:
    """What the service sees that takes mail from commands, pickup(8)."""
    service = _service(c, "pickup")
    return c.for_service(service) if service is not None and service.overrides else c


def _proxy(c: Configuration) -> ProxySettings | None:
    """The content filter before the queue (SMTPD_PROXY_README): ``host:port``, ``inet:host:port``, ``unix:path``."""
    name = c.value("smtpd_proxy_filter")
    if not name:
        return None
    if name.startswith("unix:"):
        path = name.removeprefix("unix:")
        address = name if path.startswith("/") else f"unix:{c.value('queue_directory')}/{path}"
    else:
        address = f"inet:{name.removeprefix('inet:')}"
    adjusted = "speed_adjust" in c.words("smtpd_proxy_options")
    return ProxySettings(name, address, c.value("smtpd_proxy_ehlo"), c.seconds("smtpd_proxy_timeout"), adjusted)


def _cleanup(c: Configuration) -> Configuration:
    """What the service sees that takes all mail, cleanup(8)."""
    service = _service(c, "cleanup")
    return c.for_service(service) if service is not None and service.overrides else c


def _service(c: Configuration, program: str) -> Service | None:
    return next((service for service in c.services if service.program == program), None)


def _local_filtering(c: Configuration) -> Filtering:
    """The mail filters of mail that no client brings (postconf(5) non_smtpd_milters)."""
    view = _cleanup(c)
    value = view.value("non_smtpd_milters")
    if not value:
        return NO_FILTERS
    found = FilterReader(view, _service(c, "cleanup")).read(value)
    return found._replace(habits=FilterHabits(aborts_always=False, is_local=True))


def _checks_commands(c: Configuration) -> bool:
    """Whether the content of mail of commands is looked at (header_checks(5))."""
    if "no_header_body_checks" in _pickup(c).words("receive_override_options"):
        return False
    return any(_cleanup(c).value(name) for name in _CONTENT_CHECKS)


def _words(c: Configuration, name: str) -> Setting[tuple[str, ...]]:
    return Setting(tuple(c.words(name)), c.span(name), name)


_FEW = 1000  # words that are held one by one


def _listed(c: Configuration, name: str) -> Setting[Sequence[str]]:
    """The words of a pattern list, which may name files."""
    found = c.list_words(name)
    return Setting(tuple(found) if len(found) < _FEW else found, c.span(name), name)


def _masquerade(c: Configuration) -> Masquerade:
    """postconf(5) masquerade_domains: what lies below a domain is replaced by the domain itself, unless ``!``."""
    classes, words, span = c.words("masquerade_classes"), c.words("masquerade_domains"), c.span("masquerade_domains")
    return Masquerade(
        domains=Setting(tuple(w for w in words if w[0] != "!"), span, "masquerade_domains"),
        exceptions=Setting(tuple(w[1:] for w in words if w[0] == "!"), span, "masquerade_domains"),
        users=_listed(c, "masquerade_exceptions"),
        subdomains=True,
        envelope="envelope_sender" in classes,
        recipients="header_recipient" in classes,
        limited=True,
    )


def _milters(c: Configuration) -> Iterator[Milter]:
    """postconf(5) smtpd_milters: sockets, or ``{ socket, name=value, ... }``."""
    for word in split_words(c.value("smtpd_milters")):
        parts = unbraced(word.text).split(",") if word.text[0] == "{" else [word.text]
        socket, *settings = (part.strip() for part in parts)
        pairs = (setting.partition("=") for setting in settings)
        span = c.word_span("smtpd_milters", word.text, word.offset)
        yield Milter("", socket, {key.strip(): value.strip() for key, equals, value in pairs if equals}, span=span)


def _limits(c: Configuration) -> Limits:
    return Limits(
        message_size=max(c.integer("message_size_limit"), 0),
        header_size=c.integer("header_size_limit"),
        header_tokens=c.integer("header_address_token_limit"),
        line_length=c.integer("line_length_limit"),
        mailbox_size=max(c.integer("mailbox_size_limit"), 0),
        recipients=c.integer("smtpd_recipient_limit"),
        session_timeout=c.seconds("smtpd_timeout"),
        soft_errors=c.integer("smtpd_soft_error_limit"),
        hard_errors=c.integer("smtpd_hard_error_limit"),
        error_sleep=c.seconds("smtpd_error_sleep_time"),
        junk_commands=c.integer("smtpd_junk_command_limit"),
        connections=c.integer("default_process_limit"),
        connections_per_client=c.integer("smtpd_client_connection_count_limit"),
        proxy_timeout=c.seconds("smtpd_upstream_proxy_timeout"),
        client_rates=_client_rates(c),
        queue_run_delay=c.seconds("queue_run_delay"),
        minimal_backoff=c.seconds("minimal_backoff_time"),
        maximal_backoff=c.seconds("maximal_backoff_time"),
        queue_lifetime=c.seconds("maximal_queue_lifetime"),
        bounce_lifetime=c.seconds("bounce_queue_lifetime"),
        destination_concurrency=c.integer("default_destination_concurrency_limit"),
        hop_count=c.integer("hopcount_limit"),
        room=max(c.integer("queue_minfree"), -(-3 * max(c.integer("message_size_limit"), 0) // 2)),
        virtual_mailbox_size=max(c.integer("virtual_mailbox_limit"), 0),
        bounce_size=c.integer("bounce_size_limit"),
        delay_warning=c.seconds("delay_warning_time"),
        command_time=c.seconds("command_time_limit"),
        destination_recipients=c.integer("default_destination_recipient_limit"),
    )


def probe_sender(c: Configuration) -> str:
    """The sender of probes as main.cf has it, "" for the null sender."""
    sender = c.value("address_verify_sender")
    return "" if sender == "<>" else sender


def completed(address: str, origin: str) -> str:
    """An address with the domain of local ones, where it has none."""
    return f"{address}@{origin}" if address and "@" not in address else address


def _probing(c: Configuration) -> Probing:
    pending = "address_verify_pending_request_limit"
    return Probing(
        sender=completed(probe_sender(c), c.origin()),
        lasting=bool(c.value("address_verify_map")),
        positive_expire=c.seconds("address_verify_positive_expire_time"),
        positive_refresh=c.seconds("address_verify_positive_refresh_time"),
        negative_expire=c.seconds("address_verify_negative_expire_time"),
        negative_refresh=c.seconds("address_verify_negative_refresh_time"),
        remembers_failures=c.boolean("address_verify_negative_cache"),
        pending=c.integer(pending) if c.is_known(pending) else 5000,
    )


def _client_rates(c: Configuration) -> ClientRates:
    names = ("smtpd_client_ipv4_prefix_length", "smtpd_client_ipv6_prefix_length")
    prefixes = [c.integer(name) if c.is_known(name) else bits for name, bits in zip(names, (32, 128), strict=True)]
    logins = "smtpd_client_auth_rate_limit"
    return ClientRates(
        unit=c.seconds("anvil_rate_time_unit"),
        connections=c.integer("smtpd_client_connection_rate_limit"),
        messages=c.integer("smtpd_client_message_rate_limit"),
        recipients=c.integer("smtpd_client_recipient_rate_limit"),
        logins=c.integer(logins) if c.is_known(logins) else 0,
        handshakes=c.integer("smtpd_client_new_tls_session_rate_limit"),
        ipv4_prefix=prefixes[0],
        ipv6_prefix=prefixes[1],
    )


def tables_of(configuration: Configuration) -> Iterator[TableUse]:
    """Every table that the configuration names, main.cf's first, in the order of `postconf -n`'s parameters."""
    yield from _tables_in(configuration, None)
    for service in configuration.services:
        if service.overrides:
            yield from _tables_in(configuration.for_service(service), service)


def _tables_in(c: Configuration, service: Service | None) -> Iterator[TableUse]:
    """The tables of one view; of a service's, only those that its overrides name."""
    for name in TABLE_PARAMETERS:
        if service is None or name in service.overrides:
            yield from _uses(c, name, name, bare=True)
    for name in LIST_PARAMETERS:
        if service is None or name in service.overrides:
            yield from _uses(c, name, name, bare=False)
    classes = c.words("smtpd_restriction_classes")
    for name in (*RESTRICTION_PARAMETERS, *classes):
        if service is None or name in service.overrides:
            yield from _restriction_tables(c, name)


def _uses(c: Configuration, name: str, role: str, *, bare: bool) -> Iterator[TableUse]:
    default_type = c.value("default_database_type")
    seen: set[str] = set()
    for word in split_words(c.value(name)):
        text = word.text.lstrip("!")
        if text in seen:
            continue  # the same table again has nothing to add, and may be there any number of times
        seen.add(text)
        if bare and ":" not in text and name != "alias_database":
            continue  # Postfix does not open it: only newaliases(1) takes a default type
        span = c.word_span(name, word.text, word.offset)
        if bare or TableRef.looks_like_one(text):
            yield from _members(table_spec(text, default_type), role, span)
        elif text.startswith("/"):
            for found in ListReader(c.read_list).words(text, tables=True):
                if TableRef.looks_like_one(found.text):
                    yield from _members(found.text, role, span)


def _restriction_tables(c: Configuration, name: str) -> Iterator[TableUse]:
    takes: Argument | None = None
    before = ""
    for word in split_words(c.value(name)):
        table = takes is not None and takes.kind is ArgumentKind.TABLE and ":" in word.text
        if table or (takes is None and TableRef.looks_like_one(word.text) and word.text[0] != "{"):
            role = before if table else name
            yield from _members(word.text, role, c.word_span(name, word.text, word.offset))
        argument = takes is not None and (takes.kind is not ArgumentKind.TABLE or ":" in word.text)
        before = word.text.lower()
        takes = None if argument else ARGUMENTS.get(before)


def _members(table: str, role: str, span: Span | None, depth: int = 0, *, proxied: bool = False) -> Iterator[TableUse]:
    """A table, and those that it is made of."""
    ref = TableRef.parse(table)
    proxied |= ref.type == PROXY
    ref = ref.direct
    yield TableUse(ref, role, ref.name if ref.kind.built else None, span, proxied=proxied)
    if ref.kind.composite and depth < MAX_NESTED:
        for member in split_words(unbraced(ref.name)):
            yield from _members(member.text, role, span, depth + 1, proxied=proxied)

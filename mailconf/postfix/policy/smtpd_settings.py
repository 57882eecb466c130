"""What smtpd(8)'s decisions need of main.cf, read once."""

from __future__ import annotations

from typing import NamedTuple

from mailconf.postfix.parameters.releases import REPLIES_OF_ZONES
from mailconf.postfix.policy.dns_filter import DnsFilter
from mailconf.postfix.policy.reply_templates import allowed_characters
from mailconf.postfix.policy.resolve import Resolver
from mailconf.postfix.policy.rewrite import Rewriter
from mailconf.postfix.settings.classes import Domains
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.lists import ListKind, PatternList
from mailconf.postfix.settings.security import server_level
from mailconf.postfix.settings.site import completed, probe_sender
from mailconf.postfix.settings.transports import address_types

# The codes of refusals.
CODES = (
    "access_map_defer_code",
    "access_map_reject_code",
    "defer_code",
    "invalid_hostname_reject_code",
    "maps_rbl_reject_code",
    "multi_recipient_bounce_reject_code",
    "non_fqdn_reject_code",
    "plaintext_reject_code",
    "reject_code",
    "relay_domains_reject_code",
    "unknown_address_reject_code",
    "unknown_client_reject_code",
    "unknown_hostname_reject_code",
    "unknown_local_recipient_reject_code",
    "unknown_relay_recipient_reject_code",
    "unknown_virtual_alias_reject_code",
    "unknown_virtual_mailbox_reject_code",
    "unverified_recipient_defer_code",
    "unverified_recipient_reject_code",
    "unverified_sender_defer_code",
    "unverified_sender_reject_code",
)


class Unverified(NamedTuple):
    """What is answered of an address that no probe has found good.

    reject_code, defer_code  the parameters that have the codes
    reason                   what is said in the place of what the probe came to
    tempfail_action          what is done where that is not known
    """

    reject_code: str
    defer_code: str
    reason: str
    tempfail_action: str


class Settings:
    """One configuration's, or one service's; the names are those of postconf(5)."""

    def __init__(self, domains: Domains, rewriter: Rewriter, resolver: Resolver) -> None:
        c: Configuration = domains.configuration
        self.domains = domains
        self.rewriter = rewriter
        self.resolver = resolver
        self.codes = {name: c.integer(name) for name in CODES}
        self.soft_bounce = c.boolean("soft_bounce")
        self.delay_reject = c.boolean("smtpd_delay_reject")
        self.helo_required = c.boolean("smtpd_helo_required")
        self.relay_first = c.boolean("smtpd_relay_before_recipient_restrictions")
        self.reject_unlisted_recipient = c.boolean("smtpd_reject_unlisted_recipient")
        self.takes_unlisted = "no_unknown_recipient_checks" in c.words("receive_override_options")
        self.reject_unlisted_sender = c.boolean("smtpd_reject_unlisted_sender")
        self.show_table_name = c.boolean("show_user_unknown_table_name")
        self.allow_untrusted_routing = c.boolean("allow_untrusted_routing")
        logged = "smtpd_log_access_permit_actions"
        self.logged_permissions = domains.list(logged, ListKind.STRING) if c.is_known(logged) else None
        self.null_access_key = c.value("smtpd_null_access_lookup_key")
        self.access_subdomains = "smtpd_access_maps" in domains.subdomain_lists
        self.sasl = c.boolean("smtpd_sasl_auth_enable")
        self.sasl_exceptions = domains.list("smtpd_sasl_exceptions_networks", ListKind.HOST)
        self.proxied = bool(c.value("smtpd_proxy_filter"))  # mail goes on before it is queued
        filters = "smtpd_sasl_mechanism_filter"
        self.sasl_filter = domains.list(filters, ListKind.STRING) if c.is_known(filters) else None
        self.sasl_broken_clients = c.boolean("broken_sasl_auth_clients")
        self.starttls = server_level(c) != "none" and not c.boolean("smtpd_tls_wrappermode")
        self.relay_certificates = domains.tables("relay_clientcerts")
        self.double_bounce = c.value("double_bounce_sender").lower()
        self.hostname = c.value("myhostname")
        self.message_size_limit = c.integer("message_size_limit")
        self.disable_vrfy = c.boolean("disable_vrfy_command")
        self.smtputf8 = c.boolean("smtputf8_enable")
        self.banner = c.value("smtpd_banner")
        self.reject_footer = c.raw("smtpd_reject_footer")
        self.expansion_filter = allowed_characters(c.raw("smtpd_expansion_filter"))
        self.default_rbl_reply = c.raw("default_rbl_reply")
        self.policy_default_action = c.value("smtpd_policy_service_default_action")
        self.policy_context = c.value("smtpd_policy_service_policy_context")
        self.tempfail_address = c.value("unknown_address_tempfail_action")
        self.unverified_sender = Unverified(
            "unverified_sender_reject_code",
            "unverified_sender_defer_code",
            c.value("unverified_sender_reject_reason"),
            c.value("unverified_sender_tempfail_action"),
        )
        self.unverified_recipient = Unverified(
            "unverified_recipient_reject_code",
            "unverified_recipient_defer_code",
            c.value("unverified_recipient_reject_reason"),
            c.value("unverified_recipient_tempfail_action"),
        )
        self.patience = max(c.integer("address_verify_poll_count") - 1, 0) * c.seconds("address_verify_poll_delay")
        own = {completed(sender, c.origin()).casefold() for sender in (self.double_bounce, probe_sender(c))}
        self.probe_senders = frozenset(own - {""})  # which are never probed
        self.tempfail_helo = c.value("unknown_helo_hostname_tempfail_action")
        self.xclient_hosts = domains.list("smtpd_authorized_xclient_hosts", ListKind.HOST)
        self.xforward_hosts = domains.list("smtpd_authorized_xforward_hosts", ListKind.HOST)
        self.limit_exceptions = self._exclusions("smtpd_client_event_limit_exceptions")
        self.bare_newline_exclusions = self._exclusions("smtpd_forbid_bare_newline_exclusions")
        self.mx_backup_networks = domains.list("permit_mx_backup_networks", ListKind.HOST)
        self.mx_backup_limited = bool(c.value("permit_mx_backup_networks"))  # even by a list in which nothing counts
        self.discard_keywords = frozenset(word.lower() for word in c.words("smtpd_discard_ehlo_keywords"))
        self.discard_keyword_maps = domains.tables("smtpd_discard_ehlo_keyword_address_maps")
        self.canonical = domains.tables("canonical_maps")
        self.recipient_canonical = domains.tables("recipient_canonical_maps")
        self.sender_canonical = domains.tables("sender_canonical_maps")
        self.virtual_alias = domains.tables("virtual_alias_maps")
        self.virtual_mailbox = domains.tables("virtual_mailbox_maps")
        self.local_recipients = domains.tables("local_recipient_maps")
        self.relay_recipients = domains.tables("relay_recipient_maps")
        self.sender_login = domains.tables("smtpd_sender_login_maps")
        self.rbl_replies = domains.tables("rbl_reply_maps")
        self.rbl_replies_of_zones = c.postfix.version >= REPLIES_OF_ZONES
        self.reject_footers = domains.tables("smtpd_reject_footer_maps")
        self.rbl_domains = c.words("maps_rbl_domains")
        self.dns_filter = DnsFilter("smtpd_dns_reply_filter", domains.tables("smtpd_dns_reply_filter"))
        self.address_types = address_types(c)
        self.warned: set[str] = set()  # what a server warns of once

    def _exclusions(self, name: str) -> PatternList:
        """A list of clients; where it is mynetworks, that is compiled already, and its mistakes have been reported."""
        c = self.domains.configuration
        if c.value(name) == c.value("mynetworks"):
            return self.domains.networks
        return self.domains.list(name, ListKind.HOST, parents_as="mynetworks")

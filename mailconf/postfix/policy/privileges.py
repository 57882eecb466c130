"""What a client may do beyond sending mail: the lists of clients in main.cf, asked by `Policy.may`.

All of it as Postfix 3.7.11 does it; the caller decides what a list that cannot be asked leads to:

- XCLIENT, XFORWARD  smtpd_authorized_xclient_hosts, smtpd_authorized_xforward_hosts
- BARE_NEWLINES      smtpd_forbid_bare_newline_exclusions
- UNLIMITED          smtpd_client_event_limit_exceptions: connections are not counted
- SUBMIT             authorized_submit_users, by the user's name
- LOCAL_HEADERS      local_header_rewrite_clients: header addresses without a domain get the local one. Its words are
                     permit_inet_interfaces, permit_mynetworks, permit_sasl_authenticated, and tables, which are asked
                     for the client's address, with or without check_address_map before them. Certificates are not
                     known here: permit_tls_clientcerts and permit_tls_all_clientcerts never hold
"""

from __future__ import annotations

from collections.abc import Iterator

from mailconf.maps.reference import TableRef
from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.policy import Privilege
from mailconf.model.session import Session
from mailconf.model.world import Ask, EmptyResult, LookupFailed
from mailconf.postfix.policy.smtpd_settings import Settings
from mailconf.postfix.settings.lists import ListKind
from mailconf.postfix.settings.lookup import is_pattern
from mailconf.postfix.text.words import split_words, table_spec

_ADDRESS_MAP = "check_address_map"


class Privileges:
    """The lists of one smtpd service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lists = {
            Privilege.XCLIENT: settings.xclient_hosts,
            Privilege.XFORWARD: settings.xforward_hosts,
            Privilege.BARE_NEWLINES: settings.bare_newline_exclusions,
            Privilege.UNLIMITED: settings.limit_exceptions,
        }
        configuration = settings.domains.configuration
        self._submitters = settings.domains.list("authorized_submit_users", ListKind.STRING)
        words = split_words(configuration.value("local_header_rewrite_clients"))
        texts = [word.text for word in words if word.text.lower() != _ADDRESS_MAP]
        default_type = configuration.value("default_database_type")
        self._local = [table_spec(text, default_type) if TableRef.looks_like_one(text) else text for text in texts]

    def distinguishes(self) -> Iterator[Distinction]:
        """What `may` looks at: the client's name and address, and whether it has logged in."""
        domains = self._settings.domains
        for patterns in self._lists.values():
            yield from domains.looks_at(patterns, Dimension.NAME, Dimension.CLIENT)
        yield from domains.looks_at(self._submitters, Dimension.LOGIN, part=Key.WHOLE)
        rule, span = "local_header_rewrite_clients", domains.configuration.span("local_header_rewrite_clients")
        for word in self._local:
            name = word.lower()
            if name == "permit_inet_interfaces":
                for address in sorted(domains.own_addresses):
                    yield Distinction(rule, Dimension.CLIENT, Form.LITERAL, address, (Key.WHOLE,), span=span)
            elif name == "permit_mynetworks":
                yield from domains.looks_at(domains.networks, Dimension.NAME, Dimension.CLIENT)
            elif name == "permit_sasl_authenticated":
                yield Distinction(rule, Dimension.LOGIN, Form.SYNTAX, exact=False, span=span)
            elif TableRef.looks_like_one(word):
                form = Form.PATTERN if is_pattern(word) else Form.TABLE
                yield Distinction(rule, Dimension.CLIENT, form, word, (Key.WHOLE,), span=span)

    async def may(self, session: Session, privilege: Privilege, ask: Ask) -> bool:
        """See `mailconf.model.policy.Policy.may`. Raises LookupFailed."""
        name, address = session.client_name.text, session.client_address
        key = "may", self, privilege, name, address, session.sasl_username
        return await ask.remembered(key, lambda: self._may(session, privilege, ask))

    async def _may(self, session: Session, privilege: Privilege, ask: Ask) -> bool:
        if privilege is Privilege.LOCAL_HEADERS:
            return await self._is_local(session, ask)
        if privilege is Privilege.SUBMIT:
            return bool(session.sasl_username) and await self._submitters.match(ask, session.sasl_username)
        return await self._lists[privilege].match_host(ask, session.client_name.text, session.client_address)

    async def _is_local(self, session: Session, ask: Ask) -> bool:
        domains = self._settings.domains
        for word in self._local:
            name = word.lower()
            if name == "permit_inet_interfaces":
                found = session.client_address in domains.own_addresses
            elif name == "permit_mynetworks":
                found = await domains.networks.match_host(ask, session.client_name.text, session.client_address)
            elif name == "permit_sasl_authenticated":
                found = self._settings.sasl and bool(session.sasl_username)
            else:
                found = TableRef.looks_like_one(word) and await self._has(ask, word, session.client_address)
            if found:
                return True
        return False

    @staticmethod
    async def _has(ask: Ask, table: str, address: str) -> bool:
        answer = await ask.lookup(table, address)
        if answer.failed:
            ask.warn(f'{table} lookup error for "{address}"')
            raise LookupFailed(table, answer.reason)
        if answer.found and not answer.value:
            raise EmptyResult(table, address)
        return answer.found

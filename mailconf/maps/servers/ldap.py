"""``ldap``: a search in a directory (ldap_table(5)), through libldap as the original (package python-ldap).

The values of the result attributes of all entries found are the answer. An attribute of ``special_result_attribute``
holds DNs or LDAP URLs, which are searched in turn. An entry with a terminal attribute gives only those; leaf attributes
count in entries without special ones.

Departure: a lookup that needs more than `SEARCHES` searches fails; the original limits only their depth, and groups
that contain each other take it exponential time.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.maps.servers.client_config import ClientConfig
from mailconf.maps.servers.query import QueryTable, Template
from mailconf.source import decode

SEARCHES = 10_000  # for one key

_BINDS = {"no": "none", "none": "none", "yes": "simple", "simple": "simple", "sasl": "sasl"}
_SCOPES = {"base": 0, "one": 1, "sub": 2}
_ANY_ENTRY = "(objectclass=*)"
_IN_FILTERS = re.compile(rb"[*()\\\0]")
_IN_NAMES = re.compile(rb'[,+"\\<>;=]|^[ #]|[ ]\Z')
_IGNORED = ("cache", "cache_expiry", "cache_size")


class _Search(NamedTuple):
    base: str
    scope: int
    filter: str
    attributes: list[str]
    depth: int
    special: str  # the attribute that asked for it, and its value; empty for the key's own search


class _Entry(NamedTuple):
    attributes: dict[str, list[bytes]]
    depth: int


class LdapTable(QueryTable):
    """The table that ``name`` describes."""

    type = "ldap"

    def __init__(self, name: str, opening: Opening) -> None:
        config = ClientConfig(name, opening)
        try:
            self._ldap: Any = import_module("ldap")
            self._url: Any = import_module("ldapurl").LDAPUrl
        except ImportError as problem:
            raise UnsupportedMap(f"ldap tables need mailconf[ldap]: {problem}") from problem
        super().__init__(name, config, opening, function="dict_ldap_lookup")
        base = config.text("search_base")
        self._base = Template(name, base, "query") if base else None
        self._filter = Template(name, config.text("query_filter", "mailacceptinggeneralid=%s"), "query")
        self._ordinary = _names(config.text("result_attribute", "maildrop"))
        self._special = _names(config.text("special_result_attribute"))
        self._terminal = _names(config.text("terminal_result_attribute"))
        self._leaf = _names(config.text("leaf_result_attribute"))
        self._configure(config)
        self._warn_of_oddities(config)
        self._turn = threading.Lock()
        self._connection: Any = None

    def _configure(self, config: ClientConfig) -> None:
        self._servers = _servers(config)
        self._scope = _SCOPES.get(config.text("scope", "sub").lower(), 2)
        self._timeout = config.number("timeout", 10, least=0)
        self._recursion_limit = config.number("recursion_limit", 1000, least=1)
        self._size_limit = config.number("size_limit", self._limit, least=0)
        self._version = config.number("version", 3, least=2)
        dereference = config.number("dereference", 0)
        self._dereference = dereference if 0 <= dereference <= 3 else 0
        self._referrals = config.boolean("chase_referrals", False)
        bind = config.text("bind", "yes").lower()
        if bind not in _BINDS:
            raise TemporaryFailure(f"{self.name}: unsupported parameter value: bind = {bind}")
        self._bind = _BINDS[bind]
        self._bind_dn, self._bind_pw = config.text("bind_dn"), config.text("bind_pw")
        self._sasl = {part: config.text(f"sasl_{part}") for part in ("mechs", "realm", "authz_id")}
        self._start_tls = config.boolean("start_tls", False)
        self._tls = {
            "CACERTFILE": config.text("tls_ca_cert_file"),
            "CACERTDIR": config.text("tls_ca_cert_dir"),
            "CERTFILE": config.text("tls_cert"),
            "KEYFILE": config.text("tls_key"),
            "CIPHER_SUITE": config.text("tls_cipher_suite"),
        }
        self._verify = config.boolean("tls_require_cert", False)

    def _warn_of_oddities(self, config: ClientConfig) -> None:
        place = f"dict_ldap_open: {self.name}"
        scope = config.text("scope", "sub")
        if scope.lower() not in _SCOPES:
            self._opening.warn(f"{place}: Unrecognized value {scope} specified for scope; using sub")
        dereference = config.number("dereference", 0)
        if not 0 <= dereference <= 3:
            self._opening.warn(f"{place} Unrecognized value {dereference} specified for dereference; using 0")
        if not re.search(rb"%[^%]", self._filter.text):
            self._opening.warn(f"{place}: Fixed query_filter {decode(self._filter.text)} is probably useless")
        for name in _IGNORED:
            if config.get(name) is not None:
                self._opening.warn(f"{place} ignoring {name}")

    def lookup(self, key: bytes) -> bytes | None:
        asked = self._asked(key)
        if asked is None:
            return None
        base = self._base.expand(asked, asked, _quoted_name) if self._base else b""
        filter = self._filter.expand(asked, asked, _quoted_value)
        if base is None or filter is None:
            return None
        wanted = [*self._ordinary, *self._special, *self._terminal, *self._leaf]
        search = _Search(base.decode(), self._scope, filter.decode(), wanted, 0, "")
        with self._turn:
            return self._joined(asked, self._values(search))

    def close(self) -> None:
        self._hang_up()
        super().close()

    def _values(self, first: _Search) -> Iterator[bytes]:
        """The values of all entries, depth first. What is to be done yet lies on a stack, its next item last."""
        waiting: list[_Search | _Entry | bytes] = [first]
        searches = 0
        while waiting:
            item = waiting.pop()
            if isinstance(item, bytes):
                yield item
            elif isinstance(item, _Entry):
                waiting += reversed(list(self._expanded(item)))
            else:
                searches += 1
                if searches > SEARCHES:
                    raise self._failed(f"more than {SEARCHES} searches for one key")
                waiting += reversed([_Entry(entry, item.depth + 1) for entry in self._found(item)])

    def _expanded(self, entry: _Entry) -> Iterator[bytes | _Search]:
        """What an entry gives: values, and searches for what its special attributes name."""
        lists = {name.lower(): values for name, values in entry.attributes.items()}
        terminal = [name for name in lists if name in self._terminal]
        if terminal:
            wanted = set(terminal)
        elif any(name in self._special for name in lists):
            wanted = {*self._ordinary, *self._special}
        else:
            wanted = {*self._ordinary, *self._leaf}
        for name, values in lists.items():
            if name not in wanted:
                continue
            if name in self._special and not terminal:
                yield from (self._special_search(name, value, entry.depth) for value in values)
            else:
                yield from values

    def _special_search(self, name: str, value: bytes, depth: int) -> _Search:
        text = decode(value)
        what = f"{name}={text}"
        if depth >= self._recursion_limit:
            words = f"Recursion limit exceeded for special attribute {what}"
            raise TemporaryFailure(f"dict_ldap_get_values[{depth}]: {self.name}: {words}")
        wanted = [*self._ordinary, *self._special, *self._terminal, *self._leaf]
        if not re.match(r"ldap[si]?://", text, re.IGNORECASE):
            return _Search(text, 0, _ANY_ENTRY, wanted, depth, what)
        try:
            url = self._url(text)
        except ValueError as problem:
            raise TemporaryFailure(f"dict_ldap_get_values[{depth}]: {self.name}: malformed URL {text}") from problem
        if url.attrs and "*" not in url.attrs:
            chosen = {attribute.lower() for attribute in url.attrs}
            wanted = [attribute for attribute in wanted if attribute in chosen]
        return _Search(url.dn or "", url.scope or 0, url.filterstr or _ANY_ENTRY, wanted or ["1.1"], depth, what)

    def _found(self, search: _Search) -> list[dict[str, list[bytes]]]:
        """The entries that a search finds."""
        ldap = self._ldap
        for attempt in (1, 2):
            try:
                if self._connection is None:
                    self._connection = self._connected()
                found = self._connection.search_ext_s(
                    search.base,
                    search.scope,
                    search.filter,
                    search.attributes,
                    sizelimit=self._size_limit,
                    timeout=self._timeout or -1,
                )
            except ldap.NO_SUCH_OBJECT as problem:
                return self._nothing(search, problem)
            except ldap.SERVER_DOWN as problem:  # the server may have closed a connection that was idle
                self._hang_up()
                if attempt == 2:
                    raise self._failed(f"Search error: {_words(problem)}") from problem
            except ldap.LDAPError as problem:
                self._hang_up()
                raise self._failed(f"Search error: {_words(problem)}") from problem
            else:
                return [attributes for name, attributes in found if name is not None]  # None: a referral
        raise AssertionError  # the second attempt returns or raises

    def _nothing(self, search: _Search, problem: Exception) -> list[dict[str, list[bytes]]]:
        """The base does not exist: for a base made from the key that is an answer."""
        if search.special:
            place = f"dict_ldap_get_values[{search.depth}]"
            self._opening.warn(f"{place}: DN {search.base} not found, skipping")
        elif self._base is None or not re.search(rb"%[^%]", self._base.text):
            raise self._failed(f"Search base '{search.base}' not found: {_words(problem)}") from problem
        return []

    def _connected(self) -> Any:
        ldap = self._ldap
        connection = ldap.initialize(self._servers)
        try:
            connection.protocol_version = self._version
            connection.set_option(ldap.OPT_NETWORK_TIMEOUT, float(self._timeout or -1))
            connection.set_option(ldap.OPT_DEREF, self._dereference)
            connection.set_option(ldap.OPT_REFERRALS, int(self._referrals))
            if self._start_tls or "ldaps:" in self._servers:
                self._set_tls(connection)
            if self._start_tls:
                connection.start_tls_s()
        except ldap.LDAPError as problem:
            words = f"Unable to set STARTTLS: {_words(problem)}"
            raise TemporaryFailure(f"dict_ldap_connect: {self.name}: {words}") from problem
        try:
            if self._bind == "simple":
                connection.simple_bind_s(self._bind_dn, self._bind_pw)
            elif self._bind == "sasl":
                self._bind_sasl(connection)
        except ldap.LDAPError as problem:
            dn = self._bind_dn or "empty or implicit"
            words = f"Unable to bind to server {self._servers} with dn {dn}: {_words(problem)}"
            raise TemporaryFailure(f"dict_ldap_connect: {words}") from problem
        return connection

    def _set_tls(self, connection: Any) -> None:
        ldap = self._ldap
        for name, value in self._tls.items():
            if value:
                connection.set_option(getattr(ldap, f"OPT_X_TLS_{name}"), value)
        demand = ldap.OPT_X_TLS_DEMAND if self._verify else ldap.OPT_X_TLS_NEVER
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, demand)
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)

    def _bind_sasl(self, connection: Any) -> None:
        sasl: Any = import_module("ldap.sasl")
        answers = {
            sasl.CB_USER: self._sasl["authz_id"],
            sasl.CB_AUTHNAME: self._bind_dn,
            sasl.CB_PASS: self._bind_pw,
            sasl.CB_GETREALM: self._sasl["realm"],
        }
        connection.sasl_interactive_bind_s("", sasl.sasl(answers, self._sasl["mechs"]))

    def _hang_up(self) -> None:
        if self._connection is not None:
            try:
                self._connection.unbind_s()
            except self._ldap.LDAPError:
                pass  # it is gone already
            self._connection = None


def _names(text: str) -> list[str]:
    """A list of attributes, in small letters."""
    return text.lower().replace(",", " ").split()


def _servers(config: ClientConfig) -> str:
    """The URLs of the servers, separated by blanks."""
    port = config.number("server_port", 389, least=0)
    urls = []
    for server in config.text("server_host", "localhost").replace(",", " ").split():
        if "://" in server:
            urls.append(server)
        else:
            urls.append(f"ldap://{server}" if re.search(r":[0-9]+\Z", server) else f"ldap://{server}:{port}")
    return " ".join(urls)


def _quoted_value(text: bytes) -> bytes:
    """Text in a filter (RFC 4515)."""
    return _IN_FILTERS.sub(lambda match: b"\\%02x" % ord(match[0]), text)


def _quoted_name(text: bytes) -> bytes:
    """Text in a distinguished name (RFC 4514)."""
    return _IN_NAMES.sub(lambda match: b"\\%02x" % ord(match[0]), text)


def _words(problem: BaseException) -> str:
    """libldap's words for an error."""
    details = problem.args[0] if problem.args and isinstance(problem.args[0], dict) else {}
    words = details.get("desc", str(problem))
    return f"{words}: {details['info']}" if details.get("info") else str(words)

"""What smtp(8) and lmtp(8) ask of TLS and logins at the next host: levels, policies by destination, passwords.

The level of a destination is that of the first entry in smtp_tls_policy_maps for the nexthop as it is written or, where
it is a name without a port, for a parent domain behind a dot; else smtp_tls_security_level. DANE is not served: its
levels count as those that smtp(8) has where no DNSSEC is (may; dane-only delivers nothing), which PF208 says.

A password is looked up by the sender, if that is asked for, then by the host, then by the nexthop. No trace has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mailconf.model.security import Credentials, HopAsked, HopLogin, HopSecurity, HopTls, KeyFiles, Problem, TlsLevel
from mailconf.model.world import Ask, LookupFailed
from mailconf.postfix.settings.classes import Domains
from mailconf.postfix.settings.lists import ListKind
from mailconf.postfix.settings.lookup import parents
from mailconf.postfix.settings.security import terms
from mailconf.postfix.settings.transports import HELLO, SILENT, keywords

_LEVELS = {
    "none": TlsLevel.NONE,
    "may": TlsLevel.MAY,
    "encrypt": TlsLevel.ENCRYPT,
    "fingerprint": TlsLevel.FINGERPRINT,
    "verify": TlsLevel.VERIFY,
    "secure": TlsLevel.SECURE,
    "dane": TlsLevel.MAY,
    "half-dane": TlsLevel.MAY,
}
_ATTRIBUTES = frozenset(("match", "exclude", "protocols", "ciphers", "servername", "tafile", "connection_reuse"))
_UNUSABLE = "dane-only"
REMEMBERED = 1000  # answers about TLS, which follow from the configuration alone
_PROBLEM = "client TLS configuration problem"


class BadPolicy(Exception):
    """An entry, or the level in main.cf, cannot be acted by; the message is the reason."""


class HopSecurities:
    """Those of one delivery service: ``prefix`` is "smtp" or "lmtp"."""

    def __init__(self, domains: Domains, prefix: str) -> None:
        c = self._c = domains.configuration
        self._prefix = prefix
        self._policies = domains.tables(f"{prefix}_tls_policy_maps", prefix)
        self._passwords = domains.tables(f"{prefix}_sasl_password_maps", prefix)
        self._logs_in = c.boolean(f"{prefix}_sasl_auth_enable")
        self._by_sender = c.boolean(f"{prefix}_sender_dependent_authentication")
        self._filter = frozenset(word.upper() for word in c.words(f"{prefix}_sasl_mechanism_filter")) or None
        self._final = not c.boolean(f"{prefix}_sasl_auth_soft_bounce")
        self._wrapper = c.boolean(f"{prefix}_tls_wrappermode")
        delimiter = f"{prefix}_sasl_password_result_delimiter"  # since 3.9
        self._delimiter = (c.value(delimiter) if c.is_known(delimiter) else "") or ":"
        self._main_level = self._level()
        self._known: dict[tuple[str | None, str, str], HopTls] = {}  # by entry, host and domain
        self._kept = domains.list(f"{prefix}_connection_cache_destinations", ListKind.STRING)
        reuse = f"{prefix}_tls_connection_reuse"  # since 3.4
        self._reuse = c.is_known(reuse) and c.boolean(reuse)
        self._discarded = f"{prefix}_discard_{HELLO[prefix]}_keyword_address_maps"
        self._withheld = domains.tables(self._discarded)

    def _value(self, name: str) -> str:
        return self._c.value(f"{self._prefix}_{name}")

    async def of(self, asked: HopAsked, ask: Ask) -> HopSecurity:
        """See `mailconf.model.policy.Policy.security`. Raises LookupFailed."""
        keep = bool(self._kept) and await self._kept.match(ask, asked.domain.lower())
        if not asked.port:
            return HopSecurity(keep=keep)
        try:
            tls = await self._tls(asked, ask)
        except (LookupFailed, BadPolicy) as bad:
            if isinstance(bad, BadPolicy):
                ask.warn(f'{self._prefix}_tls_policy_maps, next-hop destination "{asked.destination}": {bad}')
            ask.warn(f"TLS policy lookup for {asked.destination}/{asked.host}: {_PROBLEM}")
            return HopSecurity(problem=Problem(_PROBLEM, "4.7.5"))
        if self._wrapper and tls.level < TlsLevel.ENCRYPT:
            ask.warn(
                f'{self._prefix}_tls_wrappermode requires "{self._prefix}_tls_security_level = encrypt" (or stronger)'
            )
            return HopSecurity(problem=Problem("server unavailable or unable to receive mail", "4.3.0"))
        withheld = await self._without(asked.address, ask)
        return HopSecurity(tls, await self._login(asked, ask), keep=keep, **withheld)

    async def _without(self, address: str, ask: Ask) -> dict[str, Any]:
        """The extensions that count as not offered by a host, where a table has its address. Raises LookupFailed."""
        found = await self._withheld.find(ask, address) if self._withheld else None
        if found is None:
            return {}
        words = keywords(re.split(r"[,\s]+", found.value.strip()))
        return {"withheld": words - {SILENT, ""}, "silently": SILENT in words}

    # TLS

    async def _tls(self, asked: HopAsked, ask: Ask) -> HopTls:
        entry = await self._policy(asked, ask) if self._policies else None
        key = entry, asked.host, asked.domain
        known = self._known.get(key)
        if known is None:
            known = self._of_entry(entry, asked)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = known
        return known

    def _of_entry(self, entry: str | None, asked: HopAsked) -> HopTls:
        """By an entry of the policy maps; None: by the level of main.cf. Raises BadPolicy."""
        word = self._main_level
        attributes: dict[str, list[str]] = {}
        if entry is not None:
            word, attributes = _parsed(entry)
        if word == _UNUSABLE:
            raise BadPolicy("DANE is not served")
        level = _LEVELS.get(word)
        if level is None:
            raise BadPolicy(f'invalid security level "{word}"')
        return self._made(level, attributes, asked)

    def _level(self) -> str:
        level = self._value("tls_security_level").lower()
        if level:
            return level
        if self._c.boolean(f"{self._prefix}_enforce_tls"):
            return "verify" if self._c.boolean(f"{self._prefix}_tls_enforce_peername") else "encrypt"
        return "may" if self._c.boolean(f"{self._prefix}_use_tls") else "none"

    async def _policy(self, asked: HopAsked, ask: Ask) -> str | None:
        found = await self._policies.find(ask, asked.destination)
        if found is None and asked.destination == asked.domain:
            for parent in parents(asked.domain):
                found = await self._policies.find(ask, f".{parent}", partial=True)
                if found is not None:
                    break
        return None if found is None else found.value

    def _made(self, level: TlsLevel, attributes: dict[str, list[str]], asked: HopAsked) -> HopTls:
        mandatory = level >= TlsLevel.ENCRYPT
        match = tuple(self._matches(level, attributes.get("match", []), asked))
        if level is TlsLevel.FINGERPRINT and not match:
            raise BadPolicy("configured at fingerprint security level, but with no fingerprints to match")
        known = terms(
            self._c,
            self._prefix,
            mandatory=mandatory,
            protocols=" ".join(attributes.get("protocols", ())),
            grade=" ".join(attributes.get("ciphers", ())),
        )
        excluded = [word for text in attributes.get("exclude", ()) for word in re.split(r"[:,\s]+", text) if word]
        ciphers = ":".join([known.ciphers, *(f"!{word}" for word in excluded)])
        return HopTls(
            level=level,
            match=match,
            terms=known._replace(ciphers=ciphers),
            ca_file=self._value("tls_CAfile"),
            ca_folder=self._value("tls_CApath"),
            keys=tuple(self._keys()),
            wrapper=self._wrapper,
            digest=self._value("tls_fingerprint_digest").lower(),
            server_name=self._server_name(attributes, asked),
            logged=int(self._value("tls_loglevel")[:1]) if self._value("tls_loglevel")[:1].isdigit() else 0,
            timeout=self._c.seconds(f"{self._prefix}_starttls_timeout"),
            reuse=self._reuses(attributes),
        )

    def _matches(self, level: TlsLevel, given: list[str], asked: HopAsked) -> Iterator[str]:
        if level is TlsLevel.FINGERPRINT:
            listed = given or self._c.words(f"{self._prefix}_tls_fingerprint_cert_match")
            yield from (word.upper() for text in listed for word in re.split(r"[|,\s]+", text) if word)
            return
        if level < TlsLevel.VERIFY:
            return
        name = "tls_verify_cert_match" if level is TlsLevel.VERIFY else "tls_secure_cert_match"
        listed = given or self._c.words(f"{self._prefix}_{name}")
        for word in (word for text in listed for word in re.split(r"[:,\s]+", text) if word):
            if word == "hostname":
                yield asked.host.lower()
            elif word == "nexthop":
                yield asked.domain.lower()
            elif word == "dot-nexthop":
                yield f".{asked.domain.lower()}"
            else:
                yield word.lower()

    def _server_name(self, attributes: dict[str, list[str]], asked: HopAsked) -> str:
        parameter = f"{self._prefix}_tls_servername"
        word = (attributes.get("servername") or [self._c.value(parameter) if self._c.is_known(parameter) else ""])[0]
        return {"hostname": asked.host, "nexthop": asked.domain}.get(word, word)

    def _reuses(self, attributes: dict[str, list[str]]) -> bool:
        given = attributes.get("connection_reuse", [""])[-1].lower()
        return self._reuse if given not in ("yes", "no") else given == "yes"

    def _keys(self) -> Iterator[KeyFiles]:
        chains = f"{self._prefix}_tls_chain_files"
        if self._c.is_known(chains) and (words := self._c.words(chains)):
            yield from (KeyFiles(name, name) for name in words)
            return
        for kind in ("", "ec", "d"):
            if certificate := self._value(f"tls_{kind}cert_file"):
                yield KeyFiles(certificate, self._value(f"tls_{kind}key_file") or certificate)

    # Logins

    async def _login(self, asked: HopAsked, ask: Ask) -> HopLogin | None:
        if not self._logs_in or not self._passwords:
            return None
        found = await self._password(asked, ask)
        if not found:
            return None
        user, _, password = found.partition(self._delimiter)
        return HopLogin(
            Credentials(user, password),
            options=self._options(""),
            tls_options=self._options("tls_"),
            verified_options=self._options("tls_verified_"),
            mechanisms=self._filter,
            final=self._final,
        )

    def _options(self, when: str) -> frozenset[str]:
        words = self._c.words(f"{self._prefix}_sasl_{when}security_options")
        return frozenset(word.lower() for word in words)

    async def _password(self, asked: HopAsked, ask: Ask) -> str:
        keys = [asked.sender, f"@{asked.sender.rpartition('@')[2]}"] if self._by_sender and asked.sender else []
        for key in (*keys, asked.host, asked.destination):
            found = await self._passwords.find(ask, key, secret=True)
            if found is not None:
                return found.value
        return ""


def _parsed(entry: str) -> tuple[str, dict[str, list[str]]]:
    """An entry's level and its attributes. Raises BadPolicy."""
    level, *words = re.split(r"[,\s]+", entry.strip())
    attributes: dict[str, list[str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in _ATTRIBUTES or not value:
            problem = f'invalid attribute name: "{name}"' if equals else f'malformed attribute/value pair "{word}"'
            raise BadPolicy(problem)
        attributes.setdefault(name, []).append(value)
    return level.lower(), attributes

"""TLS and logins with other hosts, as the rulesets of a sendmail.cf want them: try_tls, clt_features, tls_server,
tls_rcpt, authinfo.

TLS begins where a host offers it, unless try_tls or clt_features is against it. Whether that is good enough tls_server
says, which is asked where there is no TLS, too, and tls_rcpt for each recipient. A message whose handshake fails waits:
it does not go without TLS. A login is that of authinfo, or of the file DefaultAuthInfo; a host that refuses it for good
gets the mail without.

Source: Sendmail Installation and Operation Guide 5.1.4.10 to 5.1.4.15, 5.6; sendmail 8.17.1.9, sending.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mailconf.model.security import (
    Credentials,
    HopAgreed,
    HopAsked,
    HopLogin,
    HopSecurity,
    HopTls,
    KeyFiles,
    Problem,
    TlsLevel,
)
from mailconf.model.session import Session
from mailconf.model.world import Ask
from mailconf.sendmail.policy.asked_world import AskedWorld
from mailconf.sendmail.policy.session_check import Check, check
from mailconf.sendmail.policy.session_heard import Heard
from mailconf.sendmail.policy.session_state import latin, modern
from mailconf.sendmail.policy.session_tls import tls_macros
from mailconf.sendmail.rules.kinds_stored import trusting
from mailconf.sendmail.rules.symbols import MAILER
from mailconf.sendmail.rules.tokens import Reading
from mailconf.sendmail.rules.world import Unable
from mailconf.smtp.reply import Reply

if TYPE_CHECKING:
    from mailconf.sendmail.policy.settings import Compiled

_MECHANISMS = "EXTERNAL GSSAPI KERBEROS_V4 DIGEST-MD5 CRAM-MD5"
_STATUS, _LOGIN_STATUS = "4.7.0", "4.3.0"
_PLAIN = {0: "NONE", 4: "TEMP", 5: "PROTOCOL"}  # {verify} without TLS, by the reply to STARTTLS
_FIELDS = 5  # lines of DefaultAuthInfo


class _Hop:
    """The questions about one host."""

    def __init__(self, policy: Compiled, asked: HopAsked, ask: Ask) -> None:
        self.policy = policy
        self.world = AskedWorld(policy.files)
        self.world.ask = ask
        self.heard = Heard()
        self.engine = policy.engine(self.world, self.heard.problems)
        self.name = _bracketed(latin(asked.host))
        self.define({"server_name": self.name, "server_addr": asked.address or asked.host})
        self.define({"h": latin(asked.domain), "f": latin(asked.sender)})

    def define(self, values: Mapping[str, str | None]) -> None:
        for name, value in values.items():
            self.engine.macros.define(name, value)

    async def refusal(self, ruleset: str, argument: str) -> Reply | None:
        """What a ruleset refuses with; None where it does not."""
        self.heard.clear()
        await check(self.engine, Check(ruleset, (argument,)))
        return self.heard.refusal()

    def note(self, ruleset: str, argument: str, refusal: Reply) -> str:
        """A refusal, for the log."""
        asked = f"ruleset={ruleset}, arg1={argument}, relay={modern(self.name)}"
        return f"{asked}, reject={refusal.code} {modern(refusal.text)}"

    async def words(self, ruleset: str) -> list[str] | None:
        """The words that a ruleset resolves to, asked about the host; None where it resolves to nothing."""
        self.heard.clear()
        checked = await check(self.engine, Check(ruleset, (self.name,), Reading.KEEPING))
        if self.heard.refused or len(checked.workspace) < 2 or checked.workspace[0][:1] != MAILER:
            return None
        return list(checked.workspace[1:])


def _bracketed(host: str) -> str:
    """A host's name; an address as it is written in one's place."""
    if ":" in host:
        return f"[IPv6:{host}]"
    return f"[{host}]" if host.replace(".", "").isdigit() else host


async def security(policy: Compiled, asked: HopAsked, ask: Ask) -> HopSecurity:
    """What a delivery to one host asks for."""
    hop = _Hop(policy, asked, ask)
    features = await hop.words("clt_features") or []
    tried = "S" not in features and await hop.refusal("try_tls", hop.name) is None
    login = None if "A" in features else await _login(hop)
    return HopSecurity(_tls(policy, TlsLevel.MAY if tried else TlsLevel.NONE), login, asked=asked)


def _tls(policy: Compiled, level: TlsLevel) -> HopTls:
    value = {name: text.strip() for name, text in policy.book.options.items()}
    certificate, key = value.get("ClientCertFile", ""), value.get("ClientKeyFile", "")
    keys = (KeyFiles(certificate.partition(",")[0], key.partition(",")[0]),) if certificate and key else ()
    return HopTls(
        level,
        ca_file=value.get("CACertFile", ""),
        ca_folder=value.get("CACertPath", ""),
        keys=keys,
        logged=1,
        any=True,
        retries=False,
        status=_STATUS,
    )


def _problem(refusal: Reply) -> Problem:
    return Problem(f"{refusal.code} {modern(refusal.text)}", refusal.status if refusal.permanent else _STATUS)


async def agreed(
    policy: Compiled, asked: HopAsked, found: Session | None, recipients: Sequence[str], ask: Ask
) -> HopAgreed:
    """Whether the TLS that is in force is good enough, None for none, for the host and for each recipient."""
    hop = _Hop(policy, asked, ask)
    if found is None:
        hop.define({"verify": _PLAIN[asked.refused // 100]})
    else:
        hop.define(tls_macros(policy, found))
    verify = hop.engine.macros.named("verify") or ""
    refusal = await hop.refusal("tls_server", verify)
    if refusal is not None:
        return HopAgreed(_problem(refusal), notes=(hop.note("tls_server", verify, refusal),))
    refused, notes = {}, []
    for each in recipients:
        refusal = await hop.refusal("tls_rcpt", latin(each))
        if refusal is not None:
            refused[each] = _problem(refusal)
            notes.append(hop.note("tls_rcpt", each, refusal))
    return HopAgreed(None, refused, tuple(notes))


async def _login(hop: _Hop) -> HopLogin | None:
    words = await hop.words("authinfo")
    fields = _fields(words) if words else await _default(hop)
    user = fields.get("I") or fields.get("U")
    password = fields.get("P")
    if not user or password is None:
        return None
    wanted = fields.get("M") or hop.policy.book.options.get("AuthMechanisms") or _MECHANISMS
    mechanisms = frozenset(wanted.upper().split())
    other = modern(fields.get("U", ""))
    credentials = Credentials(modern(user), modern(password))
    return HopLogin(credentials, mechanisms=mechanisms, other=other, status=_LOGIN_STATUS, goes_on=True)


def _fields(words: list[str]) -> dict[str, str]:
    """What authinfo says: ``"U:user" "I:id" "P:password" "R:realm" "M:mechanisms"``; with ``=`` in base64."""
    found: dict[str, str] = {}
    for word in words:
        text = word.strip('"')
        key, separator, value = text[:1].upper(), text[1:2], text[2:]
        if separator == "=":
            try:
                value = base64.b64decode(value.encode("latin-1"), validate=True).decode("latin-1")
            except (binascii.Error, ValueError):
                continue
        if key and separator in (":", "=") and key in "UIPRM":
            found[key] = value
    return found


async def _default(hop: _Hop) -> dict[str, str]:
    """The lines of the file DefaultAuthInfo: user, id, password, realm, mechanisms."""
    name = hop.policy.book.options.get("DefaultAuthInfo", "").strip()
    if not name:
        return {}
    try:
        data, _ = await hop.world.read(name, trusting(hop.engine))
    except Unable:
        return {}
    lines = data.decode("latin-1").split("\n")[:_FIELDS]
    return {key: value for key, value in zip("UIPRM", lines, strict=False) if value}

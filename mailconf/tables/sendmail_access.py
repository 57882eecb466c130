"""The access table of sendmail 8.17 (FEATURE(access_db)): ``Tag:key value``, as its rulesets ask for it.

A key is an address or a part of one, a domain with all its subdomains, an IP address or the first octets of one (an
IPv6 address starts with ``IPv6:``). Keys without a tag serve Connect, From and To; others are asked for with theirs.

- Connect:, From:, To:     OK, RELAY, REJECT, DISCARD, SKIP, QUARANTINE:text, ERROR:D.S.N:code text, ``code text``
- Spam:                    FRIEND, HATER (FEATURE(delay_checks))
- ClientRate:, ClientConn:, GreetPause:   a number; a key may be empty
- TLS_Clt:, TLS_Srv:, TLS_Rcpt:           VERIFY, VERIFY:bits, ENCR:bits and more; a key may be empty
- Try_TLS:, Srv_Features:, Clt_Features:, TLS_Clt_Features:, TLS_Srv_Features:, AuthInfo:   not looked into here
- CERTISSUER:, CERTSUBJECT:  RELAY, the first also SUBJECT

Any other value refuses the mail with itself for a text: ``OK # friends`` does. (Found with ``sendmail -bt``.)
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from mailconf import possessive
from mailconf.diagnostics import alike, error, warning
from mailconf.edits import misspelled
from mailconf.tables.check import TB014, never_asked
from mailconf.tables.sides import Side, SideFault, Sides, parse_side

TB060 = error("TB060", "a tag of sendmail's access table without a key")
"""Why: a blank after the tag ends the key: the key is the tag alone, which no lookup asks for, and the rest is the
value.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    Connect: 192.0.2.1 REJECT

Remedy: write the key after the colon without a blank: Connect:192.0.2.1

Source: cf/README, access_db; observed with sendmail 8.17.1.9 -bt.
"""

TB061 = error("TB061", "an action of sendmail's access table that does not exist")
"""Why: sendmail takes a value that it does not know for the text of a refusal: the client is refused with that text,
even where OK was meant.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    Connect:192.0.2.1 RELY

Remedy: write OK, RELAY, REJECT, DISCARD, QUARANTINE:text, ERROR:D.S.N:code text, or a reply with its code.

Source: cf/README, "ANTI-SPAM CONFIGURATION CONTROL"; cf/m4/proto.m4 of sendmail 8.17.
"""

TB062 = error("TB062", "QUARANTINE or ERROR without a text, in sendmail's access table")
"""Why: QUARANTINE and ERROR need a text after the colon. Without one, sendmail answers with what is left over from
the address.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    From:example.com ERROR:

Remedy: write for example ERROR:5.7.1:550 not wanted here

Source: cf/README, "ANTI-SPAM CONFIGURATION CONTROL"; observed with sendmail 8.17.1.9 -bt.
"""

TB063 = error("TB063", "a limit of sendmail's access table that is no number")
"""Why: the tags ClientRate, ClientConn and GreetPause have a number for value. Without one, the limit does not hold.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    ClientRate:192.0.2.1 many

Remedy: write a number; 0 is no limit.

Source: cf/README, ratecontrol, conncontrol, greet_pause.
"""

TB064 = error("TB064", "a value of the tag Spam that has no effect")
"""Why: the tag Spam takes FRIEND or HATER. Other values have no effect.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    Spam:abuse@example.com OK

Remedy: write FRIEND or HATER, as FEATURE(`delay_checks') was given it.

Source: cf/README, delay_checks; observed with sendmail 8.17.1.9 -bt.
"""

TB065 = error("TB065", "a value of a TLS tag that requires nothing")
"""Why: the value of a TLS tag names which encryption or which verified certificate is required. Another text requires
nothing, and the mail goes without TLS.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    TLS_Rcpt:example.com SECURE

Remedy: write for example ENCR:256 or VERIFY:256, with PERM+ or TEMP+ before it for the kind of refusal.

Source: cf/README, "STARTTLS", "Allowing Connections"; observed with sendmail 8.17.1.9 -bt.
"""

TB066 = warning("TB066", "a tag of sendmail's access table that looks like a misspelling")
"""Why: no ruleset of the library asks for a key with this tag; one that is nearly the same exists.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    Conect:192.0.2.1 REJECT

Remedy: correct the tag.

Source: cf/README, access_db.
"""

TB067 = error("TB067", "a certificate's entry in sendmail's access table that allows nothing")
"""Why: an entry of CertIssuer takes RELAY or SUBJECT, one of CertSubject takes RELAY. Other values allow nothing.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    CertSubject:/C=DE/CN=mail.example.com OK

Remedy: write RELAY; SUBJECT for an issuer whose subjects are looked up.

Source: cf/README, "STARTTLS", "Relaying".
"""

TB068 = warning("TB068", "ERROR whose code becomes a part of the text, in sendmail's access table")
"""Why: without the second colon, the status code becomes a part of the text, and the client gets the code of the
ruleset.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    From:example.com ERROR:5.7.1 550 not wanted here

Remedy: write a colon after the status code: ERROR:5.7.1:550 not wanted here

Source: cf/README, "ANTI-SPAM CONFIGURATION CONTROL"; observed with sendmail 8.17.1.9 -bt.
"""

SM041 = error("SM041", "a user and password for SMTP AUTH that sendmail does not understand")
"""Why: the value has items in double quotes, each of a letter, a colon or an equals sign, and a text: U the user, I the
identity, P the password, R the realm, M the mechanisms. Without quotes around each item, without a password, or with
neither U nor I, sendmail does not authenticate, and the relay refuses the mail.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    AuthInfo:smtp.example.net U:ann P:secret

Remedy: write AuthInfo:smtp.example.net "U:ann" "P:secret"

Source: cf/README, authinfo, "Providing SMTP AUTH Data when sendmail acts as Client".
"""

_MAIL, _SPAM, _NUMBER, _TLS, _CERT, _OTHER, _AUTH = (
    "action",
    "spam",
    "number",
    "tls",
    "certificate",
    "other",
    "authinfo",
)
TAGS = {
    "connect": _MAIL,
    "from": _MAIL,
    "to": _MAIL,
    "spam": _SPAM,
    "clientrate": _NUMBER,
    "clientconn": _NUMBER,
    "greetpause": _NUMBER,
    "tls_clt": _TLS,
    "tls_srv": _TLS,
    "tls_rcpt": _TLS,
    "try_tls": _OTHER,
    "srv_features": _OTHER,
    "clt_features": _OTHER,
    "tls_clt_features": _OTHER,
    "tls_srv_features": _OTHER,
    "authinfo": _AUTH,
    "certissuer": _CERT,
    "certsubject": _CERT,
}
_NAMES = ("Connect", "From", "To", "Spam", "ClientRate", "ClientConn", "GreetPause", "AuthInfo")
# Tags without a key are looked up for some, and for others where a site has built its .cf so.
_NO_DEFAULT = frozenset({"connect", "from", "to", "certissuer", "certsubject"})

PLAIN = possessive.compile(
    r"(?:(?:connect|from|to):)?(?:[\w+=-][\w.+=-]*@)?(?:[\w-]++\.)*+[a-z][\w-]*\t(?:OK|RELAY|REJECT|DISCARD)"
    r"|(?:connect:)?[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}\t(?:OK|RELAY|REJECT|DISCARD)",
    re.ASCII | re.IGNORECASE,
)
PLAIN_KEY = possessive.compile(
    r"(?:(?:connect|from|to):)?(?:(?:[\w+=-][\w.+=-]*@)?(?:[\w-]++\.)*+[a-z][\w-]*|[0-9]{1,3}(?:\.[0-9]{1,3}){0,3})",
    re.ASCII | re.IGNORECASE,
)
_ITEM = re.compile(r'"([A-Za-z])[:=][^"]*"')
_TAG = re.compile(r"([A-Za-z_]+):", re.ASCII)
_STATUS = re.compile(r"[245]\.[0-9]+\.[0-9]+\s")
_NETWORK = re.compile(r"\[?[0-9.]+\]?/[0-9.]+|(?:ipv6:)?[0-9a-f:]+/[0-9]+", re.IGNORECASE)
_BARE_IPV6 = possessive.compile(r"(?:[0-9a-f]{1,4}:){2}[0-9a-f:]*|(?:[0-9a-f]{1,4}:)++:[0-9a-f:]*|::[0-9a-f:]*", re.I)
_NEVER_ASKED = [
    (re.compile(r"[0-9]+(?:\.[0-9]+){0,2}\."), "write the octets alone: 192.0.2"),
    (re.compile(r"<.*>", re.DOTALL), "write the address without < and >; the null sender is not looked up"),
    (re.compile(r"@.*", re.DOTALL), "write the domain alone: example.com"),
    (re.compile(r"\*.*", re.DOTALL), "write the domain alone: it stands for its subdomains too"),
    (re.compile(r".*[^.]\.", re.DOTALL), "leave out the dot at the end"),
    (re.compile(r"[^@]+@\..*", re.DOTALL), "an address is looked up whole; a domain stands for its subdomains too"),
]


class AccessKey(NamedTuple):
    """``tag`` in lower case, empty for a key without one."""

    tag: str
    subject: str


class AccessAction(NamedTuple):
    """What an entry does: ``name`` in upper case (OK, REJECT, ERROR, REPLY, FRIEND, VERIFY, LIMIT, ...).

    status  the enhanced status code of an ERROR
    text    of an ERROR, a QUARANTINE or a REPLY with its code; of others the value
    """

    name: str
    status: str = ""
    text: str = ""


def split_key(text: str) -> AccessKey:
    """A key's tag and what it is about; ``IPv6:`` is no tag."""
    found = _TAG.match(text)
    if found is None or found[1].lower() == "ipv6":
        return AccessKey("", text)
    return AccessKey(found[1].lower(), text[found.end() :])


def read_key(text: str) -> Side:
    """The key of an entry: `AccessKey`."""
    key = split_key(text)
    if key.tag and key.tag not in TAGS:
        if near := alike(key.tag, [name.lower() for name in _NAMES], n=1, cutoff=0.7):
            name = next(name for name in _NAMES if name.lower() == near[0])
            hint = f"no ruleset of the library asks for it; did you mean {name}:?"
            better = f"{meant}:" if (meant := misspelled(key.tag, _NAMES)) else ""
            return Side(
                key, (SideFault(TB066, f"there is no tag {text[: len(key.tag)]}", hint, 0, len(key.tag) + 1, better),)
            )
        return Side(key)
    if key.tag in _NO_DEFAULT and not key.subject:
        hint = "the key follows the colon without a blank; what follows a blank is taken for the value"
        return Side(key, (SideFault(TB060, f"there is nothing after {text}", hint),))
    fault = _subject_fault(key.subject) if TAGS.get(key.tag, _MAIL) not in (_CERT, _OTHER, _AUTH) else None
    return Side(key, (fault,) if fault else ())


def _subject_fault(text: str) -> SideFault | None:
    if _NETWORK.fullmatch(text):
        hint = "this table knows no /length: write the first octets (192.0.2), or the first groups (IPv6:2001:db8)"
        return SideFault(TB014, f"{text} matches nothing: no lookup asks for it", hint)
    if _BARE_IPV6.fullmatch(text):
        return never_asked(text, f"write IPv6:{text}")
    return next((never_asked(text, hint) for pattern, hint in _NEVER_ASKED if pattern.fullmatch(text)), None)


def read_value(key: str, value: str) -> Side:
    """The value of the entry with this key: `AccessAction`."""
    tag = split_key(key).tag
    kind = TAGS.get(tag, _MAIL if not tag else _OTHER)
    text = value.strip()
    if kind == _OTHER:
        return Side(AccessAction("", text=text))
    if kind == _AUTH:
        return Side(AccessAction("", text=text), _login_faults(text))
    if kind == _NUMBER:
        if text.isascii() and text.isdigit():
            return Side(AccessAction("LIMIT", text=text))
        return Side(None, (SideFault(TB063, f'"{text}" is no number', "write a number; 0 is no limit"),))
    if kind == _CERT:
        allowed = ("RELAY", "SUBJECT") if tag == "certissuer" else ("RELAY",)
        if text.upper() in allowed:
            return Side(AccessAction(text.upper(), text=text))
        return Side(None, (SideFault(TB067, f"{text} allows nothing here", f"write {' or '.join(allowed)}"),))
    return _read(kind, text)


def _login_faults(text: str) -> tuple[SideFault, ...]:
    """What is wrong with the items of an AuthInfo."""
    example = 'write "U:user" "P:password", each in double quotes'
    if text.count('"') % 2:
        return (SideFault(SM041, "a double quote is open", "close it: each item has its own pair of quotes"),)
    rest = _ITEM.sub("", text).strip()
    if rest:
        return (SideFault(SM041, f"{rest.split()[0]} is no item in double quotes", example),)
    letters = {found[1] for found in _ITEM.finditer(text)}
    if unknown := sorted(letters - set("UIPRM")):
        return (SideFault(SM041, f"there is no item {unknown[0]}", "the items are U, I, P, R and M"),)
    if "P" not in letters:
        return (SideFault(SM041, "there is no password", example),)
    if not letters & {"U", "I"}:
        return (SideFault(SM041, "there is neither a user nor an identity", example),)
    return ()


def read_login(text: str) -> Side:
    """The value of a table of FEATURE(authinfo)."""
    return Side(AccessAction("", text=text.strip()), _login_faults(text.strip()))


def read_login_key(text: str) -> Side:
    """The key of a table of FEATURE(authinfo)."""
    key = split_key(text)
    if key.tag != "authinfo":
        return Side(key, (never_asked(text, f"write AuthInfo:{key.subject}"),))
    if key.subject[:1] == "[" or (re.search(r":\d+$", key.subject) and not key.subject.lower().startswith("ipv6:")):
        name = key.subject.partition("]")[0].strip("[") if key.subject[:1] == "[" else key.subject.rpartition(":")[0]
        return Side(key, (never_asked(text, f"the server is asked for by its name or address alone: AuthInfo:{name}"),))
    return Side(key)


@lru_cache(maxsize=4096)
def _read(kind: str, text: str) -> Side:
    tree = parse_side("sendmail_access", kind, text)
    if isinstance(tree, SideFault):
        return Side(None, (tree,))
    words = {token.type: str(token) for token in tree.tokens()}
    if tree.data == "quarantine":
        return Side(AccessAction("QUARANTINE", text=words["TEXT"]))
    if tree.data == "error":
        status, reason = words.get("STATUS", ""), words["TEXT"]
        faults: tuple[SideFault, ...] = ()
        if not status and _STATUS.match(reason):
            hint = "write a colon between them: ERROR:5.7.1:550 text"
            faults = (SideFault(TB068, f'the text is "{reason}", with its code', hint),)
        return Side(AccessAction("ERROR", status, reason), faults)
    if kind == _TLS:
        name = next((name for name in ("VERIFY", "ENCR") if name in words), "OK")
        return Side(AccessAction(name, text=text))
    if "REPLY" in words or "QUOTED" in words:
        return Side(AccessAction("REPLY", text=text))
    return Side(AccessAction(next(iter(words.values())).upper()))


ACCESS = Sides(read_key, plain_key=PLAIN_KEY, plain_value=PLAIN, by_key=read_value, easy_keys=True)
LOGINS = Sides(read_login_key, read_login, plain_key=re.compile(r"authinfo:[\w.-]*", re.IGNORECASE), easy_keys=True)

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
from mailconf.tables.check import TB014, never_asked
from mailconf.tables.sides import Fault, Side, Sides, parse_side

TB060 = error("TB060", "a tag of sendmail's access table without a key")
TB061 = error("TB061", "an action of sendmail's access table that does not exist")
TB062 = error("TB062", "QUARANTINE or ERROR without a text, in sendmail's access table")
TB063 = error("TB063", "a limit of sendmail's access table that is no number")
TB064 = error("TB064", "a value of the tag Spam that has no effect")
TB065 = error("TB065", "a value of a TLS tag that requires nothing")
TB066 = warning("TB066", "a tag of sendmail's access table that looks like a slip of the pen")
TB067 = error("TB067", "a certificate's entry in sendmail's access table that allows nothing")

TB068 = warning("TB068", "ERROR whose code becomes a part of the text, in sendmail's access table")

_MAIL, _SPAM, _NUMBER, _TLS, _CERT, _OTHER = "action", "spam", "number", "tls", "certificate", "other"
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
    "authinfo": _OTHER,
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
    """A key's tag and what it is about; ``IPv6:`` is none."""
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
            return Side(key, (Fault(TB066, f"there is no tag {text[: len(key.tag)]}", hint, 0, len(key.tag) + 1),))
        return Side(key)
    if key.tag in _NO_DEFAULT and not key.subject:
        hint = "the key follows the colon without a blank; what stands behind the blank is taken for the value"
        return Side(key, (Fault(TB060, f"there is nothing behind {text}", hint),))
    fault = _subject_fault(key.subject) if TAGS.get(key.tag, _MAIL) not in (_CERT, _OTHER) else None
    return Side(key, (fault,) if fault else ())


def _subject_fault(text: str) -> Fault | None:
    if _NETWORK.fullmatch(text):
        hint = "this table knows no /length: write the first octets (192.0.2), or the first groups (IPv6:2001:db8)"
        return Fault(TB014, f"{text} matches nothing: no lookup asks for it", hint)
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
    if kind == _NUMBER:
        if text.isascii() and text.isdigit():
            return Side(AccessAction("LIMIT", text=text))
        return Side(None, (Fault(TB063, f'"{text}" is no number', "write a number; 0 is no limit"),))
    if kind == _CERT:
        allowed = ("RELAY", "SUBJECT") if tag == "certissuer" else ("RELAY",)
        if text.upper() in allowed:
            return Side(AccessAction(text.upper(), text=text))
        return Side(None, (Fault(TB067, f"{text} allows nothing here", f"write {' or '.join(allowed)}"),))
    return _read(kind, text)


@lru_cache(maxsize=4096)
def _read(kind: str, text: str) -> Side:
    tree = parse_side("sendmail_access", kind, text)
    if isinstance(tree, Fault):
        return Side(None, (tree,))
    words = {token.type: str(token) for token in tree.tokens()}
    if tree.data == "quarantine":
        return Side(AccessAction("QUARANTINE", text=words["TEXT"]))
    if tree.data == "error":
        status, reason = words.get("STATUS", ""), words["TEXT"]
        faults: tuple[Fault, ...] = ()
        if not status and _STATUS.match(reason):
            hint = "write a colon between them: ERROR:5.7.1:550 text"
            faults = (Fault(TB068, f'the text is "{reason}", with its code', hint),)
        return Side(AccessAction("ERROR", status, reason), faults)
    if kind == _TLS:
        name = next((name for name in ("VERIFY", "ENCR") if name in words), "OK")
        return Side(AccessAction(name, text=text))
    if "REPLY" in words or "QUOTED" in words:
        return Side(AccessAction("REPLY", text=text))
    return Side(AccessAction(next(iter(words.values())).upper()))


ACCESS = Sides(read_key, plain_key=PLAIN_KEY, plain_value=PLAIN, by_key=read_value, easy_keys=True)

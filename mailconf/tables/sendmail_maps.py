"""virtusertable, genericstable, mailertable, domaintable and userdb of sendmail 8.17, as its rulesets use them.

- virtusertable: ``user@domain``, ``user+detail@domain``, ``user+*@domain``, ``user++@domain`` (a detail that is not
  empty), ``+*@domain``, ``++@domain``, ``@domain``; one address, or ``error:code text`` or ``error:D.S.N:text``. ``%0``
  is the key that was asked for, ``%1`` the user, ``%2`` the detail, ``%3`` the detail with its ``+``.
- genericstable: ``user``, ``user@domain``, ``user+*@domain``, ``@domain``; one address. ``%1`` is the detail of the
  third, the user of the last, and empty for others.
- mailertable: ``domain``, ``.domain``, ``.``; ``mailer:host``, ``error:code:text``, ``local:user``. For ``.domain``
  ``%1`` is what comes before it. A value without a mailer is ignored.
- domaintable: one name for another.
- userdb: ``name:maildrop`` with addresses, ``name:mailname`` with one.

(Found with ``sendmail -bt`` and ``-bv``.)
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mailconf import possessive
from mailconf.diagnostics import Severity, declare, error, warning
from mailconf.tables.check import TB022, TB025, never_asked
from mailconf.tables.sides import Side, SideFault, Sides, parse_side

TB130 = error("TB130", "a value that is not one address, in a table of sendmail")
"""Why: the value of these tables is one address. sendmail refuses mail for the key where it is something else: "553
5.1.3 Invalid route address".

Example:
    # sendmail.mc
    FEATURE(`virtusertable')dnl
    # /etc/mail/virtusertable
    info@example.com ann, bob

Remedy: write one address; put several into an alias, and write that alias here.

Source: cf/README, virtusertable, genericstable; observed with sendmail 8.17.1.9 -bt.
"""

TB131 = error("TB131", "error: without a code and a text, in a virtusertable")
"""Why: error: needs a code and a text for the sender. Without a text, sendmail puts the address in its place.

Example:
    # sendmail.mc
    FEATURE(`virtusertable')dnl
    # /etc/mail/virtusertable
    old@example.com error:nouser

Remedy: write error:nouser 550 text, or error:5.1.1:550 text

Source: cf/README, virtusertable; observed with sendmail 8.17.1.9 -bt.
"""

TB132 = error("TB132", "a value of the domaintable that is no domain")
"""Why: the domaintable replaces one domain by another. A value that is no domain gives addresses that do not exist.

Example:
    # sendmail.mc
    FEATURE(`domaintable')dnl
    # /etc/mail/domaintable
    old.example.com ann@example.com

Remedy: write the name of a domain.

Source: cf/README, domaintable; observed with sendmail 8.17.1.9 -bt.
"""

TB133 = warning("TB133", "a parameter that is always empty")
"""Why: %1 and the others stand for what the key leaves open. With this key there is nothing for it to stand for.

Example:
    # sendmail.mc
    FEATURE(`genericstable')dnl
    # /etc/mail/genericstable
    ann %1@example.com

Remedy: write the user's name, or a key such as @domain that leaves it open.

Source: cf/README, virtusertable, genericstable, mailertable; observed with sendmail 8.17.1.9 -bt.
"""

TB140 = error("TB140", "a value of the mailertable without a mailer")
"""Why: sendmail ignores a value without "mailer:": mail for the domain takes the usual way.

Example:
    # sendmail.mc
    FEATURE(`mailertable')dnl
    # /etc/mail/mailertable
    example.net mail.example.net

Remedy: write the mailer and a colon before the host: smtp:mail.example.net

Source: cf/README, "USING MAILERTABLES"; observed with sendmail 8.17.1.9 -bt.
"""

TB141 = error("TB141", "a mailer without a host, in a mailertable")
"""Why: the mailer needs a host. Without one, sendmail takes a part of the address for it, and the mail cannot be
delivered.

Example:
    # sendmail.mc
    FEATURE(`mailertable')dnl
    # /etc/mail/mailertable
    example.net smtp:

Remedy: write the host after the colon.

Source: cf/README, "USING MAILERTABLES"; observed with sendmail 8.17.1.9 -bt.
"""

TB142 = declare("TB142", Severity.NOTE, "error: whose code becomes a part of the text, in a mailertable")
"""Why: the code is separated from the text by a colon, other than in a virtusertable. With a blank it becomes a part
of the text, and the code is that of an unspecific error.

Example:
    # sendmail.mc
    FEATURE(`mailertable')dnl
    # /etc/mail/mailertable
    example.net error:nohost 550 no such host

Remedy: write a colon between them: error:nohost:550 no such host

Source: cf/README, "USING MAILERTABLES"; observed with sendmail 8.17.1.9 -bt.
"""

TB150 = warning("TB150", "a key of the userdb that no lookup asks for")
"""Why: the user database is asked for name:maildrop, name:mailname and name:mailsender. An entry with another key is
never found.

Example:
    # sendmail.mc
    LOCAL_CONFIG
    O UserDatabaseSpec=/etc/mail/userdb.db
    # /etc/mail/userdb
    ann:office ann@example.com

Remedy: write maildrop for where mail goes, mailname for the address of what is sent.

Source: Sendmail Installation and Operation Guide, "The User Database".
"""

SM043 = error("SM043", "a host of a mailertable that is no host")
"""Why: hosts of a value are parted by colons, and have no ports: of host:587, sendmail takes 587 for a second host, and
connects to port 25 of the first. A bracket that is open, and a comma, belong to the name of the host, which does not
exist.

Example:
    # sendmail.mc
    FEATURE(`mailertable')dnl
    # /etc/mail/mailertable
    example.net smtp:[mail.example.net]:587

Remedy: write mailer:host or mailer:[host]; the port is the mailer's, in RELAY_MAILER_ARGS and the like in the .mc.

Source: cf/README, "USING MAILERTABLES", SMTP_MAILER_ARGS; observed with sendmail 8.17.1.9 -bt, /parse.
"""

_PLAIN_ADDRESS = possessive.compile(r"(?:[\w+=-]|%[0-3])[\w.+=-]*(?:@(?:[\w-]++\.)*+[\w-]+)?", re.ASCII)
_PLAIN_GENERICS = possessive.compile(r"[^\t]*\t[\w+=-][\w.+=-]*(?:@(?:[\w-]++\.)*+[\w-]+)?", re.ASCII)
_PLAIN_USER_KEY = possessive.compile(
    r"(?:[\w=-]++(?:\.[\w=-]++)*+(?:\+\*|\+\+)?|\+\*|\+\+)?@(?:[\w-]++\.)*+[\w-]+", re.ASCII
)
_PLAIN_DOMAIN = possessive.compile(r"\.?(?:[\w-]++\.)*+[\w-]+", re.ASCII)
_PLAIN_ROUTE = re.compile(r"\S+\t(?:e?smtp|relay):(?:\[[\w.]+\]|[\w.-]+)", re.ASCII)

_PARAMETER = re.compile(r"%([0-9])")
_COMMENT = re.compile(r"(?:^|\s)(#)")


class MapTarget(NamedTuple):
    """An address with its parameters, or an error: the ``code`` (a word or D.S.N) and the text."""

    address: str = ""
    code: str = ""
    text: str = ""


class MailerRoute(NamedTuple):
    """A value of the mailertable: a mailer, and the host, or the text of an error with its ``code``."""

    mailer: str
    host: str = ""
    code: str = ""


_DOT = (re.compile(r".*[^.]\.", re.DOTALL), "leave out the dot at the end")
_ANGLE = (re.compile(r"<.*>", re.DOTALL), "write the address without < and >")
_STAR = (re.compile(r"\*@.*", re.DOTALL), "write @example.com for the whole domain")
_SUBDOMAIN = (re.compile(r"[^@]*@\..*", re.DOTALL), "each subdomain needs an entry of its own")
_NEVER = {
    "virtuser": [
        _ANGLE,
        _STAR,
        _SUBDOMAIN,
        _DOT,
        (re.compile(r"[^@]+", re.DOTALL), "write user@example.com, or @example.com for the whole domain"),
        (re.compile(r"[^@]*@"), "write user@example.com, or @example.com for the whole domain"),
    ],
    "generics": [_ANGLE, _STAR, _SUBDOMAIN, _DOT, (re.compile(r"[^@]*@"), "write user or user@example.com")],
    "mailer": [
        (re.compile(r".*@.*", re.DOTALL), "write the domain alone: example.com"),
        (re.compile(r"\*.*", re.DOTALL), "write .example.com for the subdomains"),
        (re.compile(r"\[.*\]", re.DOTALL), "mail for an address in brackets does not come here"),
        _DOT,
    ],
    "domain": [
        (re.compile(r".*@.*", re.DOTALL), "write the domain alone: example.com"),
        (re.compile(r"[.*].*", re.DOTALL), "each subdomain needs an entry of its own"),
        _DOT,
    ],
}


def _key_reader(table: str, text: str) -> Side:
    fault = next((never_asked(text, hint) for pattern, hint in _NEVER[table] if pattern.fullmatch(text)), None)
    return Side(text, (fault,) if fault else ())


def read_virtuser_key(text: str) -> Side:
    """An address, or ``@domain``."""
    return _key_reader("virtuser", text)


def read_generics_key(text: str) -> Side:
    """An address, a user, or ``@domain``."""
    return _key_reader("generics", text)


def read_mailer_key(text: str) -> Side:
    """A domain, or ``.domain`` for its subdomains, or ``.`` for all."""
    return _key_reader("mailer", text)


def read_domain_key(text: str) -> Side:
    """A domain."""
    return _key_reader("domain", text)


def read_virtuser(text: str) -> Side:
    """The value of a virtusertable: `MapTarget`."""
    text = text.strip()
    if (found := _ERROR.match(text)) is None:
        if _NO_USER.fullmatch(text):
            hint = f"write %1{text}, which keeps the name before the @"
            return Side(None, (SideFault(TB130, f"{text} has no user: sendmail refuses the mail", hint),))
        return _read_address(text, "0123")
    words = _words("virtuser_error", text[found.end() :])
    if isinstance(words, SideFault):
        return Side(None, (words,))
    return Side(MapTarget(code=words.get("STATUS") or words["WORD"], text=words["TEXT"]))


def read_generics(key: str, value: str) -> Side:
    """The value of a genericstable, whose key may leave something for its parameter: `MapTarget`."""
    return _read_address(value.strip(), "01" if key.startswith("@") or "+*" in key else "0")


def _read_address(text: str, parameters: str) -> Side:
    if fault := _comment(text):
        return Side(None, (fault,))
    if _NO_ADDRESS.match(text):
        hint = "sendmail delivers to no command, file or list from here; put it into an alias, and that alias here"
        return Side(None, (SideFault(TB022, f"{text} is no address", hint),))
    words = _words("address", text)
    if isinstance(words, SideFault):
        return Side(None, (words,))
    return Side(MapTarget(words["ADDRESS"]), _parameters(text, parameters))


def _words(start: str, text: str) -> dict[str, str] | SideFault:
    """The words of a value by their kinds."""
    tree = parse_side("sendmail_maps", start, text)
    if isinstance(tree, SideFault):
        return tree
    return {token.type: str(token) for token in tree.tokens()}


_ERROR = re.compile(r"error\s*:\s*", re.IGNORECASE)
_NO_USER = re.compile(r"@[^\s@,:]+")
_NO_ADDRESS = re.compile(r'"?(?:\||/|:include:)', re.IGNORECASE)


def _comment(text: str) -> SideFault | None:
    found = _COMMENT.search(text)
    if found is None:
        return None
    hint = "a comment is a line of its own; here it becomes a part of the value"
    return SideFault(TB025, '"#" starts no comment', hint, found.start(1), 1, moved=True)


def _parameters(text: str, known: str) -> tuple[SideFault, ...]:
    faults = []
    for found in _PARAMETER.finditer(text):
        if found[1] not in known:
            hint = (
                f"this table has %0 to %{known[-1]}"
                if known != "0"
                else "only @domain and user+* leave something for it"
            )
            faults.append(SideFault(TB133, f"{found[0]} is always empty here", hint, found.start(), 2))
    return tuple(faults)


def read_route(key: str, value: str) -> Side:
    """The value of a mailertable, whose key may leave something for its parameters: `MailerRoute`."""
    text = value.strip()
    if found := _ERROR.match(text):
        words = _words("mailer_error", text[found.end() :])
        if isinstance(words, SideFault):
            return Side(None, (words,))
        code = words.get("STATUS") or words.get("NAMED", "")
        return Side(MailerRoute("error", words["TEXT"], code), _error_faults(code, words["TEXT"]))
    if fault := _comment(text):
        return Side(None, (fault,))
    if text.lower() == "discard:":
        return Side(MailerRoute("discard"))
    if _NO_HOST.fullmatch(text):
        hint = 'write for example "smtp:relay.example.com"'
        return Side(None, (SideFault(TB141, f"a host is missing after {text}", hint),))
    host_fault = _host_fault(text)
    words = _words("route", text)
    if isinstance(words, SideFault):
        return Side(None, (host_fault or words,))
    faults: tuple[SideFault, ...] = (host_fault,) if host_fault else ()
    faults += _parameters(text, "012") if key.startswith(".") else _empty_parameters(text)
    if "LOCAL" in words:
        return Side(MailerRoute("local", words.get("ADDRESS", "")), faults)
    return Side(MailerRoute(words["MAILER"], words["HOST"]), faults)


_SMTP = re.compile(r"(e?smtp8?|dsmtp|relay):(.*)", re.IGNORECASE | re.DOTALL)
_PORT = re.compile(r"(.*):(\d{1,5})", re.DOTALL)


def _host_fault(text: str) -> SideFault | None:
    """What is wrong with the host of a mailer that connects to hosts."""
    found = _SMTP.fullmatch(text)
    if found is None:
        return None
    mailer, host = found[1], found[2].strip()
    if port := _PORT.fullmatch(host):
        arguments = "RELAY_MAILER_ARGS" if mailer.lower() == "relay" else f"{mailer.upper()}_MAILER_ARGS"
        hint = f"write {mailer}:{port[1]}, and define(`{arguments}', `TCP $h {port[2]}')dnl in the .mc"
        return SideFault(SM043, f"{host} has no port: {port[2]} becomes a second host", hint)
    if host.count("[") != host.count("]"):
        name = host.strip("[]")
        return SideFault(SM043, f"{host} has an open bracket, which becomes a part of the name", f"write [{name}]")
    if "," in host:
        return SideFault(
            SM043, f"{host} is the name of one host", f"write {host.replace(',', ':')}: a colon parts hosts"
        )
    return None


_NO_HOST = re.compile(r"(?!local:)[^\s:\[\],@\"]+:", re.IGNORECASE)
_CODE = re.compile(r"(?:nouser|nohost|unavailable|protocol|usage|tempfail|config|software|[245]\.[0-9.]+)\s", re.I)


def _empty_parameters(text: str) -> tuple[SideFault, ...]:
    found = _PARAMETER.search(text)
    if found is None or found[1] == "0":
        return ()
    hint = "only keys like .example.com leave something for it to stand for"
    return (SideFault(TB133, f"{found[0]} is always empty here", hint, found.start(), 2),)


def _error_faults(code: str, text: str) -> tuple[SideFault, ...]:
    if code or not _CODE.match(text):
        return ()
    hint = "write a colon between them: error:nouser:550 text, error:5.7.0:550 text"
    return (SideFault(TB142, f'the text is "{text}", with its code', hint),)


def read_domain(text: str) -> Side:
    """The value of a domaintable: a name."""
    text = text.strip()
    if fault := _comment(text):
        return Side(None, (fault,))
    words = _words("domain", text)
    return Side(None, (words,)) if isinstance(words, SideFault) else Side(words["NAME"])


def read_userdb_key(text: str) -> Side:
    """``name:field``."""
    name, colon, field = text.rpartition(":")
    if not colon or not name:
        return Side(None, (SideFault(TB150, f"{text} has no field", "write name:maildrop or name:mailname"),))
    if field.lower() not in ("maildrop", "mailname", "mailsender"):
        hint = "write maildrop for where mail goes, mailname for the address of what is sent"
        return Side((name, field), (SideFault(TB150, f"no lookup asks for the field {field}", hint),))
    return Side((name, field))


VIRTUSER = Sides(read_virtuser_key, read_virtuser, _PLAIN_USER_KEY, _PLAIN_ADDRESS, easy_keys=True)
GENERICS = Sides(
    read_generics_key,
    None,
    re.compile(rf"{_PLAIN_USER_KEY.pattern}|[\w=-]+", re.ASCII),
    _PLAIN_GENERICS,
    by_key=read_generics,
    easy_keys=True,
)
MAILER = Sides(read_mailer_key, None, _PLAIN_DOMAIN, _PLAIN_ROUTE, by_key=read_route, easy_keys=True)
DOMAIN = Sides(
    read_domain_key, read_domain, possessive.compile(r"(?:[\w-]++\.)*+[\w-]+", re.ASCII), _PLAIN_DOMAIN, easy_keys=True
)
USERDB = Sides(read_userdb_key, easy_keys=True)

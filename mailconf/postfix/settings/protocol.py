"""What the protocol side of an smtpd service must know of the configuration (smtpd(8), postconf(5)).

smtpd_forbidden_commands is a list of commands and tables. Tables that are written in the value itself are asked, as
that of the default, ``regexp:{{/^[^A-Z]/ Bogus}}``; a table in a file is not, and reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mailconf.diagnostics import Sink, error, warning
from mailconf.maps.core.table import LookupTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.registry import open_table
from mailconf.model.site import Service
from mailconf.postfix.parameters.catalogue import PARAMETERS
from mailconf.postfix.parameters.releases import BLANK_COUNTED, ENDINGS_NAMED, EXCESS_ENDS, HELP_ANSWERED, ONE_FROM_LINE
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.security import ENCRYPT, MAY, auth_needs_tls, logins, server_level
from mailconf.smtp.options import BareNewline, ServerOptions, forbidden_by_default
from mailconf.source import encode

PF016 = warning("PF016", "smtpd_forbidden_commands names a table in a file")
"""Why: mailconf does not ask a table in a file for forbidden commands: explain and serve let such a client go on.

Example:
    # main.cf
    smtpd_forbidden_commands = hash:/etc/postfix/commands

Remedy: write the commands themselves, or a table of type regexp or pcre with its patterns in main.cf.

Source: postconf(5) smtpd_forbidden_commands, which takes tables since Postfix 3.7.
"""

PF223 = error("PF223", "smtpd_forbid_bare_newline or its reply's code has a value with which smtpd does not start")
"""Why: smtpd stops when it reads such a value, and no client gets an answer.

Example:
    # main.cf
    smtpd_forbid_bare_newline = maybe
    $ mailconf explain --to ann@example.com /etc/postfix

Remedy: write one of the values that the hint names; the code of the reply is from 500 to 599.

Source: postconf(5) smtpd_forbid_bare_newline, smtpd_forbid_bare_newline_reject_code; observed with Postfix 3.7.11,
which has them by a security update.
"""

_FORBIDDEN = "smtpd_forbidden_commands"
_BARE_NEWLINE, _BARE_NEWLINE_CODE = "smtpd_forbid_bare_newline", "smtpd_forbid_bare_newline_reject_code"
_RESPONSES = "smtpd_sasl_response_limit"
_HIDE_SESSION = "smtpd_hide_client_session"  # since 3.10
_BARE_NEWLINES = {"yes": BareNewline.NORMALIZE, **{word.value: word for word in BareNewline}}
_WORDS = "one of " + ", ".join(sorted(_BARE_NEWLINES))
_IN_PLACE = ("regexp:{", "pcre:{", "inline:{", "static:")


def protocol_options(c: Configuration) -> ServerOptions:
    """The options of the service that ``c`` is the view of; sizes and error limits are the Site's."""
    return ServerOptions(
        helo_required=c.boolean("smtpd_helo_required"),
        smtputf8=c.boolean("smtputf8_enable"),
        recipient_overshoot=c.integer("smtpd_recipient_overshoot_limit"),
        help=c.postfix.version >= HELP_ANSWERED,
        blank_counted=c.postfix.version >= BLANK_COUNTED,
        excess_ends=c.postfix.version >= EXCESS_ENDS,
        endings_named=c.postfix.version >= ENDINGS_NAMED,
        from_lines=c.postfix.version < ONE_FROM_LINE,
        vrfy=not c.boolean("disable_vrfy_command"),
        forbidden=forbidden_commands(c, _FORBIDDEN),
        ipv4=_allows(c, "ipv4"),
        ipv6=_allows(c, "ipv6"),
        noop_commands=tuple(word.upper() for word in c.words("smtpd_noop_commands")),
        bare_newline=_bare_newline(c),
        bare_newline_code=_bare_newline_code(c),
        forbid_pipelining=c.boolean("smtpd_forbid_unauth_pipelining"),
        starttls=server_level(c) in (MAY, ENCRYPT),
        tls_required=server_level(c) == ENCRYPT,
        auth=logins(c) is not None,
        auth_needs_tls=auth_needs_tls(c),
        response_length=max(c.integer("smtpd_sasl_response_limit"), 12_288) if c.is_known(_RESPONSES) else 12_288,
        proxy_protocol=c.value("smtpd_upstream_proxy_protocol"),
        hide_client_session=_HIDE_SESSION in c.postfix.parameters and c.boolean(_HIDE_SESSION),
    )


def _bare_newline(c: Configuration) -> BareNewline:
    """Of any version; what is no value of it forbids most."""
    return _BARE_NEWLINES.get(c.value(_BARE_NEWLINE).lower(), BareNewline.REJECT)


def _bare_newline_code(c: Configuration) -> int:
    code = c.integer(_BARE_NEWLINE_CODE)
    return code if 500 <= code <= 599 else 550


def report_protocol(configuration: Configuration, services: Iterable[Service], sink: Sink) -> None:
    """Report the values with which smtpd(8), of main.cf or of one of ``services``, would not start."""
    for c in [configuration, *(configuration.for_service(service) for service in services if service.overrides)]:
        found = {
            _BARE_NEWLINE: ("" if c.value(_BARE_NEWLINE).lower() in _BARE_NEWLINES else _WORDS),
            _BARE_NEWLINE_CODE: ("" if 500 <= c.integer(_BARE_NEWLINE_CODE) <= 599 else "a code from 500 to 599"),
        }
        for name, remedy in found.items():
            if remedy:
                message = f'smtpd does not start with the value "{c.value(name)}" of {name}'
                sink.report(PF223, message, c.place(name), hint=f"write {remedy}")


def _allows(c: Configuration, family: str) -> bool:
    words = c.words("inet_protocols")
    return not words or "all" in words or family in words


def forbidden_commands(c: Configuration, name: str) -> Callable[[str], bool]:
    """Whether an unknown command, in upper case, is one that the list ``name`` has."""
    return forbidden_by_default if c.value(name) == PARAMETERS[_FORBIDDEN][1] else _Forbidden(c, name)


class _Forbidden:
    """A list of commands as a question."""

    def __init__(self, c: Configuration, name: str) -> None:
        self.commands: set[str] = set()
        self.tables: list[LookupTable] = []
        for word in c.words(name):
            table = self._table(word) if ":" in word else None
            if table is not None:
                self.tables.append(table)
            elif ":" in word:
                hint = "write the commands, or a regexp:{...} table, into the list"
                c.report(name, PF016, f'{name}: the table "{word}" is not asked', hint)
            else:
                self.commands.add(word.upper())

    @staticmethod
    def _table(word: str) -> LookupTable | None:
        try:
            return open_table(word) if word.startswith(_IN_PLACE) else None
        except (UnsupportedMap, OSError, ValueError):
            return None

    def __call__(self, verb: str) -> bool:
        try:
            return verb in self.commands or any(table.lookup(encode(verb)) is not None for table in self.tables)
        except TemporaryFailure:
            return False  # the command is refused in any case, with milder words

"""Values with a form of their own: host names, milters, TLS protocols (postconf(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error
from mailconf.ports import Ports
from mailconf.postfix.settings.hostnames import valid_domain
from mailconf.postfix.text.expand import parse_level
from mailconf.postfix.text.words import texts, unbraced

CK080 = error("CK080", "a value does not have the form that its parameter needs")
"""Why: a value of this parameter has a form of its own: a host name, an absolute path, the place of a mail filter, a
protocol of TLS. Postfix stops at other values, or does without the setting: with the milter of the example each MAIL
command is answered "451 4.3.5 Server configuration problem - try again later".

Example:
    # main.cf
    smtpd_milters = localhost:8891

Remedy: write what the hint describes.

Source: postconf(5), the parameter; observed with Postfix 3.7.11.
"""

HOST_NAMES = ("mydomain", "myhostname")
MILTERS = ("non_smtpd_milters", "smtpd_milters")
REWRITE_CLIENTS = (
    *("permit_inet_interfaces", "permit_mynetworks", "permit_sasl_authenticated", "permit_tls_all_clientcerts"),
    *("permit_tls_clientcerts", "check_address_map"),
)
PATHS = ("mailq_path", "manpage_directory", "newaliases_path", "sendmail_path")
PATHS_OR_NONE = ("html_directory", "readme_directory")
SASL_OPTIONS = ("forward_secrecy", "mutual_auth", "noactive", "noanonymous", "nodictionary", "noplaintext")
CIPHER_GRADES = ("export", "high", "low", "medium", "null")
_PROTOCOL = re.compile(r"(!|>=|<=)?(SSLv2|SSLv3|TLSv1(\.[0-3])?|0x[0-9a-f]{3,4})\Z", re.IGNORECASE)
_MILTER = re.compile(r"(?:unix|local):.+|inet6?:[^@]+:(?P<port>[^:@]+)", re.DOTALL)
_SENDMAILS = re.compile(r"inet6?:([^@]+)@(.+)", re.DOTALL)  # how sendmail writes the place of a milter
_ACTIONS = ("accept", "reject", "tempfail", "quarantine", "shutdown")
_SAME_MILTERS = ("$smtpd_milters", "${smtpd_milters}", "$non_smtpd_milters", "${non_smtpd_milters}")
_HIGHEST_PORT = 65535


def values(subject: Subject, sink: Sink) -> None:
    """Report values of main.cf and of services' ``-o`` that are not of their parameter's form."""
    for view, name in ((view, name) for view, names in subject.configuration.views() for name in names):
        if name not in subject.postfix.parameters:
            continue
        value = view.value(name)
        problems = _problems(name, value) if value else ()
        if name in MILTERS and value and view.raw(name).strip() not in _SAME_MILTERS:
            problems = _milters(value, view.ports)
        for problem, hint in problems:
            sink.report(CK080, f"{name}: {problem}", view.place(name), hint=hint)


def _milters(value: str, ports: Ports) -> Iterator[tuple[str, str]]:
    """The mail filters of a value whose address is missing, or whose port cannot be one."""
    for word in texts(value):
        milter = (texts(unbraced(word)) or [""])[0]
        place = _MILTER.fullmatch(milter)
        if place is None:
            yield f'"{milter}" is no place of a milter', _milter_hint(milter)
        elif port := place["port"] or "":
            number = ports.number(port)
            if number is None or not 0 < number <= _HIGHEST_PORT:
                yield f'"{milter}": {port} is no port', f"write a port from 1 to {_HIGHEST_PORT}"


def _milter_hint(milter: str) -> str:
    """What is meant where a word of smtpd_milters has no type, or no port."""
    if sendmails := _SENDMAILS.fullmatch(milter):
        host = f"[{sendmails[2]}]" if ":" in sendmails[2] else sendmails[2]
        return f"write inet:{host}:{sendmails[1]}"
    if milter.startswith("/"):
        return f"write unix:{milter}"
    host, _, port = milter.rpartition(":")
    if host and port.isdecimal() and not host.startswith(("inet", "unix", "local")):
        return f"write inet:{milter}"
    return "write inet:host:port or unix:path"


def _problems(name: str, value: str) -> Iterator[tuple[str, str]]:
    """What is wrong with an expanded value, with what to do."""
    if name == "compatibility_level" and parse_level(value) is None:
        yield f'"{value}" is no compatibility level', "write 0, 1, 2, or a version such as 3.6"
    elif name in HOST_NAMES and not valid_domain(value):
        yield f'"{value}" is no host name', "write a name of letters, digits, - and dots, without quotes"
    elif name == "milter_default_action" and value not in _ACTIONS and not value.startswith("quarantine "):
        yield f'there is no action "{value}"', f"write one of {', '.join(_ACTIONS)}"
    elif name == "myorigin" and len(texts(value)) > 1:
        yield f'"{value}" is more than one domain', "write one domain"
    elif name in PATHS and not value.startswith("/"):
        yield f'"{value}" is no absolute path', "write a path that begins with /"
    elif name in PATHS_OR_NONE and value != "no" and not value.startswith("/"):
        yield f'"{value}" is no absolute path', "write a path that begins with /, or no"
    elif name.endswith(("_tls_protocols", "_tls_mandatory_protocols")):
        for word in re.split("[, \t\r\n:]+", value):
            if word and not _PROTOCOL.match(word):
                yield f'there is no protocol "{word}"', "write >=TLSv1.2, or !TLSv1 for each that is not wanted"
    elif name == "local_header_rewrite_clients" or name.endswith(("_sasl_security_options", "_tls_security_options")):
        known = REWRITE_CLIENTS if name == "local_header_rewrite_clients" else SASL_OPTIONS
        for word in texts(value):
            if word.lower() not in known and ":" not in word:
                yield f'there is no "{word}"', f"it takes some of {', '.join(known)}"
    elif name.endswith(("_tls_ciphers", "_tls_mandatory_ciphers")) and value.lower() not in CIPHER_GRADES:
        yield f'there is no cipher grade "{value}"', f"write one of {', '.join(CIPHER_GRADES)}"

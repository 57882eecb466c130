"""What postscreen(8) is asked for by main.cf and by the ``-o`` of its line in master.cf."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from mailconf.diagnostics import Sink, error
from mailconf.model.screening import Screening
from mailconf.model.site import Service
from mailconf.postfix.settings.answer_pattern import AnswerPattern
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.protocol import forbidden_commands
from mailconf.postfix.settings.security import ENCRYPT, MAY
from mailconf.postfix.text.words import split_words
from mailconf.smtp.screening import Action, TalkOptions, Test

PF299 = error("PF299", "postscreen does not start with a value that it has")
"""Why: postscreen stops when it reads such a value, and no client gets an answer.

Example:
    # main.cf
    postscreen_dnsbl_sites = bl.example*two
    # master.cf
    2525 inet n - n - 1 postscreen
    smtpd pass - - n - - smtpd
    $ mailconf explain --service 2525 --to ann@example.com /etc/postfix

Remedy: an action is ignore, enforce or drop; a list is zone, zone=pattern, zone*weight or zone=pattern*weight, the
weight a whole number.

Source: postconf(5) postscreen_dnsbl_sites, postscreen_greet_action; observed with Postfix 3.7.11.
"""

_WEIGHT = re.compile(r"[ \t]*([+-]?[0-9]+)[ \t]*\Z", re.ASCII)
# Of a test of manners: whether it is done, what it leads to, how long it need not be passed again.
_MANNERS = {
    Test.PIPELINING: (
        "postscreen_pipelining_enable",
        "postscreen_pipelining_action",
        "postscreen_pipelining_ttl",
    ),
    Test.COMMANDS: (
        "postscreen_non_smtp_command_enable",
        "postscreen_non_smtp_command_action",
        "postscreen_non_smtp_command_ttl",
    ),
    Test.LINE_ENDS: (
        "postscreen_bare_newline_enable",
        "postscreen_bare_newline_action",
        "postscreen_bare_newline_ttl",
    ),
}
_SITES = "postscreen_dnsbl_sites"
_ACTIONS = frozenset(action.value for action in Action)
_LEVELS = (MAY, ENCRYPT)


class ListedSite(NamedTuple):
    """One of postscreen_dnsbl_sites: a list in the DNS, which of its answers count, and for how much.

    problem  what is wrong with it, with which postscreen(8) does not start
    """

    zone: str
    pattern: AnswerPattern
    weight: int = 1
    problem: str = ""

    @classmethod
    def parse(cls, word: str) -> ListedSite:
        """``zone=pattern*weight``."""
        rest, _, weight = word.rpartition("*") if "*" in word else (word, "", "1")
        zone, equals, pattern = rest.partition("=")
        found = _WEIGHT.match(weight)
        compiled = AnswerPattern.parse(pattern if equals else None)
        problem = compiled.problem
        if not found:
            problem = f'bad DNSBL weight factor "{weight}" in "{word}"'
        elif not zone:
            problem = f'bad DNSBL domain name "{zone}" in "{word}"'
        return cls(zone, compiled, int(found[1]) if found else 0, problem)


def sites(c: Configuration) -> list[ListedSite]:
    return [ListedSite.parse(word.text) for word in split_words(c.value(_SITES))]


def named(c: Configuration, name: str) -> str:
    """The name by which this version knows a parameter of 3.6 and later."""
    if c.is_known(name):
        return name
    return name.replace("denylist", "blacklist").replace("allowlist", "whitelist")


def screening(c: Configuration, lists: bool) -> Screening:
    """``c`` is what the service sees; ``lists``: there are lists in the DNS to ask."""
    actions = {Test.GREETING: _action(c, "postscreen_greet_action")} if c.value("postscreen_greet_banner") else {}
    if lists:
        actions[Test.LISTS] = _action(c, "postscreen_dnsbl_action")
    manners = {test: _action(c, action) for test, (_, action, _) in _MANNERS.items()}
    actions |= {test: manners[test] for test, (enabled, _, _) in _MANNERS.items() if c.boolean(enabled)}
    lasting = {test: c.seconds(ttl) for test, (_, _, ttl) in _MANNERS.items()}
    return Screening(
        talk=_talk(c),
        actions=actions,
        denied=_action(c, named(c, "postscreen_denylist_action")),
        wait=c.seconds("postscreen_greet_wait"),
        teaser=c.value("postscreen_greet_banner"),
        threshold=c.integer("postscreen_dnsbl_threshold"),
        allowing=c.integer(named(c, "postscreen_dnsbl_allowlist_threshold")),
        list_time=c.seconds("postscreen_dnsbl_timeout") if c.is_known("postscreen_dnsbl_timeout") else 10.0,
        lasting={Test.GREETING: c.seconds("postscreen_greet_ttl"), **lasting},
        connections=c.integer("postscreen_client_connection_count_limit"),
        most=c.integer("postscreen_pre_queue_limit"),
        command_time=c.seconds("postscreen_command_time_limit"),
        proxy_protocol=c.value("postscreen_upstream_proxy_protocol"),
        proxy_time=c.seconds("postscreen_upstream_proxy_timeout"),
        manners=manners,
        remembers=bool(c.value("postscreen_cache_map")),
        replaces=bool(c.value("postscreen_command_filter")),
    )


def report_screening(configuration: Configuration, services: Iterable[Service], sink: Sink) -> None:
    """Report the values with which postscreen(8) would not start, of the services that have clients tested (PF299)."""
    for service in services:
        front = service.front
        if front is None:
            continue
        c = configuration.for_service(front)
        names = ["postscreen_greet_action", "postscreen_dnsbl_action", named(c, "postscreen_denylist_action")]
        for name in (*names, *(action for _, action, _ in _MANNERS.values())):
            if c.value(name) not in _ACTIONS:
                message = f'postscreen does not start with the value "{c.value(name)}" of {name}'
                sink.report(PF299, message, c.place(name), hint="write ignore, enforce or drop")
        for problem in filter(None, (site.problem for site in sites(c))):
            hint = "write zone, zone=pattern, zone*weight or zone=pattern*weight"
            sink.report(PF299, f"postscreen does not start: {problem}", c.place(_SITES), hint=hint)


def _action(c: Configuration, name: str) -> Action:
    """A value that is none is an error (PF299), and counts as what refuses most."""
    try:
        return Action(c.value(name))
    except ValueError:
        return Action.DROP


def tls_level(c: Configuration) -> str:
    """postconf(5) postscreen_tls_security_level, in the place of which two older parameters may stand."""
    level = c.value("postscreen_tls_security_level").lower()
    if level:
        return level if level in _LEVELS or level == "none" else ENCRYPT
    return ENCRYPT if c.boolean("postscreen_enforce_tls") else MAY if c.boolean("postscreen_use_tls") else "none"


def _talk(c: Configuration) -> TalkOptions:
    level = tls_level(c)
    return TalkOptions(
        hostname=c.value("myhostname"),
        banner=c.value("smtpd_banner"),
        size=c.integer("message_size_limit"),
        vrfy=not c.boolean("postscreen_disable_vrfy_command"),
        smtputf8=c.boolean("smtputf8_enable"),
        helo_required=c.boolean("postscreen_helo_required"),
        forbidden=forbidden_commands(c, "postscreen_forbidden_commands"),
        commands=c.integer("postscreen_command_count_limit"),
        line_length=c.integer("line_length_limit"),
        starttls=level in _LEVELS,
        tls_required=level == ENCRYPT,
        withheld=frozenset(word.lower() for word in c.words("postscreen_discard_ehlo_keywords")),
    )

"""Which commands and which tools of the originals there are, and the module of each."""

from __future__ import annotations

TOOLS = {
    "editmap": "mailconf.cli.sendmail.editmap",
    "hoststat": "mailconf.cli.sendmail.sendmail",
    "m4": "mailconf.cli.sendmail.m4",
    "makemap": "mailconf.cli.sendmail.makemap",
    "newaliases": "mailconf.cli.sendmail.newaliases",
    "mailq": "mailconf.cli.sendmail.by_dialect",
    "postalias": "mailconf.cli.postfix.postalias",
    "postcat": "mailconf.cli.postfix.postcat",
    "postfix": "mailconf.cli.postfix.control",
    "postconf": "mailconf.cli.postfix.postconf",
    "postmap": "mailconf.cli.postfix.postmap",
    "postqueue": "mailconf.cli.postfix.postqueue",
    "postsuper": "mailconf.cli.postfix.postsuper",
    "praliases": "mailconf.cli.sendmail.praliases",
    "purgestat": "mailconf.cli.sendmail.sendmail",
    "qshape": "mailconf.cli.postfix.qshape",
    "sendmail": "mailconf.cli.sendmail.by_dialect",
}

# Tools of the originals that mailconf does not have yet: a link of such a name prints a message and does nothing.
LATER = frozenset(
    (
        "mailstats",
        "postdrop",
        "postkick",
        "postlock",
        "postlog",
        "postmulti",
        "rmail",
        "smrsh",
        "vacation",
    )
)
COMMANDS = {
    "build": "mailconf.cli.own.build",
    "check": "mailconf.cli.own.check",
    "explain": "mailconf.cli.own.explain",
    "makefile": "mailconf.cli.own.makefile",
    "rule": "mailconf.cli.own.rule",
    "serve": "mailconf.cli.own.serve",
    "test": "mailconf.cli.own.test",
}

"""Reply codes of main.cf and of services that smtpd(8) cannot use as they are."""

from __future__ import annotations

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, warning
from mailconf.postfix.policy.smtpd import LISTS
from mailconf.postfix.policy.smtpd_settings import CODES
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.text.words import texts

CK081 = warning("CK081", "a reply code that refuses nothing")
"""Why: a refusal has a code from 400 to 599. In place of any other code, smtpd answers "450 4.7.1 Service
unavailable" and logs a warning: the client keeps its message and tries again for days, and the reason is lost. Codes
that begin with ``unverified_`` may also be 2xx, which accepts the address. ``defer_unauth_destination`` answers
relay_domains_reject_code less 100, which therefore has to be 500 or more where that restriction is in use.

Example:
    # main.cf
    access_map_reject_code = 250

Remedy: write one of the codes of SMTP, 4 or 5 and two digits; 4 asks the client to try again, 5 refuses for good.

Source: postconf(5), the parameters whose names end in ``_code``; the reply and the warning are those of Postfix
3.7.11.
"""

_RELAY = "relay_domains_reject_code"
_ACCEPTING = "unverified_"  # of these, 2xx accepts the address, which the manual describes
_INSTEAD = "Postfix answers 450 4.7.1 Service unavailable instead"


def codes(subject: Subject, sink: Sink) -> None:
    """Report codes of main.cf and of services' ``-o`` that are no refusals."""
    for view, names in subject.configuration.views():
        for name in names:
            if name in CODES and (text := view.value(name)).removeprefix("-").isdecimal() and text.isascii():
                _code(view, name, text, sink)


def _code(view: Configuration, name: str, text: str, sink: Sink) -> None:
    code = int(text) if len(text) < 10 else 0
    if not 400 <= code <= 599 and not (name.startswith(_ACCEPTING) and 200 <= code <= 299):
        hint = "write one of SMTP's: 4 and two digits, or 5 and two digits"
        sink.report(CK081, f"{name} is {text}, which is no refusal: {_INSTEAD}", view.place(name), hint=hint)
    elif name == _RELAY and code < 500 and any("defer_unauth_destination" in texts(view.value(n)) for n in LISTS):
        message = f"defer_unauth_destination answers {name} less 100, which is {code - 100}: {_INSTEAD}"
        sink.report(CK081, message, view.place(name), hint="write a code from 500 to 599")

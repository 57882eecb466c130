"""Names and numbers of the rulesets in our sendmail.cf.

sendmail has room for 100 rulesets that have a name alone ("too many named rulesets (100 max)"), and LOCAL_RULESETS
needs some of it. So those of ours that no section and no script can know get a number below 90 beside their name; what
the sections of a .mc define or call by number is left alone.
"""

from __future__ import annotations

import re

# What the library's .cf has as well: these keep their names, without a number, for sections and `sendmail -bt`.
KNOWN = frozenset(
    (  # noqa: SIM905
        "A AddDomain Basic_check_mail Basic_check_rcpt Basic_check_relay CanonAddr ConnControl D E EnvFromL EnvFromSMTP"
        " EnvFromUD EnvFromUUD EnvToL EnvToSMTP EnvToU F FromU FullAddr HdrFromL HdrFromSMTP HdrToL HdrToU MasqRelay"
        " MasqSMTP Parse0 Parse1 ParseRecipient PseudoToReal RateControl Rcpt_ok RelayTLS Relay_ok SearchList"
        " TLS_connection U authinfo check_compat check_mail check_other check_rcpt check_relay checkmail checkrcpt"
        " checkrelay clt_features greet_pause max queuegroup srv_features tls_client tls_clt_features tls_rcpt"
        " tls_server tls_srv_features trust_auth try_tls"
    ).split()
)
_HIGHEST, _LOWEST = 89, 6  # the numbers from 90 are the library's, as are those up to 5
_DEFINED = re.compile(r"^S\s*([A-Za-z_]\w*)", re.MULTILINE)
_OURS = re.compile(r"^S([A-Za-z_]\w*)$", re.MULTILINE)
_NUMBERS = re.compile(r"^S\s*(?:\w+\s*=\s*)?(\d+)|\$>\s*(\d+)", re.MULTILINE)


def numbered(text: str, sections: str) -> str:
    """The text of our rulesets with a number for each that is not in `KNOWN`.

    ``sections`` are the rules that come from the .mc: a number that they use is not given, and a ruleset of ours that
    has the name of one of theirs gets another one.
    """
    theirs = set(_DEFINED.findall(sections))
    taken = {int(number) for pair in _NUMBERS.findall(sections) for number in pair if number}
    free = (number for number in range(_HIGHEST, _LOWEST - 1, -1) if number not in taken)
    names = {}
    for name in dict.fromkeys(_OURS.findall(text)):
        if name in KNOWN or name.startswith("Local_"):
            continue
        own = f"own_{name}" if name in theirs else name
        number = next(free, None)
        names[name] = own, own if number is None else f"{own}={number}"
    text = _OURS.sub(lambda match: f"S{names[match[1]][1]}" if match[1] in names else match[0], text)
    return re.sub(r"(\$>\s*)(\w+)", lambda match: match[1] + names.get(match[2], (match[2],))[0], text)
